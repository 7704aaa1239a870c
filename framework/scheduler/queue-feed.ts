// Keeps the queue in memory what the store says: new tasks by hint and poll, everything once in a while.
import type { PendingTask } from '../usecases/index.ts'
import type { LeaderStore } from './leader-store.ts'
import type { PendingQueue } from './pending-queue.ts'

export interface QueueFeedOptions {
  readonly store: Pick<LeaderStore, 'loadPending'>
  readonly queue: PendingQueue
  readonly now: () => number
  /** Rows of one query. */
  readonly pageSize?: number
  /** How often everything is read again, to drop what was killed or expired elsewhere. */
  readonly fullEveryMs?: number
}

export class QueueFeed {
  readonly #options: Required<QueueFeedOptions>
  #horizon: string | undefined
  #fullAtMs = 0

  constructor(options: QueueFeedOptions) {
    this.#options = { pageSize: 2000, fullEveryMs: 60_000, ...options }
  }

  /** Reads what is new, or everything where that is due. */
  async run(): Promise<void> {
    const { now, queue, fullEveryMs } = this.#options
    const since = now() < this.#fullAtMs ? this.#horizon : undefined
    const ids = new Set<number>()
    for await (const tasks of this.#pages(since)) {
      for (const task of tasks) {
        queue.put(task, now())
        ids.add(task.taskId)
      }
    }
    if (since !== undefined) return
    queue.retain(ids)
    this.#fullAtMs = now() + fullEveryMs
  }

  /** The horizon moves on only when every page was read: after a failure the same is read again. */
  async *#pages(since: string | undefined): AsyncGenerator<readonly PendingTask[]> {
    const { store, pageSize: limit } = this.#options
    let horizon: string | undefined
    let afterId: number | undefined
    for (;;) {
      const page = await store.loadPending({
        limit,
        ...(since === undefined ? {} : { since }),
        ...(afterId === undefined ? {} : { afterId }),
      })
      horizon ??= page.horizon
      yield page.tasks
      afterId = page.tasks.at(-1)?.taskId
      if (page.tasks.length < limit) break
    }
    this.#horizon = horizon
  }
}
