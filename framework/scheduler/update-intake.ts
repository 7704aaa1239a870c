// The buffer between the event stream, which must not wait for the database, and what is written to it (S19). Keeps the
// order of arrival: a FAILURE comes before the updates that it explains (S76).
import type { SchedulerEventFailure, TaskStatus } from 'mesos-http-client'
import { Loop } from './loop.ts'
import { tellsOfReturn } from './status.ts'

export interface UpdateIntakeOptions {
  /** Commits them and tells Mesos; throws where the store does not answer. They then come again. */
  readonly applyUpdates: (statuses: readonly TaskStatus[]) => Promise<void>
  readonly applyFailure: (failure: SchedulerEventFailure) => Promise<void>
  /**
   * Full: stop reading the stream. After 30 s the client gives the subscription up; what is not acknowledged comes again
   * after `resume`, when the store is back.
   */
  readonly pause: () => void
  readonly resume: () => void
  readonly onError: (error: unknown) => void
  readonly onDepth?: (depth: number) => void
  readonly limit?: number
  /** Of what executors sent along: an end may bring 128 KB. */
  readonly limitBytes?: number
  readonly batch?: number
}

type Item =
  | { readonly kind: 'update'; readonly status: TaskStatus }
  | { readonly kind: 'failure'; readonly failure: SchedulerEventFailure }

type Phase = 'open' | 'full'

export class UpdateIntake {
  readonly #options: Required<Omit<UpdateIntakeOptions, 'onDepth'>> & Pick<UpdateIntakeOptions, 'onDepth'>
  readonly #loop: Loop
  #items: Item[] = []
  #dataBytes = 0
  #phase: Phase = 'open'

  constructor(options: UpdateIntakeOptions) {
    this.#options = { limit: 10_000, limitBytes: 64 * 1024 * 1024, batch: 500, ...options }
    this.#loop = new Loop({ run: () => this.#run(), onError: options.onError })
  }

  /** Events read and not yet committed. */
  get depth(): number {
    return this.#items.length
  }

  /** Attempts are back from out of sight that the store does not know of yet: nothing should be launched in their place. */
  get holdsReturned(): boolean {
    return this.#items.some(item => item.kind === 'update' && tellsOfReturn(item.status))
  }

  update(status: TaskStatus): void {
    this.#push({ kind: 'update', status })
  }

  failure(failure: SchedulerEventFailure): void {
    this.#push({ kind: 'failure', failure })
  }

  /** Finishes the batch in flight; the rest comes again from Mesos. */
  async close(): Promise<void> {
    await this.#loop.close()
    this.#items = []
    this.#dataBytes = 0
    this.#options.onDepth?.(0)
  }

  #push(item: Item): void {
    this.#items.push(item)
    this.#dataBytes += dataBytes(item)
    this.#options.onDepth?.(this.depth)
    const { limit, limitBytes } = this.#options
    if (this.#phase === 'open' && (this.depth >= limit || this.#dataBytes >= limitBytes)) {
      this.#phase = 'full'
      this.#options.pause()
    }
    this.#loop.wake()
  }

  async #run(): Promise<number | undefined> {
    const first = this.#items[0]
    if (!first) return undefined
    if (first.kind === 'failure') {
      await this.#options.applyFailure(first.failure)
      this.#drop(1)
    } else {
      const statuses = this.#updates()
      await this.#options.applyUpdates(statuses)
      this.#drop(statuses.length)
    }
    return this.depth > 0 ? 0 : undefined
  }

  /** The updates before the next FAILURE, at most a batch. */
  #updates(): TaskStatus[] {
    const statuses: TaskStatus[] = []
    for (const item of this.#items) {
      if (item.kind !== 'update' || statuses.length >= this.#options.batch) break
      statuses.push(item.status)
    }
    return statuses
  }

  #drop(count: number): void {
    for (const item of this.#items.splice(0, count)) this.#dataBytes -= dataBytes(item)
    this.#options.onDepth?.(this.depth)
    const { limit, limitBytes } = this.#options
    if (this.#phase === 'full' && this.depth <= limit / 2 && this.#dataBytes <= limitBytes / 2) {
      this.#phase = 'open'
      this.#options.resume()
    }
  }
}

function dataBytes(item: Item): number {
  return item.kind === 'update' ? (item.status.data?.length ?? 0) : 0
}
