// A loopback HTTP server in the place of a master or an agent: a test answers each request by hand, or lets a recorded
// scenario answer. It imitates no Mesos: that is what local-mesos does.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { codec, codecOf } from '../codec/index.ts'
import type { MessageName, Messages } from '../codec/names.ts'
import { encodeRecord } from '../recordio.ts'
import { Log } from './log.ts'
import type { Trace, TraceExchange } from './traces.ts'
import { textOf } from './traces.ts'

// what the server of a test says itself
const skipped: ReadonlySet<string> = new Set(['date', 'content-length', 'transfer-encoding'])

/** An open answer: records, whole or in pieces. */
export class FakeStream {
  readonly #response: ServerResponse
  readonly #encode: (event: object) => Uint8Array
  /** Settled when the client is gone, or the stream ended. */
  readonly closed: Promise<void>

  constructor(response: ServerResponse, encode: (event: object) => Uint8Array) {
    this.#response = response
    this.#encode = encode
    this.closed = new Promise(resolve => response.once('close', resolve))
  }

  /** In the encoding that the client accepts. */
  send(...events: object[]): void {
    this.raw(Buffer.concat(events.map(event => encodeRecord(this.#encode(event)))))
  }

  raw(bytes: Uint8Array | string): boolean {
    return this.#response.write(bytes)
  }

  /** Bytes that the client has not taken from us. */
  get unsentBytes(): number {
    return this.#response.writableLength
  }

  /** As a server that closes properly. */
  end(): void {
    this.#response.end()
  }

  /** As a process that dies. */
  cut(): void {
    this.#response.destroy()
  }
}

export class FakeRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Uint8Array
  /** The same for requests on one connection. */
  readonly connection: Socket
  readonly #response: ServerResponse

  constructor(request: IncomingMessage, body: Uint8Array, response: ServerResponse) {
    this.method = request.method ?? ''
    this.path = request.url ?? ''
    this.headers = request.headers
    this.body = body
    this.connection = request.socket
    this.#response = response
  }

  /** The body as a message. */
  as<K extends MessageName>(type: K): Messages[K] {
    return (codecOf(this.headers['content-type']) ?? codec('json')).decode(type, this.body)
  }

  answer(status: number, body: string | Uint8Array = '', headers: Record<string, string> = {}): void {
    const kept = status === 202 || body.length === 0 ? {} : { 'Content-Type': 'text/plain; charset=utf-8' }
    this.#response.writeHead(status, { ...kept, ...headers, 'Content-Length': Buffer.byteLength(body) })
    this.#response.end(body)
  }

  /** Begins an event stream, in the encoding that the client accepts unless told otherwise. */
  stream(
    type: MessageName,
    headers: Record<string, string> = {},
    contentType = this.headers.accept,
  ): FakeStream {
    const used = codecOf(contentType) ?? codec('json')
    const kept = Object.entries(headers).filter(([name]) => !skipped.has(name.toLowerCase()))
    this.#response.writeHead(200, { ...Object.fromEntries(kept), 'Content-Type': used.contentType })
    this.#response.flushHeaders()
    return new FakeStream(this.#response, event =>
      used.encode(type, codec('json').decode(type, Buffer.from(JSON.stringify(event)))),
    )
  }

  cut(): void {
    this.#response.destroy()
  }
}

export class FakeMesos {
  readonly requests = new Log<FakeRequest>()
  readonly #server: Server | https.Server
  readonly #connections = new Set<Socket>()

  /** @param handle answers; without it a test takes requests out of `requests` */
  static async start(
    handle: (request: FakeRequest) => void = () => {},
    where: { port?: number; path?: string; tls?: https.ServerOptions } = {},
  ): Promise<FakeMesos> {
    const fake = new FakeMesos(handle, where.tls)
    const { path, port = 0 } = where
    await new Promise<void>((resolve, reject) => {
      const address = path === undefined ? { port, host: '127.0.0.1' } : { path }
      fake.#server.once('error', reject).listen(address, () => resolve())
    })
    return fake
  }

  private constructor(handle: (request: FakeRequest) => void, tls: https.ServerOptions | undefined) {
    const listener = (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Uint8Array[] = []
      request.on('data', (chunk: Uint8Array) => chunks.push(chunk))
      request.on('end', () => {
        const taken = new FakeRequest(request, new Uint8Array(Buffer.concat(chunks)), response)
        this.requests.add(taken)
        handle(taken)
      })
    }
    this.#server = tls === undefined ? http.createServer(listener) : https.createServer(tls, listener)
    this.#server.on('connection', socket => {
      this.#connections.add(socket)
      socket.once('close', () => this.#connections.delete(socket))
    })
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('not listening')
    return address.port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Settled when no client holds a connection. */
  async disconnected(): Promise<void> {
    await Promise.all(
      [...this.#connections].map(socket => new Promise(resolve => socket.once('close', resolve))),
    )
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>(resolve => {
      this.#server.close(() => resolve())
    })
  }
}

function recordedHeaders(exchange: TraceExchange): Record<string, string> {
  return Object.fromEntries(
    Object.entries(exchange.response.headers).filter(([name]) => !skipped.has(name.toLowerCase())),
  )
}

const typeOf = (body: unknown): unknown =>
  typeof body === 'object' && body !== null && 'type' in body ? body.type : undefined

/**
 * Answers requests as a recorded Mesos did: each takes the next exchange of the same path and call type. Streams give their
 * recorded events at once and stay open, or end where the recording says that the server ended them.
 */
export function replay(trace: Trace, to: string): (request: FakeRequest) => void {
  const left = trace.exchanges.filter(exchange => exchange.to === to)
  return request => {
    const isJson = request.headers['content-type'] !== 'application/x-protobuf'
    const side = request.path.endsWith('/executor') ? 'executor' : 'scheduler'
    const type = isJson
      ? typeOf(JSON.parse(Buffer.from(request.body).toString() || '{}'))
      : request.as(`${side}.Call`).type
    const index = left.findIndex(
      ({ request: known }) =>
        known.path === request.path &&
        known.method === request.method &&
        typeOf(known.body_decoded ?? known.body) === type,
    )
    const [exchange] = index < 0 ? [] : left.splice(index, 1)
    if (exchange === undefined) {
      request.answer(500, `nothing more was recorded for ${request.method} ${request.path} ${String(type)}`)
      return
    }
    const { response } = exchange
    if (response.records === undefined) {
      request.answer(response.status, bodyOf(exchange), recordedHeaders(exchange))
      return
    }
    const stream = request.stream(`${side}.Event`, recordedHeaders(exchange))
    for (const record of response.records) {
      if (record.event_base64 !== undefined)
        stream.raw(encodeRecord(Buffer.from(record.event_base64, 'base64')))
      else stream.raw(encodeRecord(Buffer.from(textOf(record.event))))
    }
    if (response.end === 'closed by server') stream.end()
  }
}

function bodyOf({ response }: TraceExchange): string | Uint8Array {
  const base64 = response.body_invalid_utf8_base64 ?? response.body_base64
  return base64 === undefined ? textOf(response.body) : Buffer.from(base64, 'base64')
}
