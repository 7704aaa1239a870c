// Hears the hints of other processes over a connection of its own, for ever. A hint says "look now", nothing more.
import { setTimeout as sleep } from 'node:timers/promises'
import { once } from 'node:events'
import { createClient } from './pool.ts'
import { type Channel, channelName } from './notifier.ts'

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
  readonly #closing = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(options: ListenerOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        await this.#listen(signal)
      } catch (error) {
        if (!signal.aborted)
          this.#options.onError?.(error instanceof Error ? error : new Error(String(error)))
      }
      await sleep(this.#options.reconnectMs ?? 1_000, undefined, { signal }).catch(() => {})
    }
  }

  /** Until the connection breaks (throws) or we close (returns). */
  async #listen(signal: AbortSignal): Promise<void> {
    const { url, channels, onHint } = this.#options
    const byName = new Map(channels.map(channel => [channelName(channel), channel]))
    const client = createClient(url, 'juice listener')
    client.on('notification', ({ channel: name }) => {
      const channel = byName.get(name)
      if (channel && !signal.aborted) onHint(channel)
    })
    try {
      await client.connect()
      // Rejects with the connection's error.
      const ended = once(client, 'end', { signal })
      ended.catch(() => {})
      for (const name of byName.keys()) await client.query(`listen ${name}`)
      for (const channel of channels) if (!signal.aborted) onHint(channel)
      await ended
    } finally {
      await client.end().catch(() => {})
    }
  }
}
