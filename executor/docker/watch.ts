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

type Phase =
  | { readonly name: 'idle' }
  | { readonly name: 'waiting'; readonly cancel: () => void }
  | { readonly name: 'asking' }

export class EngineWatch {
  readonly #options: WatchOptions
  readonly #waiting = new Set<(error: DockerError) => void>()
  #silentSinceMs: number | undefined
  #phase: Phase = { name: 'idle' }

  constructor(options: WatchOptions) {
    this.#options = options
  }

  /** Resolves with the reason once the engine is lost; stays pending when `signal` comes first. */
  lost(signal: AbortSignal): Promise<DockerError> {
    return new Promise(resolve => {
      if (signal.aborted) return
      this.#waiting.add(resolve)
      signal.addEventListener('abort', () => this.#leave(resolve), { once: true })
      if (this.#phase.name === 'idle') this.#schedule()
    })
  }

  #leave(resolve: (error: DockerError) => void): void {
    this.#waiting.delete(resolve)
    // A question under way comes back by itself.
    if (this.#waiting.size > 0 || this.#phase.name !== 'waiting') return
    this.#phase.cancel()
    this.#rest()
  }

  /** Whatever was silent before counts for nobody who comes later. */
  #rest(): void {
    this.#phase = { name: 'idle' }
    this.#silentSinceMs = undefined
  }

  #schedule(): void {
    const { clock, intervalMs } = this.#options
    this.#phase = { name: 'waiting', cancel: clock.after(intervalMs, () => void this.#ask()) }
  }

  async #ask(): Promise<void> {
    const { clock, lostAfterMs } = this.#options
    const askedAtMs = clock.monotonicMs()
    this.#phase = { name: 'asking' }
    try {
      await this.#options.ping()
      this.#silentSinceMs = undefined
    } catch (error) {
      this.#silentSinceMs ??= askedAtMs
      const silentMs = clock.monotonicMs() - this.#silentSinceMs
      if (silentMs >= lostAfterMs) this.#tell(silentMs, error)
    }
    if (this.#waiting.size > 0) this.#schedule()
    else this.#rest()
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
