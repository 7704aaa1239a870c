// A Docker engine that misbehaves, on a unix socket: what a real one can't be made to do. Answers like an engine with one
// container unless a test says otherwise.
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'

export type FakeAnswer = (response: ServerResponse) => void

/** Never answers. */
export const silence: FakeAnswer = () => {}

export function answer(status: number, body: unknown): FakeAnswer {
  return response => {
    response.writeHead(status, { 'Content-Type': 'application/json', 'Api-Version': '1.41' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

const running = {
  Id: 'c1',
  State: { Running: true, Status: 'running', StartedAt: '2024-01-01T00:00:00.5Z' },
  Config: {},
}

export class FakeEngine implements AsyncDisposable {
  readonly dockerHost: string
  /** `METHOD /path` without version and query, in order. */
  readonly calls: string[] = []
  /** By `METHOD /path`; the first that the call begins with counts. */
  readonly answers = new Map<string, FakeAnswer>()
  /** The answer to attach: an output that ends at once, or one that stays open. */
  outputEnds = false
  readonly #dir: string
  readonly #server = createServer()
  readonly #sockets = new Set<Duplex>()

  static async start(): Promise<FakeEngine> {
    const engine = new FakeEngine(await mkdtemp(join(tmpdir(), 'juice-fake-')))
    engine.#server.listen(engine.dockerHost.slice('unix://'.length))
    await once(engine.#server, 'listening')
    return engine
  }

  private constructor(dir: string) {
    this.#dir = dir
    this.dockerHost = `unix://${join(dir, 'docker.sock')}`
    this.#server.on('connection', socket => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    this.#server.on('request', (request, response) => {
      const call = this.#record(request.method, request.url)
      const found = [...this.answers].find(([start]) => call.startsWith(start))
      ;(found?.[1] ?? usual(call))(response)
    })
    this.#server.on('upgrade', (request, socket) => {
      this.#record(request.method, request.url)
      socket.on('error', () => {})
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n')
      if (this.outputEnds) socket.end()
    })
  }

  /** Breaks every connection, as an engine that is killed. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.cut()
    await once(this.#server, 'close')
    await rm(this.#dir, { recursive: true })
  }

  #record(method = '', url = ''): string {
    const call = `${method} ${url.replace(/^\/v[\d.]+/, '').replace(/\?.*/, '')}`
    this.calls.push(call)
    return call
  }
}

function usual(call: string): FakeAnswer {
  if (call === 'GET /_ping') return answer(200, 'OK')
  if (call === 'POST /containers/create') return answer(201, { Id: 'c1', Warnings: [] })
  if (call.startsWith('GET /containers/')) return answer(200, running)
  // A wait's head comes at once, its end with the container's.
  if (call.endsWith('/wait')) return response => response.writeHead(200).flushHeaders()
  return response => void response.writeHead(204).end()
}
