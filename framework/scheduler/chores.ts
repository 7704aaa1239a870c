// What recurs without anybody asking for it: timers of tasks, silent launches, partitions, counts, aged executors.
import { Loop } from './loop.ts'
import type { Parts } from './parts.ts'
import type { TermOptions } from './settings.ts'

export interface ChoreOptions {
  readonly options: Pick<TermOptions, 'store' | 'now' | 'log' | 'metrics'>
  readonly parts: Pick<Parts, 'queue' | 'watch' | 'reconciler' | 'agents'>
  /** Undefined where the task does not wait here. */
  readonly whyWaits: (taskId: number) => string | undefined
  readonly isSubscribed: () => boolean
  /** Tasks wait again. */
  readonly onQueued: () => void
  readonly failed: (part: string) => (error: unknown) => void
}

/** To be woken once, and closed. */
export function chores({ options, parts, whyWaits, isSubscribed, onQueued, failed }: ChoreOptions): Loop[] {
  const { store, now, log, metrics } = options
  const { queue, watch, reconciler, agents } = parts

  /** Waits that are over. */
  async function timers(): Promise<number | undefined> {
    const { expired, abandoned, nextAt } = await store.applyTimers(whyWaits)
    queue.remove(expired)
    if (expired.length > 0) {
      metrics.tasksEnded.inc({ state: 'EXPIRED' }, expired.length)
      log.info({ taskIds: expired }, 'tasks expired')
    }
    if (abandoned.length > 0) onQueued()
    return nextAt && Math.max(0, nextAt.getTime() - now())
  }

  /** S50. What the answer means is for the store to decide. */
  async function silentLaunches(): Promise<undefined> {
    if (!isSubscribed()) return undefined
    const tasks = watch.overdue(now())
    if (tasks.length > 0) log.info({ tasks: tasks.length }, 'asking for silent launches')
    reconciler.ask(tasks)
    return undefined
  }

  async function count(): Promise<undefined> {
    for (const [state, tasks] of Object.entries(await store.countTasks())) metrics.tasks.set({ state }, tasks)
    return undefined
  }

  async function agedExecutors(): Promise<undefined> {
    for (const { agentId, generation } of agents.aged(now())) {
      agents.setGeneration(agentId, await store.growExecutorGeneration({ agentId, from: generation }))
    }
    return undefined
  }

  async function maintenance(): Promise<undefined> {
    await store.maintainStore()
    return undefined
  }

  const every = (intervalMs: number, part: string, run: () => Promise<number | undefined>): Loop =>
    new Loop({ run, intervalMs, onError: failed(part) })
  return [
    every(1000, 'timers', timers),
    every(1000, 'launch watch', silentLaunches),
    every(10_000, 'counts', count),
    every(60_000, 'executor age', agedExecutors),
    every(3_600_000, 'maintenance', maintenance),
  ]
}
