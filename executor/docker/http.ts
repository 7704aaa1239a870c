// One HTTP call to the Docker Engine API over its unix socket or TCP: time-boxed, errors typed, the API version agreed on
// before the first. Knows nothing of containers; node:http instead of undici keeps the executor small.
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import type { Duplex } from 'node:stream'
import { DockerError, kindOfStatus, type DockerOperation } from './errors.ts'

// An `import` of node:http reads all that it exports, which loads the undici inside Node: 12 MB on every agent (E46).
const { Agent, request } = process.getBuiltinModule('node:http')

/** The newest API version this client was written for; older engines down to Docker 20.10 get their own. */
const newestApi = [1, 47] as const
const oldestApi = [1, 41] as const

/** Bytes of an answer read before it is taken for nonsense. */
const maxAnswerBytes = 32 * 1024 * 1024

const pingTimeoutMs = 10_000

export interface CallOptions {
  readonly operation?: DockerOperation
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  /** An object is sent as JSON, bytes as they are. */
  readonly body?: object | Uint8Array
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Until the complete answer, or for a stream until its head. 0: no limit. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/**
 * Where `dockerHost` points to, for node:http.
 * @throws DockerError (bad_request) where it is neither `unix:///path` nor `tcp://host:port` nor `http://host:port`.
 */
export function engineAddress(dockerHost: string): RequestOptions {
  if (dockerHost.startsWith('unix:///')) return { socketPath: dockerHost.slice('unix://'.length) }
  const url = URL.parse(dockerHost.replace(/^tcp:/, 'http:'))
  if (url?.protocol === 'http:' && url.hostname !== '') {
    return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port || 2375 }
  }
  throw new DockerError(
    'bad_request',
    `${dockerHost}: a Docker host is unix:///path, tcp://host:port or http://host:port (no TLS, no ssh)`,
  )
}

/** How a call uses its connection: one of the pool, one of its own, or one that becomes a raw stream. */
type Connection = 'pooled' | 'own' | 'upgraded'

export class EngineHttp {
  readonly dockerHost: string
  readonly #address: RequestOptions
  /** For short calls; streams and long waits have a connection each. */
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16, maxFreeSockets: 2 })
  #prefix: Promise<string> | undefined

  constructor(dockerHost: string) {
    this.dockerHost = dockerHost
    this.#address = engineAddress(dockerHost)
  }

  /** One call and its whole answer, parsed where it is JSON. @throws DockerError for every status from 400 on. */
  async call(method: string, path: string, options: CallOptions): Promise<Answer> {
    const answer = await this.#send(method, (await this.#versionPrefix(options)) + path, options, 'pooled')
    const status = answer.statusCode ?? 0
    const text = await readBody(answer)
    if (status >= 400 || status < 200) throw failure(status, text, options)
    return { status, body: parse(text, options) }
  }

  /** A call whose answer is read as it comes. Destroying the answer ends the call. */
  async stream(method: string, path: string, options: CallOptions): Promise<IncomingMessage> {
    const answer = await this.#send(method, (await this.#versionPrefix(options)) + path, options, 'own')
    if ((answer.statusCode ?? 0) < 400) return answer
    throw failure(answer.statusCode ?? 0, await readBody(answer), options)
  }

  /** A call that turns its connection into a raw stream (attach). */
  async upgrade(path: string, options: CallOptions): Promise<{ socket: Duplex; head: Uint8Array }> {
    const prefix = await this.#versionPrefix(options)
    return new Promise((resolve, reject) => {
      const call = this.#request('POST', prefix + path, options, 'upgraded')
      const box = new TimeBox(call, options, reject)
      call.on('upgrade', (_answer, socket, head) => {
        box.end()
        resolve({ socket, head })
      })
      call.on('response', answer => {
        box.guard(answer)
        readBody(answer)
          .then(body => reject(failure(answer.statusCode ?? 0, body, options)))
          .catch((error: unknown) => reject(DockerError.from(error)))
      })
      call.end()
    })
  }

  /** Asks whether the engine answers. @returns the newest API version it speaks. @throws DockerError */
  async ping(timeoutMs: number): Promise<string> {
    const answer = await this.#send('GET', '/_ping', { timeoutMs, operation: 'ping' }, 'pooled')
    await readBody(answer)
    const version = answer.headers['api-version']
    if (answer.statusCode === 200 && typeof version === 'string') return version
    const message = `the answer to /_ping is no Docker engine's (${answer.statusCode})`
    throw new DockerError('engine', message, { operation: 'ping' })
  }

  close(): void {
    this.#agent.destroy()
  }

  async #versionPrefix({ timeoutMs, operation }: CallOptions): Promise<string> {
    const asked = (this.#prefix ??= this.ping(timeoutMs || pingTimeoutMs).then(agreedPrefix))
    try {
      return await asked
    } catch (error) {
      if (this.#prefix === asked) this.#prefix = undefined
      const { kind, message, status } = DockerError.from(error)
      throw new DockerError(kind, message, { operation, status, cause: error })
    }
  }

  /**
   * Sends and waits for the head of the answer. A kept connection that the engine had closed meanwhile is tried once more on
   * a new one: nothing of an answer had come, and every call of ours may be repeated.
   */
  async #send(
    method: string,
    path: string,
    options: CallOptions,
    connection: Connection,
  ): Promise<IncomingMessage> {
    let stale = false
    const attempt = (): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        const call = this.#request(method, path, options, connection)
        const box = new TimeBox(call, options, error => {
          stale = error.kind === 'unreachable' && call.reusedSocket
          reject(error)
        })
        call.on('response', answer => {
          // The box of a call is for its whole answer, that of a stream for the head.
          if (connection === 'pooled') box.guard(answer)
          else box.end()
          resolve(answer)
        })
        const { body } = options
        call.end(body instanceof Uint8Array || body === undefined ? body : JSON.stringify(body))
      })
    try {
      return await attempt()
    } catch (error) {
      if (!stale) throw error
      return attempt()
    }
  }

  #request(method: string, path: string, options: CallOptions, connection: Connection): ClientRequest {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(options.query ?? {}))
      if (value !== undefined) query.set(name, String(value))
    return request({
      ...this.#address,
      method,
      path: query.size > 0 ? `${path}?${query.toString()}` : path,
      agent: connection === 'pooled' ? this.#agent : false,
      headers: {
        Host: 'docker',
        ...(options.body === undefined ? {} : { 'Content-Type': options.contentType ?? 'application/json' }),
        ...(connection === 'upgraded' ? { Connection: 'Upgrade', Upgrade: 'tcp' } : {}),
        ...options.headers,
      },
    })
  }
}

/** Ends a call when its time is over, when its caller gives up, or when the connection breaks. */
class TimeBox {
  readonly #timer: NodeJS.Timeout | undefined
  readonly #signal: AbortSignal | undefined
  readonly #cancel: () => void
  #target: ClientRequest | IncomingMessage

  constructor(
    call: ClientRequest,
    { timeoutMs, signal, operation }: CallOptions,
    reject: (error: DockerError) => void,
  ) {
    this.#target = call
    const stop = (kind: 'timeout' | 'cancelled', message: string): void => {
      this.#target.destroy(new DockerError(kind, message, { operation }))
    }
    if (timeoutMs > 0) {
      const message = `the Docker engine did not answer within ${timeoutMs / 1000} s`
      this.#timer = setTimeout(() => stop('timeout', message), timeoutMs)
    }
    this.#cancel = () => stop('cancelled', 'no longer wanted')
    this.#signal = signal
    call.on('error', error => {
      this.end()
      if (error instanceof DockerError) reject(error)
      else {
        const message = `the Docker engine can't be reached: ${error.message}`
        reject(new DockerError('unreachable', message, { operation, cause: error }))
      }
    })
    if (signal?.aborted) this.#cancel()
    else signal?.addEventListener('abort', this.#cancel, { once: true })
  }

  /** From now on it is the answer that is cut off. */
  guard(answer: IncomingMessage): void {
    this.#target = answer
    answer.on('close', () => this.end())
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#cancel)
  }
}

async function readBody(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxAnswerBytes) throw new DockerError('engine', "the Docker engine's answer is too long")
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof DockerError) throw error
    const message = error instanceof Error ? error.message : String(error)
    throw new DockerError('unreachable', `the Docker engine's answer broke off: ${message}`, { cause: error })
  }
  return Buffer.concat(chunks).toString()
}

function parse(text: string, { operation }: CallOptions): unknown {
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    const message = `the Docker engine answered no JSON: ${text.slice(0, 200)}`
    throw new DockerError('engine', message, { operation, cause: error })
  }
}

function failure(status: number, text: string, { operation }: CallOptions): DockerError {
  const message = messageOf(text) || `the Docker engine answered ${status}`
  return new DockerError(kindOfStatus(status), message, { status, operation })
}

/** The engine's own words in an error's body: `{"message": "…"}`, or plain text of something in between. */
function messageOf(text: string): string {
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body === 'object' && body !== null && 'message' in body) return String(body.message).trim()
  } catch {
    // Not JSON: the text itself.
  }
  return text.trim().slice(0, 500)
}

/** `/v1.41` for an engine that speaks up to 1.41. */
function agreedPrefix(theirs: string): string {
  const [major = 0, minor = 0] = theirs.split('.').map(Number)
  if (major !== 1 || minor < oldestApi[1]) {
    throw new DockerError(
      'engine',
      `the Docker engine speaks API ${theirs}; ${oldestApi.join('.')} is needed (20.10)`,
    )
  }
  return `/v1.${Math.min(minor, newestApi[1])}`
}
