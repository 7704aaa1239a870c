// Pulls images through the engine: one pull per image and credentials however many tasks wait for it, given up when nobody
// does any more, ended when it makes no progress. Talks to the engine only.
import type { IncomingMessage } from 'node:http'
import { DockerError } from './errors.ts'
import type { EngineHttp } from './http.ts'
import { fullName, type ImageReference } from './image-reference.ts'
import type { RegistryAuth } from './registry-auth.ts'

interface Flight {
  readonly done: Promise<void>
  readonly abort: AbortController
  waiting: number
}

export class ImagePuller {
  readonly #http: EngineHttp
  readonly #idleMs: number
  readonly #flights = new Map<string, Flight>()

  /** @param idleMs how long a pull may go on without a sign of progress. */
  constructor(http: EngineHttp, idleMs: number) {
    this.#http = http
    this.#idleMs = idleMs
  }

  /**
   * Resolves when the engine has the newest image of that name.
   * @param signal gives up waiting; the last one to do so ends the pull.
   * @throws DockerError with the registry's words; `cancelled` after the signal.
   */
  async pull(image: ImageReference, auth: RegistryAuth, signal?: AbortSignal): Promise<void> {
    const cancelled = (): DockerError =>
      new DockerError('cancelled', `the pull of ${fullName(image)} was given up`, { operation: 'pull' })
    if (signal?.aborted) throw cancelled()
    const key = `${fullName(image)} ${auth.header ?? ''}`
    const flight = this.#flights.get(key) ?? this.#start(key, image, auth)
    flight.waiting++
    const { promise: left, reject: leave } = Promise.withResolvers<never>()
    const onAbort = (): void => leave(cancelled())
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await Promise.race([flight.done, left])
    } finally {
      signal?.removeEventListener('abort', onAbort)
      flight.waiting--
      if (flight.waiting === 0) {
        // Whoever comes now starts anew rather than joining a pull that is being given up.
        if (this.#flights.get(key) === flight) this.#flights.delete(key)
        flight.abort.abort()
      }
    }
  }

  #start(key: string, image: ImageReference, auth: RegistryAuth): Flight {
    const abort = new AbortController()
    const done = this.#run(image, auth, abort.signal)
    done.catch(() => {})
    const flight = { done, abort, waiting: 0 }
    this.#flights.set(key, flight)
    return flight
  }

  async #run(image: ImageReference, auth: RegistryAuth, signal: AbortSignal): Promise<void> {
    try {
      const answer = await this.#http.stream('POST', '/images/create', {
        operation: 'pull',
        query: { fromImage: image.name, tag: image.version },
        headers: auth.header === undefined ? {} : { 'X-Registry-Auth': auth.header },
        timeoutMs: this.#idleMs,
        signal,
      })
      await readProgress(answer, this.#idleMs, signal)
    } catch (error) {
      const { kind, message, status } = DockerError.from(error)
      const hint = auth.hint === undefined ? '' : ` (${auth.hint})`
      throw new DockerError(kind, `image ${fullName(image)} can't be pulled: ${message}${hint}`, {
        operation: 'pull',
        status,
        cause: error,
      })
    }
  }
}

/** Reads the answer of a pull or an import to its end. What goes wrong after the answer began is a line in it, not a status. */
export async function readProgress(
  answer: IncomingMessage,
  idleMs: number,
  signal: AbortSignal,
): Promise<void> {
  const stop = (kind: 'timeout' | 'cancelled', message: string): void => {
    answer.destroy(new DockerError(kind, message))
  }
  const timer = setTimeout(() => stop('timeout', `no progress for ${idleMs / 1000} s`), idleMs)
  const cancel = (): void => stop('cancelled', 'no longer wanted')
  signal.addEventListener('abort', cancel, { once: true })
  const errors: string[] = []
  let rest = ''
  try {
    for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
      timer.refresh()
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      errors.push(...lines.flatMap(line => errorOfLine(line) ?? []))
    }
  } catch (error) {
    if (error instanceof DockerError) throw error
    throw new DockerError('unreachable', "the Docker engine's answer broke off", { cause: error })
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', cancel)
  }
  errors.push(...[errorOfLine(rest) ?? []].flat())
  if (errors[0] !== undefined) throw new DockerError('engine', errors[0])
}

/** The error in a line of progress, if it is one: `{"errorDetail": {"message": "…"}, "error": "…"}`. */
function errorOfLine(line: string): string | undefined {
  if (line.trim() === '') return undefined
  try {
    const progress: unknown = JSON.parse(line)
    if (typeof progress !== 'object' || progress === null || !('error' in progress)) return undefined
    return String(progress.error)
  } catch {
    return `the Docker engine reported progress that is no JSON: ${line.slice(0, 200)}`
  }
}
