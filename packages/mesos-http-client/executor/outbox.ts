// The calls of an executor on their way to the agent: one after the other, in order (E21). UPDATEs outlive
// subscriptions, since Mesos knows them again by their uuid; the rest is sent once. Does no I/O: `send` does.
import type { Clock } from '../clock.ts'
import { MesosError, errorFromFailure } from '../errors.ts'
import type { ExecutorCall } from '../generated/messages.ts'

export interface OutboxOptions {
  readonly clock: Clock
  /** Sends one call once; fulfilled at 202. */
  readonly send: (call: ExecutorCall) => Promise<void>
  /** A call was refused in a way that means that our subscription is not known any more. */
  readonly onSubscriptionLost: (cause: MesosError) => void
}

interface Entry {
  readonly call: ExecutorCall
  readonly settled: PromiseWithResolvers<void>
  /** When the agent first said that it still recovers. */
  unavailableSinceMs?: number
}

/** The agent answers 503 until its whole re-registration window is over, 15 s at most (E10, E34). */
const RECOVERY_LIMIT_MS = 30_000
const RETRY_MS = 100

const uuidOf = (call: ExecutorCall) => call.update?.status.uuid

export class Outbox {
  readonly #options: OutboxOptions
  readonly #entries: Entry[] = []
  #mode: 'shut' | 'open' | 'closed' = 'shut'
  #delivering = false
  #wake = () => {}

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.length
  }

  /**
   * Fulfilled when the agent has taken the call.
   * @throws MesosError; for an UPDATE only what no retry mends, or the end of the client
   */
  put(call: ExecutorCall): Promise<void> {
    const type = call.type ?? 'a call without type'
    if (this.#mode === 'closed')
      return Promise.reject(new MesosError('closed', `${type}: the client is closed`))
    if (this.#mode === 'shut' && call.type !== 'UPDATE') {
      return Promise.reject(new MesosError('not_subscribed', `${type}: not sent, no subscription`))
    }
    const settled = Promise.withResolvers<void>()
    this.#entries.push({ call, settled })
    void this.#deliver()
    return settled.promise
  }

  /** Subscribed: UPDATEs that the SUBSCRIBE has brought along are done, the others go now. */
  open(listed: readonly (Uint8Array | undefined)[]): void {
    if (this.#mode === 'closed') return
    const brought = new Set(
      listed.filter(uuid => uuid !== undefined).map(uuid => Buffer.from(uuid).toString('hex')),
    )
    this.#settle(
      ({ call }) => {
        const uuid = uuidOf(call)
        return uuid !== undefined && brought.has(Buffer.from(uuid).toString('hex'))
      },
      entry => entry.settled.resolve(),
    )
    this.#mode = 'open'
    void this.#deliver()
  }

  /** The subscription is gone: UPDATEs wait for the next one. */
  shut(): void {
    if (this.#mode === 'closed') return
    this.#mode = 'shut'
    const gone = (type: string) => new MesosError('disconnected', `${type}: the subscription ended`)
    this.#settle(
      ({ call }) => call.type !== 'UPDATE',
      ({ call, settled }) => settled.reject(gone(call.type ?? 'call')),
    )
    this.#wake()
  }

  /** For good. */
  close(cause: MesosError): void {
    this.#mode = 'closed'
    this.#settle(
      () => true,
      ({ settled }) => settled.reject(cause),
    )
    this.#wake()
  }

  #settle(which: (entry: Entry) => boolean, how: (entry: Entry) => void): void {
    const kept = this.#entries.filter(entry => !which(entry))
    const settled = this.#entries.filter(which)
    this.#entries.splice(0, this.#entries.length, ...kept)
    settled.forEach(how)
  }

  async #deliver(): Promise<void> {
    if (this.#delivering) return
    this.#delivering = true
    try {
      let entry = this.#next()
      while (entry !== undefined) {
        // one at a time: that is the order
        await this.#deliverOne(entry)
        entry = this.#next()
      }
    } finally {
      this.#delivering = false
    }
  }

  #next(): Entry | undefined {
    return this.#mode === 'open' ? this.#entries[0] : undefined
  }

  async #deliverOne(entry: Entry): Promise<void> {
    const { call, settled } = entry
    try {
      await this.#options.send(call)
    } catch (thrown) {
      await this.#failed(entry, errorFromFailure(call.type ?? 'call', thrown))
      return
    }
    this.#remove(entry)
    settled.resolve()
  }

  async #failed(entry: Entry, error: MesosError): Promise<void> {
    // settled meanwhile, by open(), shut() or close()
    if (!this.#entries.includes(entry)) return
    const { clock } = this.#options
    if (error.subscriptionLost) {
      this.#options.onSubscriptionLost(error)
      if (entry.call.type === 'UPDATE') return
    } else if (error.code === 'unavailable') {
      entry.unavailableSinceMs ??= clock.now()
      if (clock.now() - entry.unavailableSinceMs < RECOVERY_LIMIT_MS) {
        await this.#pause()
        return
      }
    } else if (error.retryable && entry.call.type === 'UPDATE') {
      await this.#pause()
      return
    }
    this.#remove(entry)
    entry.settled.reject(error)
  }

  #remove(entry: Entry): void {
    const index = this.#entries.indexOf(entry)
    if (index >= 0) this.#entries.splice(index, 1)
  }

  async #pause(): Promise<void> {
    await new Promise<void>(resolve => {
      const cancel = this.#options.clock.after(RETRY_MS, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }
}
