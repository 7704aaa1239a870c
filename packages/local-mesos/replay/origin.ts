// The HTTP server from which recorded executors had their URIs, with the same files; it notes what it was asked for.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { gzipSync } from 'node:zlib'

export class Origin {
  readonly #server: Server
  /** `GET /a.tar.gz` and the like, in the order in which they came. */
  readonly requests: string[] = []

  private constructor() {
    this.#server = createServer((request, response) => {
      this.requests.push(`${request.method} ${request.url}`)
      const content = files.get(request.url ?? '')
      response.writeHead(content === undefined ? 404 : 200, {
        'Content-Length': String(content?.length ?? 0),
      })
      response.end(content)
    })
  }

  static async start(): Promise<Origin> {
    const origin = new Origin()
    origin.#server.listen(0, '127.0.0.1')
    await once(origin.#server, 'listening')
    return origin
  }

  /** `host:port` */
  get address(): string {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : ''
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

const files: ReadonlyMap<string, Buffer> = new Map([
  ['/a.tar.gz', gzipSync(tar('in/hello.txt', 'hello\n'))],
  ['/run.sh', Buffer.from('#!/bin/sh\necho run\n')],
  ['/cached.txt', Buffer.from('cached\n')],
])

/** A tar archive of one small file. */
function tar(name: string, content: string): Buffer {
  const header = Buffer.alloc(512)
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length, '0')}\0`
  header.write(name, 0)
  header.write(octal(0o644, 7), 100)
  header.write(octal(0, 7), 108)
  header.write(octal(0, 7), 116)
  header.write(octal(content.length, 11), 124)
  header.write(octal(0, 11), 136)
  header.write(' '.repeat(8), 148)
  header.write('0', 156)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, Buffer.from(content.padEnd(512, '\0')), Buffer.alloc(1024)])
}
