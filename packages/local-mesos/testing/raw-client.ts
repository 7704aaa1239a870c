// A bare client for tests and the replay: exact requests, answers as they are, event streams as lists that can be
// waited on. It has no opinion about Mesos.
import { request as httpRequest, Agent as HttpAgent, type IncomingMessage } from 'node:http'
import { RecordIoParser } from 'mesos-http-client'

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface RawRequest {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** One keep-alive pool per client, so that tests can close what they opened. */
export class RawClient {
  readonly #pool = new HttpAgent({ keepAlive: true })
  readonly url: string

  constructor(url: string) {
    this.url = url
  }

  async send(o: RawRequest): Promise<RawAnswer> {
    const incoming = await this.#request(o)
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    return { ...headOf(incoming), body: Buffer.concat(chunks) }
  }

  /** Resolves with the head; events are read in the background. */
  async stream(o: RawRequest): Promise<RawStream> {
    return new RawStream(await this.#request(o))
  }

  close(): void {
    this.#pool.destroy()
  }

  async #request(o: RawRequest): Promise<IncomingMessage> {
    const body = typeof o.body === 'string' ? Buffer.from(o.body) : o.body
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const outgoing = httpRequest(
      `${this.url}${o.path}`,
      {
        method: o.method ?? 'POST',
        agent: this.#pool,
        headers: { ...o.headers, ...(body !== undefined && { 'Content-Length': String(body.length) }) },
      },
      resolve,
    )
    outgoing.once('error', reject)
    outgoing.end(body)
    return promise
  }
}

function headOf(incoming: IncomingMessage): Pick<RawAnswer, 'status' | 'headers'> {
  const headers: Record<string, string> = {}
  for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
    headers[incoming.rawHeaders[at] ?? ''] = incoming.rawHeaders[at + 1] ?? ''
  }
  return { status: incoming.statusCode ?? 0, headers }
}

/** A RecordIO answer. A refusal is the same with a plain body. */
export class RawStream {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly records: Uint8Array[] = []
  /** The plain body of an answer that is no stream. */
  body = Buffer.alloc(0)
  end: 'open' | 'by server' | 'broken' | 'by client' = 'open'
  readonly #incoming: IncomingMessage
  readonly #watchers = new Set<() => void>()

  constructor(incoming: IncomingMessage) {
    this.#incoming = incoming
    const head = headOf(incoming)
    this.status = head.status
    this.headers = head.headers
    const parser = new RecordIoParser()
    incoming.on('data', (chunk: Buffer) => {
      if (this.status === 200) for (const record of parser.push(chunk)) this.records.push(Buffer.from(record))
      else this.body = Buffer.concat([this.body, chunk])
      this.#tell()
    })
    incoming.on('end', () => this.#finish('by server'))
    incoming.on('error', () => this.#finish('broken'))
    incoming.on('close', () => this.#finish('broken'))
  }

  close(): void {
    this.#finish('by client')
    this.#incoming.destroy()
  }

  /** Resolves when `holds` is true; looked at after each chunk and at the end. Rejects at the end of patience. */
  async until(holds: (stream: RawStream) => boolean, patienceMs = 10_000): Promise<void> {
    if (holds(this)) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(new Error(`waited ${patienceMs} ms in vain`)), patienceMs)
    const look = (): void => {
      if (holds(this)) resolve()
    }
    this.#watchers.add(look)
    try {
      await promise
    } finally {
      clearTimeout(timer)
      this.#watchers.delete(look)
    }
  }

  #finish(how: RawStream['end']): void {
    if (this.end !== 'open') return
    this.end = how
    this.#tell()
  }

  #tell(): void {
    for (const look of this.#watchers) look()
  }
}
