// Containers that are still to be removed because the engine could not do it when it was asked: no container outlives its
// attempt for longer than the engine is away.
import type { Clock, Logger } from '../types.ts'
import { DockerError } from './errors.ts'

const firstRetryMs = 1000
const longestRetryMs = 60_000

export interface RemovalOptions {
  /** Removes a container by id or name, running or not. */
  readonly remove: (container: string) => Promise<void>
  readonly clock: Clock
  readonly logger?: Logger | undefined
}

export class Removals {
  readonly #options: RemovalOptions
  /** Container → what cancels its next try. */
  readonly #owed = new Map<string, () => void>()
  #closed = false

  constructor(options: RemovalOptions) {
    this.#options = options
  }

  /** Ids or names of the containers still to be removed. */
  get owed(): readonly string[] {
    return [...this.#owed.keys()]
  }

  /** Resolves after the first try; where that fails it goes on in the background until it succeeds or `close`. */
  async remove(container: string): Promise<void> {
    await this.#try(container, firstRetryMs)
  }

  close(): void {
    this.#closed = true
    for (const cancel of this.#owed.values()) cancel()
  }

  async #try(container: string, retryMs: number): Promise<void> {
    try {
      await this.#options.remove(container)
      this.#owed.delete(container)
    } catch (error) {
      const { kind, message } = DockerError.from(error)
      this.#options.logger?.warn('a container could not be removed yet', { container, kind, reason: message })
      if (this.#closed) return
      const again = (): void => void this.#try(container, Math.min(2 * retryMs, longestRetryMs))
      this.#owed.set(container, this.#options.clock.after(retryMs, again))
    }
  }
}
