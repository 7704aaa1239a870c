// Delivers callbacks while this process leads: takes the outbox over, claims what is due, sends it, records how that
// went. At least once, in order for each task (a task's next callback is not claimed before), retried for a day.
import type { Logger } from 'pino'
import type { Metrics } from '../observability/metrics.ts'
import type { CallbackResult, DueCallback } from '../usecases/types.ts'
import { retryDelayMs } from './retry.ts'
import type { CallbackRequest, SendOutcome } from './send.ts'

/** The use cases, with lease and dependencies filled in. They reject with code `lease_lost` once the lease is over. */
export interface CallbackStore {
  ingest(): Promise<number>
  claim(args: { limit: number; reserveMs: number }): Promise<readonly DueCallback[]>
  record(results: readonly CallbackResult[]): Promise<void>
}

export interface DelivererOptions {
  readonly store: CallbackStore
  /** Never rejects. */
  readonly send: (callback: CallbackRequest, signal: AbortSignal) => Promise<SendOutcome>
  /** What is sent, as JSON. */
  readonly bodyOf: (callback: DueCallback) => object
  readonly now: () => Date
  readonly random: () => number
  readonly logger: Logger
  readonly metrics: Pick<Metrics, 'callbacks' | 'callbackDuration'>
  /** How often it looks without a hint. */
  readonly pollMs?: number
  /** Tries at the same time. */
  readonly concurrency?: number
}

/** Longer than any try: else a slow one would be claimed a second time. */
const reserveMs = 60_000
const closeGraceMs = 3000

export class Deliverer {
  readonly #options: DelivererOptions
  readonly #pollMs: number
  readonly #concurrency: number
  readonly #closing = new AbortController()
  readonly #cutShort = new AbortController()
  readonly #sending = new Set<Promise<void>>()
  /** Not recorded yet. */
  #results: CallbackResult[] = []
  #wake: () => void = () => undefined
  #hinted = false
  #running: Promise<void> = Promise.resolve()

  constructor(options: DelivererOptions) {
    this.#options = options
    this.#pollMs = options.pollMs ?? 1000
    this.#concurrency = options.concurrency ?? 64
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Look now: the outbox has something. */
  hint(): void {
    this.#hinted = true
    this.#wake()
  }

  /** Lets tries under way end, for some seconds, and records them. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#wake()
    await this.#running
    const grace = setTimeout(() => this.#cutShort.abort(), closeGraceMs)
    await Promise.all(this.#sending)
    clearTimeout(grace)
    await this.#record().catch((error: unknown) => this.#failed(error))
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      this.#hinted = false
      try {
        await this.#record()
        await this.#options.store.ingest()
        await this.#claim()
      } catch (error) {
        if (isLeaseLost(error)) return
        this.#failed(error)
        this.#hinted = false
      }
      await this.#pause()
    }
  }

  async #record(): Promise<void> {
    const results = this.#results
    if (results.length === 0) return
    // A list of its own: what comes meanwhile is not part of this record.
    this.#results = []
    try {
      await this.#options.store.record(results)
    } catch (error) {
      this.#results = [...results, ...this.#results]
      throw error
    }
  }

  async #claim(): Promise<void> {
    const limit = this.#concurrency - this.#sending.size
    if (limit === 0) return
    const due = await this.#options.store.claim({ limit, reserveMs })
    for (const callback of due) {
      const sending = this.#deliver(callback).finally(() => {
        this.#sending.delete(sending)
        // The task's next callback may be due now.
        this.hint()
      })
      this.#sending.add(sending)
    }
  }

  async #deliver(callback: DueCallback): Promise<void> {
    const { send, bodyOf, now, metrics, logger } = this.#options
    const startedAt = now()
    const started = performance.now()
    const body = JSON.stringify(bodyOf(callback))
    const sent = await send({ url: callback.url, eventId: callback.outboxId, body }, this.#cutShort.signal)
    const durationMs = performance.now() - started
    const outcome = this.#verdict(callback, sent)
    metrics.callbacks.inc({ outcome: outcome.name })
    metrics.callbackDuration.observe(durationMs / 1000)
    if (outcome.name === 'dead')
      logger.warn(
        { taskId: callback.task.id, eventId: callback.outboxId, tries: callback.tries, error: outcome.error },
        'a callback is given up',
      )
    this.#results.push({ outboxId: callback.outboxId, outcome, startedAt, durationMs })
  }

  #verdict(callback: DueCallback, sent: SendOutcome): CallbackResult['outcome'] {
    if (sent.name === 'delivered') return sent
    const status = sent.status === undefined ? {} : { status: sent.status }
    const delayMs = sent.name === 'refused' ? undefined : retryDelayMs(callback.tries, this.#options.random)
    if (delayMs === undefined) return { name: 'dead', error: sent.error, ...status }
    const at = new Date(this.#options.now().getTime() + delayMs)
    return { name: 'retry', at, error: sent.error, ...status }
  }

  /** Until the next look, a hint, or the end. */
  async #pause(): Promise<void> {
    if (this.#hinted || this.#closing.signal.aborted) return
    const paused = Promise.withResolvers<void>()
    const timer = setTimeout(paused.resolve, this.#pollMs)
    this.#wake = paused.resolve
    await paused.promise
    clearTimeout(timer)
  }

  #failed(error: unknown): void {
    if (!isLeaseLost(error)) this.#options.logger.warn({ err: error }, 'callbacks wait for the store')
  }
}

function isLeaseLost(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'lease_lost'
}
