// For tests: an agent's files in memory, written as the executor writes its logs. Not part of the service.
import { MesosError } from 'mesos-http-client'
import type { AgentFile, AgentFiles, LogStream } from './rotated-log.ts'

export class FakeAgent implements AgentFiles {
  /** Rejects each call by it, where set. */
  failure: MesosError | undefined
  /** Called before each read: the executor goes on writing meanwhile. */
  beforeRead: () => void = () => undefined
  calls = 0
  nowSeconds = 1000
  readonly #fileBytes: number
  readonly #kept: number
  readonly #files = new Map<string, { bytes: Buffer; modifiedMs: number }>()
  readonly #folder: string

  constructor(options: { folder?: string; fileBytes?: number; kept?: number } = {}) {
    this.#folder = options.folder ?? '/sandbox'
    this.#fileBytes = options.fileBytes ?? 1000
    this.#kept = options.kept ?? 4
  }

  write(stream: LogStream, data: Uint8Array | string): void {
    for (let rest = Buffer.from(data); ;) {
      const file = this.#files.get(stream) ?? { bytes: Buffer.alloc(0), modifiedMs: this.nowSeconds * 1000 }
      if (rest.length > 0 && file.bytes.length >= this.#fileBytes) {
        this.#rotate(stream)
        continue
      }
      const room = this.#fileBytes - file.bytes.length
      const bytes = Buffer.concat([file.bytes, rest.subarray(0, room)])
      this.#files.set(stream, { bytes, modifiedMs: this.nowSeconds * 1000 })
      rest = rest.subarray(room)
      if (rest.length === 0) return
    }
  }

  deleteAll(): void {
    this.#files.clear()
    this.failure = new MesosError('not_found', 'GET /files/browse: HTTP 404', { status: 404 })
  }

  async list(folder: string): Promise<readonly AgentFile[]> {
    this.#called()
    if (folder !== this.#folder) throw new MesosError('not_found', 'no such folder', { status: 404 })
    return [...this.#files].map(([name, { bytes, modifiedMs }]) => ({ name, size: bytes.length, modifiedMs }))
  }

  async read(path: string, offset: number, length: number): Promise<Uint8Array> {
    this.beforeRead()
    this.#called()
    const file = this.#files.get(path.slice(this.#folder.length + 1))
    if (file === undefined) throw new MesosError('not_found', 'no such file', { status: 404 })
    return file.bytes.subarray(offset, offset + length)
  }

  async *download(path: string): AsyncGenerator<Uint8Array> {
    this.beforeRead()
    this.#called()
    const file = this.#files.get(path.slice(this.#folder.length + 1))
    if (file === undefined) throw new MesosError('not_found', 'no such file', { status: 404 })
    for (let offset = 0; offset < file.bytes.length; offset += 1000)
      yield file.bytes.subarray(offset, offset + 1000)
  }

  #called(): void {
    this.calls++
    if (this.failure !== undefined) throw this.failure
  }

  #rotate(stream: LogStream): void {
    this.#files.delete(this.#kept === 0 ? stream : `${stream}.${this.#kept}`)
    for (let number = this.#kept; number > 0; number--) {
      const name = number === 1 ? stream : `${stream}.${number - 1}`
      const file = this.#files.get(name)
      if (file !== undefined) this.#files.set(`${stream}.${number}`, file)
      this.#files.delete(name)
    }
  }
}
