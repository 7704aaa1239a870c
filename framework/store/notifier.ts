// Hints to other processes through NOTIFY, sent after commits and at most one per interval and channel: a NOTIFY inside
// each transaction would cost most of the commit rate. Losing one costs a polling interval, never correctness.
import type { Pool } from './pool.ts'

/** `pending`: something waits. `kills`: something must end. `events`: the log grew. `outbox`: a callback is to be made. */
export type Channel = 'pending' | 'kills' | 'events' | 'outbox'

export const channels: readonly Channel[] = ['pending', 'kills', 'events', 'outbox']

export function channelName(channel: Channel): string {
  return `juice_${channel}`
}

export interface NotifierOptions {
  readonly pool: Pool
  readonly intervalMs?: number
}

export class Notifier {
  readonly #pool: Pool
  readonly #intervalMs: number
  /** Channels that were notified within the interval; `again`: asked for once more meanwhile. */
  readonly #quiet = new Map<Channel, { again: boolean; readonly timer: NodeJS.Timeout }>()
  readonly #sending = new Set<Promise<void>>()

  constructor(options: NotifierOptions) {
    this.#pool = options.pool
    this.#intervalMs = options.intervalMs ?? 20
  }

  /** Call it after the commit. Returns at once. */
  notify(channel: Channel): void {
    const quiet = this.#quiet.get(channel)
    if (quiet) quiet.again = true
    else this.#send(channel)
  }

  /** Sends what is still held back, and waits for all. */
  async close(): Promise<void> {
    for (const [channel, quiet] of this.#quiet) {
      clearTimeout(quiet.timer)
      this.#quiet.delete(channel)
      if (quiet.again) this.#track(channel)
    }
    await Promise.all(this.#sending)
  }

  #send(channel: Channel): void {
    const timer = setTimeout(() => {
      const { again } = this.#quiet.get(channel) ?? { again: false }
      this.#quiet.delete(channel)
      if (again) this.#send(channel)
    }, this.#intervalMs)
    timer.unref()
    this.#quiet.set(channel, { again: false, timer })
    this.#track(channel)
  }

  #track(channel: Channel): void {
    const sending = this.#pool
      .query("select pg_notify($1, '')", [channelName(channel)])
      .then(
        () => {},
        () => {},
      )
      .finally(() => this.#sending.delete(sending))
    this.#sending.add(sending)
  }
}
