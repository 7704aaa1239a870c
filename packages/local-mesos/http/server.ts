// One HTTP/1.1 port: requests with their whole body to a handler, answers with Mesos' headers, everything closable.
// It knows nothing of Mesos' calls.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface HttpRequest {
  readonly method: string
  /** Without query, and without a trailing slash. */
  readonly path: string
  readonly query: URLSearchParams
  /** By lower-case name. */
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export interface HttpReply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  readonly contentType?: string
}

/** Either answers by its result, or takes the response over (then the result is undefined). */
export type Handler = (
  request: HttpRequest,
  response: ServerResponse,
) => HttpReply | undefined | Promise<HttpReply | undefined>

export const textType = 'text/plain; charset=utf-8'
export const jsonType = 'application/json'

export function text(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): HttpReply {
  return { status, headers, body, contentType: textType }
}

export function json(body: unknown): HttpReply {
  return { status: 200, body: JSON.stringify(body, rawNumber), contentType: jsonType }
}

const rawJson: unknown = Reflect.get(JSON, 'rawJSON')

/** A bigint as a JSON number; TypeScript's library doesn't know JSON.rawJSON yet. */
function rawNumber(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint' || typeof rawJson !== 'function') return value
  return Reflect.apply(rawJson, JSON, [String(value)])
}

/** The answer to a method that an endpoint does not have. */
export function wrongMethod(method: string, expected: readonly string[]): HttpReply {
  const list = expected.map(each => `'${each}'`).join(', ')
  return text(405, `405 Method Not Allowed. Expecting one of { ${list} }, but received '${method}'.`, {
    Allow: expected.join(', '),
  })
}

/** Mesos closes connections whose header is longer than about this. */
const maxHeaderBytes = 80_000

export class HttpServer {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  /**
   * Port 0 takes a free one; `socket` is the path of a unix socket instead, for everybody on this machine. Throws where
   * the port is taken.
   */
  static async listen(o: {
    readonly host: string
    readonly port: number
    readonly socket?: string
    readonly handler: Handler
    readonly onFault: (error: unknown) => void
  }): Promise<HttpServer> {
    const server = createServer({ keepAlive: true, noDelay: true, maxHeaderSize: maxHeaderBytes })
    // Idle connections are kept for ever, as Mesos keeps them: a client may pipeline and never re-send.
    server.keepAliveTimeout = 0
    server.requestTimeout = 0
    server.headersTimeout = 0
    server.timeout = 0
    server.on('request', (request, response) => {
      serve(request, response, o.handler).catch((error: unknown) => {
        o.onFault(error)
        if (!response.headersSent) reply(response, text(500, 'Internal Server Error'))
        else response.destroy()
      })
    })
    server.on('clientError', (_error, socket) => socket.destroy())
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    if (o.socket === undefined) server.listen(o.port, o.host, resolve)
    else server.listen({ path: o.socket, readableAll: true, writableAll: true }, resolve)
    await promise
    server.off('error', reject)
    return new HttpServer(server)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Breaks all connections and frees the port. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    this.#server.closeAllConnections()
    await promise
  }
}

async function serve(incoming: IncomingMessage, response: ServerResponse, handler: Handler): Promise<void> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
  } catch {
    // The client has gone in the middle of its request.
    response.destroy()
    return
  }
  const url = new URL(incoming.url ?? '/', 'http://local')
  const request: HttpRequest = {
    method: incoming.method ?? 'GET',
    path: url.pathname.length > 1 ? url.pathname.replace(/\/$/, '') : url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks),
  }
  const answer = await handler(request, response)
  if (answer !== undefined) reply(response, answer)
}

/** Mesos' header order: Date, what is special, Content-Type, Content-Length; no Connection, no Server. */
export function reply(response: ServerResponse, answer: HttpReply): void {
  if (response.destroyed) return
  const bytes = typeof answer.body === 'string' ? Buffer.from(answer.body) : (answer.body ?? Buffer.alloc(0))
  prepare(response)
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value)
  if (answer.contentType !== undefined) response.setHeader('Content-Type', answer.contentType)
  response.setHeader('Content-Length', String(bytes.length))
  response.writeHead(answer.status)
  response.end(bytes)
}

function prepare(response: ServerResponse): void {
  response.sendDate = false
  response.removeHeader('Connection')
  response.setHeader('Date', new Date().toUTCString())
}

/** Begins an endless answer; the caller writes and ends it. */
export function startStream(response: ServerResponse, contentType: string, streamId?: string): void {
  prepare(response)
  response.setHeader('Transfer-Encoding', 'chunked')
  if (streamId !== undefined) response.setHeader('Mesos-Stream-Id', streamId)
  response.setHeader('Content-Type', contentType)
  response.writeHead(200)
}
