// One HTTP request over node:http: the same for scheduler, executor, operator and files. Not undici, since an executor
// pays for it with resident memory on every agent, and since node:http never sends a request twice. Knows nothing of
// Mesos' messages; every failure leaves it as a MesosError.
import type { Agent, ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Agent as TlsAgent, AgentOptions } from 'node:https'
import type { Clock } from './clock.ts'
import { MesosError, errorFromFailure } from './errors.ts'
import type { TlsOptions } from './tls.ts'

// An `import` of node:http would read all that it exports, and thereby load the undici within Node: 14 MB of resident
// memory, measured, of the 61 MB that an executor took. TLS, another 6 MB, is loaded by whoever needs it.
const http = process.getBuiltinModule('node:http')
const loadHttps = () => process.getBuiltinModule('node:https')
const loadTls = () => process.getBuiltinModule('node:tls')

/** Idle connections are dropped before a server would do it: Node's own servers after 5 s, Mesos never. */
const IDLE_MS = 4_000

export interface PoolOptions {
  /** At most so many requests at once; further ones wait, first come, first served. */
  readonly connections: number
  /** PEM certificates to trust for https, instead of Node's own list. */
  readonly ca?: string | undefined
  /** More of TLS; its `ca` wins. */
  readonly tls?: TlsOptions | undefined
}

/** Kept-alive connections of one owner. With one connection the requests leave in the order of their calls. */
export class ConnectionPool {
  readonly #trust: TlsOptions
  readonly #shared
  readonly #plain: Agent
  #tls: TlsAgent | undefined

  constructor({ connections, ca, tls }: PoolOptions) {
    this.#trust = { ca, ...tls }
    this.#shared = { keepAlive: true, maxSockets: connections, scheduling: 'fifo', timeout: IDLE_MS } as const
    this.#plain = new http.Agent(this.#shared)
  }

  agentFor(protocol: string): Agent {
    if (protocol !== 'https:') return this.#plain
    this.#tls ??= new (loadHttps().Agent)({ ...this.#shared, ...agentOptions(this.#trust) })
    return this.#tls
  }

  /** Breaks what is under way. */
  close(): void {
    this.#plain.destroy()
    this.#tls?.destroy()
  }
}

function agentOptions({ ca, cert, key, verify, names }: TlsOptions): AgentOptions {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(verify === false ? { rejectUnauthorized: false } : {}),
    ...(names === undefined
      ? {}
      : {
          checkServerIdentity: (host, certificate) => {
            const { checkServerIdentity } = loadTls()
            const wrong = checkServerIdentity(host, certificate)
            if (wrong === undefined || names === 'any') return undefined
            return names.some(name => checkServerIdentity(name, certificate) === undefined)
              ? undefined
              : wrong
          },
        }),
  }
}

export interface HttpRequest {
  /** What it is, for errors, such as `ACCEPT to http://m:5050/api/v1/scheduler`. */
  readonly what: string
  readonly url: URL
  readonly method: 'GET' | 'POST'
  readonly headers: OutgoingHttpHeaders
  readonly body?: Uint8Array | undefined
  readonly pool: ConnectionPool
  /** Instead of the URL's host and port. */
  readonly socketPath?: string | undefined
  readonly connectTimeoutMs: number
  /** From the moment it leaves until the headers of the answer are here. */
  readonly answerTimeoutMs: number
  readonly clock: Clock
}

export interface Exchange {
  /** The answer when its headers are here; the body flows when somebody reads it. */
  readonly answer: Promise<IncomingMessage>
  /** Breaks the connection; an answer that isn't here yet fails with `cause`. */
  abort(cause: MesosError): void
}

/** Sends one request, once. */
export function send(request: HttpRequest): Exchange {
  const { url, what, clock } = request
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const options = {
    method: request.method,
    agent: request.pool.agentFor(url.protocol),
    headers: {
      ...request.headers,
      ...(request.body === undefined ? {} : { 'Content-Length': request.body.length }),
    },
    ...(request.socketPath === undefined ? {} : { socketPath: request.socketPath }),
  }
  const { request: open } = url.protocol === 'https:' ? loadHttps() : http
  const outgoing: ClientRequest = open(url, options)

  let cancelTimer = () => {}
  const limit = (ms: number, error: MesosError) => {
    cancelTimer()
    cancelTimer = clock.after(ms, () => outgoing.destroy(error))
  }
  let connected = false
  const awaitAnswer = () => {
    connected = true
    limit(
      request.answerTimeoutMs,
      new MesosError('timeout', `${what}: no answer within ${request.answerTimeoutMs} ms`),
    )
  }

  // waiting for a free connection of the pool counts for nobody; then either we connect or we are connected
  outgoing.once('socket', socket => {
    if (!socket.connecting) {
      awaitAnswer()
      return
    }
    const tooSlow = `${what}: no connection within ${request.connectTimeoutMs} ms`
    limit(request.connectTimeoutMs, new MesosError('unreachable', tooSlow))
    socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', awaitAnswer)
  })
  outgoing.once('response', answer => {
    cancelTimer()
    resolve(answer)
  })
  outgoing.on('error', error => {
    cancelTimer()
    reject(errorFromFailure(what, error, connected))
  })
  outgoing.once('close', () => {
    cancelTimer()
    reject(new MesosError('disconnected', `${what}: the connection broke before an answer`))
  })
  outgoing.end(request.body)

  return { answer: promise, abort: cause => void outgoing.destroy(cause) }
}

/**
 * The whole body.
 * @throws MesosError `unreadable` beyond `maxBytes`, `timeout` when nothing comes for `silenceMs`, `disconnected`
 */
export async function readBody(
  answer: IncomingMessage,
  options: { what: string; clock: Clock; silenceMs: number; maxBytes: number },
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of bodyOf(answer, options)) {
    length += chunk.length
    if (length > options.maxBytes) {
      answer.destroy()
      throw new MesosError('unreadable', `${options.what}: an answer of more than ${options.maxBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks, length))
}

/**
 * The body as it comes; fails like readBody. Leaving the loop early breaks the connection. What the reader takes for itself
 * counts for nobody's silence.
 * @param options.silenceMs a function is asked before each piece
 * @param options.silenceCode `timeout` unless told
 */
export async function* bodyOf(
  answer: IncomingMessage,
  options: {
    what: string
    clock: Clock
    silenceMs: number | (() => number)
    silenceCode?: 'timeout' | 'heartbeat_lost'
  },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { what, clock, silenceMs, silenceCode = 'timeout' } = options
  const watch = () => {
    const ms = typeof silenceMs === 'number' ? silenceMs : silenceMs()
    return clock.after(ms, () =>
      answer.destroy(new MesosError(silenceCode, `${what}: nothing more for ${ms} ms`)),
    )
  }
  let cancelTimer = watch()
  try {
    for await (const chunk of answer) {
      cancelTimer()
      if (chunk instanceof Uint8Array) yield chunk
      cancelTimer = watch()
    }
  } catch (error) {
    throw errorFromFailure(what, error, true)
  } finally {
    cancelTimer()
  }
}

/** `Authorization` of Basic authentication (S18); nothing without a credential. */
export function basicAuthorization(
  credential: { readonly principal: string; readonly secret: string } | undefined,
): OutgoingHttpHeaders {
  if (credential === undefined) return {}
  const pair = Buffer.from(`${credential.principal}:${credential.secret}`, 'utf8').toString('base64')
  return { Authorization: `Basic ${pair}` }
}
