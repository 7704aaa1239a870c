// Notices that an engine is lost: one that hangs or is gone tells nobody that a container ended (E43). Asks only while
// somebody waits, once for all of them.
import type { Clock } from '../types.ts'
import { DockerError } from './errors.ts'

export interface WatchOptions {
  /** @throws where the engine doesn't answer. */
  readonly ping: () => Promise<void>
  readonly clock: Clock
  /** Between two pings. */
  readonly intervalMs: number
  /** An engine silent for so long is lost. Long: restarts and loaded machines are no reason to give up what runs. */
  readonly lostAfterMs: number
}

export class EngineWatch {
  readonly #options: WatchOptions
  readonly #waiting = new Set<(error: DockerError) => void>()
  #silentSinceMs: number | undefined
  #cancelTimer: (() => void) | undefined

  constructor(options: WatchOptions) {
    this.#options = options
  }

  /** Resolves with the reason once the engine is lost; stays pending when `signal` comes first. */
  lost(signal: AbortSignal): Promise<DockerError> {
    return new Promise(resolve => {
      if (signal.aborted) return
      this.#waiting.add(resolve)
      signal.addEventListener('abort', () => this.#leave(resolve), { once: true })
      if (this.#cancelTimer === undefined) this.#schedule()
    })
  }

  #leave(resolve: (error: DockerError) => void): void {
    this.#waiting.delete(resolve)
    if (this.#waiting.size > 0) return
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#silentSinceMs = undefined
  }

  #schedule(): void {
    this.#cancelTimer = this.#options.clock.after(this.#options.intervalMs, () => void this.#ask())
  }

  async #ask(): Promise<void> {
    const { clock, lostAfterMs } = this.#options
    const askedAtMs = clock.monotonicMs()
    try {
      await this.#options.ping()
      this.#silentSinceMs = undefined
    } catch (error) {
      this.#silentSinceMs ??= askedAtMs
      const silentMs = clock.monotonicMs() - this.#silentSinceMs
      if (silentMs >= lostAfterMs) this.#tell(silentMs, error)
    }
    if (this.#waiting.size > 0) this.#schedule()
    else this.#cancelTimer = undefined
  }

  #tell(silentMs: number, cause: unknown): void {
    const seconds = Math.round(silentMs / 1000)
    const detail = DockerError.from(cause).message
    const error = new DockerError(
      'unreachable',
      `the Docker engine has not answered for ${seconds} s: ${detail}`,
    )
    for (const resolve of this.#waiting) resolve(error)
    this.#waiting.clear()
  }
}
