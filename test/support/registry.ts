// An image registry on loopback for pull tests: serves one image under any name, with or without credentials, and can hold
// its layer back. The engine that pulls is real.
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { arch } from 'node:os'
import { gzipSync } from 'node:zlib'
import { tarArchive } from '../../executor/tar.ts'

const types = {
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
}

export class TestRegistry implements AsyncDisposable {
  /** Requests for manifests, in order: `HEAD name reference`. */
  readonly manifests: string[] = []
  /** Requests for the layer. */
  layers = 0
  /** Set: `user:password` that every request must bring. */
  credentials: string | undefined
  /** While pending, the second half of the layer isn't sent. */
  layerHeld: Promise<void> = Promise.resolve()

  readonly #server = createServer((request, response) => void this.#answer(request, response))
  readonly #blobs = new Map<string, { type: string; bytes: Uint8Array }>()
  readonly #manifest: Buffer
  #waiting: (() => void)[] = []

  static async start(layerTar: Uint8Array): Promise<TestRegistry> {
    const registry = new TestRegistry(await unique(layerTar))
    registry.#server.listen(0, '127.0.0.1')
    await once(registry.#server, 'listening')
    return registry
  }

  private constructor(layerTar: Uint8Array) {
    const layer = gzipSync(layerTar, { level: 1 })
    const config = Buffer.from(
      JSON.stringify({
        architecture: arch() === 'x64' ? 'amd64' : arch(),
        os: 'linux',
        config: { Cmd: ['sh'], Env: ['PATH=/usr/bin:/bin'] },
        rootfs: { type: 'layers', diff_ids: [digest(layerTar)] },
        history: [{}],
      }),
    )
    this.#manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: types.manifest,
        config: this.#add('config', config),
        layers: [this.#add('layer', layer)],
      }),
    )
  }

  /** `127.0.0.1:port`, the first part of its images' names. */
  get host(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the registry does not listen')
    return `127.0.0.1:${address.port}`
  }

  get digest(): string {
    return digest(this.#manifest)
  }

  /** Resolves at the next request for the layer. */
  layerRequested(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  #add(kind: 'config' | 'layer', bytes: Uint8Array): { mediaType: string; size: number; digest: string } {
    const found = { mediaType: types[kind], size: bytes.length, digest: digest(bytes) }
    this.#blobs.set(found.digest, { type: found.mediaType, bytes })
    return found
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const given = Buffer.from(
      (request.headers.authorization ?? '').replace(/^Basic /, ''),
      'base64',
    ).toString()
    if (this.credentials !== undefined && given !== this.credentials) {
      response.writeHead(401, {
        'WWW-Authenticate': 'Basic realm="test"',
        'Content-Type': 'application/json',
      })
      response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }))
      return
    }
    const [, name = '', kind, reference = ''] =
      /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(request.url ?? '') ?? []
    if (kind === undefined) {
      response.writeHead(200).end('{}')
      return
    }
    if (kind === 'manifests') this.#sendManifest(request, response, name, reference)
    else await this.#sendBlob(response, reference)
  }

  #sendManifest(request: IncomingMessage, response: ServerResponse, name: string, reference: string): void {
    this.manifests.push(`${request.method} ${name} ${reference}`)
    if (name.includes('missing')) {
      response.writeHead(404, { 'Content-Type': 'application/json' })
      response.end(JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] }))
      return
    }
    response.writeHead(200, {
      'Content-Type': types.manifest,
      'Docker-Content-Digest': this.digest,
      'Content-Length': this.#manifest.length,
    })
    response.end(request.method === 'HEAD' ? undefined : this.#manifest)
  }

  async #sendBlob(response: ServerResponse, reference: string): Promise<void> {
    const blob = this.#blobs.get(reference)
    if (blob === undefined) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { 'Content-Type': blob.type, 'Content-Length': blob.bytes.length })
    if (blob.type === types.layer) {
      this.layers++
      for (const resolve of this.#waiting.splice(0)) resolve()
      response.write(blob.bytes.subarray(0, blob.bytes.length / 2))
      await this.layerHeld
      response.end(blob.bytes.subarray(blob.bytes.length / 2))
    } else response.end(blob.bytes)
  }
}

/** A layer that no engine has yet: it would not ask for one that it knows. */
async function unique(layerTar: Uint8Array): Promise<Uint8Array> {
  const endBytes = 1024
  const pieces: Uint8Array[] = []
  const content = Buffer.from(randomUUID())
  for await (const piece of tarArchive([{ path: 'unique', kind: 'file', mode: 0o644, content }]))
    pieces.push(piece)
  return Buffer.concat([Buffer.concat(pieces).subarray(0, -endBytes), layerTar])
}

function digest(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
