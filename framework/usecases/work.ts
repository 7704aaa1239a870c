// Several transitions of several tasks inside one transaction: read and lock once, decide purely, write once.
import type {
  DomainEvent,
  Effect,
  EventType,
  Hint,
  OutboxEntry,
  TaskEvent,
  Waits,
} from '../domain/effects.ts'
import { type Attempt, isTerminal, type TaskCore } from '../domain/task.ts'
import { nextTimer } from '../domain/timers.ts'
import { transition } from '../domain/transitions.ts'
import type { Queryable } from '../store/pool.ts'
import { finishTasks } from '../store/queries/finish-tasks.ts'
import { insertEvents } from '../store/queries/insert-events.ts'
import { insertOutbox } from '../store/queries/insert-outbox.ts'
import { lockTasks } from '../store/queries/lock-tasks.ts'
import { selectAttempts } from '../store/queries/select-attempts.ts'
import { updateTasks } from '../store/queries/update-tasks.ts'
import { upsertAttempts } from '../store/queries/upsert-attempts.ts'

interface Entry {
  task: TaskCore
  readonly attempts: Attempt[]
  /** Numbers of attempts to write; `task`: the task itself is to be written. */
  readonly dirty: Set<number | 'task'>
}

export class Work {
  readonly #db: Queryable
  readonly #now: Date
  readonly #waits: Waits
  readonly #entries: Map<number, Entry>
  readonly #events: { readonly task: TaskCore; readonly event: DomainEvent }[] = []
  readonly #outbox: OutboxEntry[] = []
  /** To be given to the notifier after the commit. */
  readonly hints = new Set<Hint>()

  private constructor(db: Queryable, now: Date, waits: Waits, entries: Map<number, Entry>) {
    this.#db = db
    this.#now = now
    this.#waits = waits
    this.#entries = entries
  }

  /** Locks those of the tasks that are live. */
  static async lock(db: Queryable, taskIds: readonly number[], now: Date, waits: Waits): Promise<Work> {
    const tasks = taskIds.length === 0 ? [] : await lockTasks(db, taskIds)
    const launched = tasks.filter(task => task.attempt > 0).map(task => task.id)
    const attempts = launched.length === 0 ? new Map() : await selectAttempts(db, launched)
    const entries = tasks.map((task): [number, Entry] => [
      task.id,
      { task, attempts: attempts.get(task.id) ?? [], dirty: new Set() },
    ])
    return new Work(db, now, waits, new Map(entries))
  }

  get taskIds(): readonly number[] {
    return [...this.#entries.keys()]
  }

  task(taskId: number): TaskCore | undefined {
    return this.#entries.get(taskId)?.task
  }

  currentAttempt(taskId: number): Attempt | undefined {
    const entry = this.#entries.get(taskId)
    return entry?.attempts.find(attempt => attempt.number === entry.task.attempt)
  }

  attemptOf(taskId: number, mesosTaskId: string): Attempt | undefined {
    return this.#entries.get(taskId)?.attempts.find(attempt => attempt.mesosTaskId === mesosTaskId)
  }

  /** The effect on a task that was locked; what it changes counts for the next call. */
  apply<E extends EventType>(taskId: number, attempt: Attempt | undefined, event: TaskEvent<E>): Effect {
    const entry = this.#entries.get(taskId)
    if (!entry) return { kind: 'ignore', why: 'not a live task', kill: false }
    const effect = transition(entry.task, attempt, event, this.#now, this.#waits)
    if (effect.kind !== 'update') return effect
    entry.task = effect.task
    entry.dirty.add('task')
    if (effect.attempt) {
      const { number } = effect.attempt
      const index = entry.attempts.findIndex(known => known.number === number)
      if (index < 0) entry.attempts.push(effect.attempt)
      else entry.attempts[index] = effect.attempt
      entry.dirty.add(number)
    }
    for (const event of effect.events) this.#events.push({ task: effect.task, event })
    this.#outbox.push(...effect.outbox)
    for (const hint of effect.hints) this.hints.add(hint)
    return effect
  }

  /** Has the task's timers computed anew, though nothing else changed. */
  touch(taskId: number): void {
    this.#entries.get(taskId)?.dirty.add('task')
  }

  async write(): Promise<void> {
    const changed = [...this.#entries.values()].filter(entry => entry.dirty.size > 0)
    const ended = changed.filter(({ task }) => isTerminal(task.state))
    const live = changed.filter(({ task }) => !isTerminal(task.state))
    const attempts = live.flatMap(({ task, attempts, dirty }) =>
      attempts.filter(({ number }) => dirty.has(number)).map(attempt => ({ taskId: task.id, attempt })),
    )
    if (live.length > 0) {
      await updateTasks(
        this.#db,
        live.map(entry => ({ task: entry.task, timerAt: this.#timerAt(entry) })),
      )
    }
    if (attempts.length > 0) await upsertAttempts(this.#db, attempts)
    if (ended.length > 0) await finishTasks(this.#db, ended)
    if (this.#events.length > 0) {
      const logged = this.#events.map(({ task, event }) => {
        const { id: taskId, tenant, name } = task
        return { ...event, at: this.#now, tenant, taskId, name }
      })
      await insertEvents(this.#db, logged)
    }
    if (this.#outbox.length > 0) await insertOutbox(this.#db, this.#now, this.#outbox)
  }

  #timerAt({ task, attempts }: Entry): Date | undefined {
    const current = attempts.find(attempt => attempt.number === task.attempt)
    return nextTimer(task, current, this.#waits)?.at
  }
}
