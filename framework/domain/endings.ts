// What becomes of a task when its current attempt is over: again, or which terminal state. Pure.
import { judge, type Verdict } from './blame.ts'
import type { DomainEvent, Effect, Hint, OutboxEntry, Update } from './effects.ts'
import { parseResult } from './result.ts'
import { faultDelayMs, retryBackoffMs } from './retry.ts'
import { type Attempt, type Hold, isTerminal, isWaiting, type TaskCore, type TerminalState } from './task.ts'
import type { AttemptReport, MesosUpdate } from './update.ts'

const maxMessageChars = 4_000

/** Why and how an attempt ended, as far as the task's further way depends on it. */
export interface Ending {
  readonly verdict: Verdict
  /** For people: why. */
  readonly cause: string
  /** Its container may have outlived it. */
  readonly hold?: Hold
  /** It may even come back to run: said in the record from now on. */
  readonly caveat?: string
  /** Nobody will hear of it again, nor kill it. */
  readonly forsaken?: boolean
  readonly resultJson?: string
}

/** The attempt is over by itself and well. A kill that came too late does not change that. */
export function finish(
  task: TaskCore,
  attempt: Attempt,
  report: AttemptReport | undefined,
  now: Date,
): Effect {
  const result = resultOf(report?.resultJson)
  const note = report?.resultError ?? ('error' in result ? result.error : undefined)
  return update(task, terminal(withResult(task, attempt, result), 'FINISHED', note, now), attempt)
}

/** The attempt is over otherwise: a kill wins (S74), then the verdict and the task's policy decide. */
export function conclude(task: TaskCore, attempt: Attempt, ending: Ending, now: Date): Effect {
  const { verdict } = ending
  // Nobody is to blame for what was asked for.
  const asked = task.killRequestedAt !== undefined && attempt.state === 'TASK_KILLED'
  const blamed: Attempt = {
    ...attempt,
    ...(asked ? {} : { blame: verdict.blame }),
    message: clip(ending.cause),
  }
  const cause = `${ending.cause}${remainder(ending)}`
  const base = withResult(task, blamed, resultOf(ending.resultJson))
  const end = (state: TerminalState, message: string, changes: Partial<TaskCore> = {}): Effect => ({
    ...update(task, terminal({ ...base, ...changes }, state, message, now), blamed),
    ...(asked ? {} : { verdict }),
  })
  if (task.killRequestedAt) return end('KILLED', cause)
  if (verdict.retry === 'never') return end('ERROR', cause)

  let exhausted = ''
  if (verdict.fault) {
    const { name, cap, beyond } = verdict.fault
    const count = (Object.hasOwn(task.faults, name) ? (task.faults[name] ?? 0) : 0) + 1
    const faults = { ...task.faults, [name]: count }
    if (count <= cap) {
      const again = `${ending.cause}; runs again, not counted as its own failure`
      const delayMs = faultDelayMs(Object.values(faults).reduce((sum, n) => sum + n, 0))
      return { ...update(task, requeue({ ...base, faults }, again, delayMs, ending, now), blamed), verdict }
    }
    exhausted = ` (${name} ${count} times, ${cap} are free)`
    if (beyond === 'error') return end('ERROR', `${cause}${exhausted}`, { faults })
  }
  const failures = task.failures + 1
  const { retry } = task.spec
  if (failures > retry.max) return end('FAILED', `${cause}${exhausted}`, { failures })
  const again = `${ending.cause}${exhausted}; retry ${failures} of ${retry.max}`
  const requeued = requeue({ ...base, failures }, again, retryBackoffMs(retry, failures), ending, now)
  return { ...update(task, requeued, blamed), verdict }
}

/** Ends a task that waits: nothing of it is at Mesos, except what a hold says. */
export function endWaiting(task: TaskCore, state: TerminalState, message: string, now: Date): Effect {
  const left = task.hold ? remainder({ hold: task.hold }) : ''
  return update(task, terminal(task, state, `${message}${left}`, now), undefined)
}

/** The change, with what follows from the change of state: log, callback, hints. */
export function update(before: TaskCore, task: TaskCore, attempt: Attempt | undefined): Update {
  const events: DomainEvent[] = []
  const outbox: OutboxEntry[] = []
  const hints: Hint[] = []
  if (task.killRequestedAt && !before.killRequestedAt && !isTerminal(task.state)) {
    events.push({ type: 'kill_requested', state: task.state, attempt: task.attempt })
    hints.push('kills')
  }
  if (task.overranAt && !before.overranAt) hints.push('kills')
  if (task.state !== before.state) {
    const { state, attempt: number, message } = task
    events.push({ type: 'state', state, attempt: number, ...(message === undefined ? {} : { message }) })
    const { callback } = task.spec
    if (callback && (callback.on as readonly string[]).includes(state)) {
      const { spec: _, ...snapshot } = task
      outbox.push({ url: callback.url, task: snapshot, ...(attempt ? { attempt } : {}) })
      hints.push('outbox')
    }
  }
  if (task.state === 'QUEUED') hints.push('pending')
  if (events.length > 0) hints.push('events')
  return { kind: 'update', task, ...(attempt ? { attempt } : {}), events, outbox, hints }
}

/** A copy without the named fields: with exact optional properties, undefined is no way to say "absent". */
export function without<T extends object, K extends keyof T>(value: T, ...names: K[]): Omit<T, K> {
  const copy = { ...value }
  for (const name of names) delete copy[name]
  return copy
}

export function clip(text: string): string {
  return text.length <= maxMessageChars ? text : `${text.slice(0, maxMessageChars - 1)}…`
}

function terminal(task: TaskCore, state: TerminalState, message: string | undefined, now: Date): TaskCore {
  const parts = [message, task.caveat].filter(part => part !== undefined && part !== '')
  const waitedMs = isWaiting(task.state) ? waited(task, now) : task.waitedMs
  return {
    ...without(task, 'message', 'notBefore', 'hold', 'queuedAt', 'overranAt'),
    state,
    waitedMs,
    finishedAt: now,
    ...(parts.length === 0 ? {} : { message: clip(parts.join('. ')) }),
  }
}

function requeue(task: TaskCore, message: string, delayMs: number, ending: Ending, now: Date): TaskCore {
  const { hold, caveat } = ending
  const waits = hold ? `; waits until ${hold.until.toISOString()} since its container may still run` : ''
  return {
    ...without(task, 'notBefore', 'hold', 'overranAt', 'result'),
    state: 'QUEUED',
    queuedAt: now,
    message: clip(`${message}${waits}`),
    ...(delayMs > 0 ? { notBefore: new Date(now.getTime() + delayMs) } : {}),
    ...(hold ? { hold } : {}),
    ...(caveat === undefined ? {} : { caveat: addCaveat(task.caveat, caveat) }),
  }
}

/** All waiting together, in ms, at `now`. */
export function waited(task: Pick<TaskCore, 'waitedMs' | 'queuedAt'>, now: Date): number {
  return task.waitedMs + (task.queuedAt ? Math.max(0, now.getTime() - task.queuedAt.getTime()) : 0)
}

export function addCaveat(before: string | undefined, caveat: string): string {
  return clip(before === undefined ? caveat : `${before}. ${caveat}`)
}

/** What may be left running when a task ends although its container could not be watched to its end. */
function remainder(end: Pick<Ending, 'hold' | 'caveat' | 'forsaken'>): string {
  if (end.forsaken) return '; it may run on there'
  if (end.hold) return '; its container may run on until the next executor on that agent removes it'
  return end.caveat === undefined ? '' : '; it may run on there, and is killed when it comes back'
}

type Result = { readonly value: unknown } | { readonly error: string } | object

function resultOf(text: string | undefined): Result {
  return text === undefined ? {} : parseResult(text)
}

function withResult(task: TaskCore, attempt: Attempt, result: Result): TaskCore {
  return {
    ...without(task, 'exitCode', 'result'),
    ...(attempt.exitCode === undefined ? {} : { exitCode: attempt.exitCode }),
    ...('value' in result ? { result: result.value } : {}),
  }
}

/** The verdict on what an update says, or on a run over its time that only our backstop could end. */
export function verdictOn(task: TaskCore, last: MesosUpdate): Verdict {
  if (task.overranAt && last.state === 'TASK_KILLED') return { blame: 'task', retry: 'counted' }
  return judge(last)
}
