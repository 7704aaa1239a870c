// Files of a sandbox through an agent's /files endpoints, byte for byte. /files/read puts the raw bytes of a file into a
// JSON string: binary data or a cut character give what no JSON parser takes, so its answer is read as bytes here.
import { MesosError } from '../errors.ts'
import { bodyOf } from '../transport.ts'
import type { OperatorOptions } from './options.ts'
import { Requester } from './request.ts'

/** What an agent gives at once, whatever is asked for: 16 pages of 4 KiB. */
export const FILE_PAGE_BYTES = 64 * 1024

/** One file or directory. */
export interface FileEntry {
  /** Absolute, as `browse`, `read` and `download` take it. */
  readonly path: string
  readonly sizeBytes: number
  readonly modifiedMs: number
  /** As `ls -l` writes it, such as `-rw-r--r--`. */
  readonly mode: string
  readonly user: string
  readonly group: string
  readonly isDirectory: boolean
}

/** A piece of a file. */
export interface FilePage {
  readonly data: Uint8Array
  readonly offset: number
  /** Of the whole file, shortly before it was read. */
  readonly size: number
}

/** Reads sandboxes, by an agent's paths or by `/frameworks/ID/executors/ID/runs/latest/…`. */
export class FilesClient {
  readonly #requester: Requester

  /** @throws TypeError for a `ca` without certificates, or a `url` that is none */
  constructor(options: OperatorOptions) {
    this.#requester = new Requester(options, 'to its host')
  }

  /**
   * What is in a directory; nothing for a file.
   * @throws MesosError `not_found` if there is no such path
   */
  async browse(path: string): Promise<FileEntry[]> {
    const { bytes, what } = await this.#requester.fetch('GET', query('browse', { path }), JSON_ONLY)
    const entries = parseJson(what, bytes)
    if (!Array.isArray(entries)) throw new MesosError('unreadable', `${what}: no list`)
    return entries.map(entry => fileEntry(entry))
  }

  /**
   * A whole file as it comes. Leave the loop when you have enough: that breaks the connection.
   * @throws MesosError `not_found`; `timeout` when nothing comes for the call time-out
   */
  async *download(path: string): AsyncGenerator<Uint8Array, void, undefined> {
    const { answer, what } = await this.#requester.open('GET', query('download', { path }), {})
    yield* bodyOf(answer, { what, clock: this.#requester.clock, silenceMs: this.#requester.callTimeoutMs })
  }

  /**
   * At most FILE_PAGE_BYTES from `offset`: ask again at `offset + data.length`. No data: `offset` is the end, or beyond it
   * when the file has been cut.
   * @param length bytes, more than one page counts as one
   * @throws MesosError `not_found`, `invalid_call` for a directory, `unreadable`
   */
  async read(path: string, offset: number, length: number = FILE_PAGE_BYTES): Promise<FilePage> {
    const size = (await this.#page(path, -1, 0)).offset
    if (offset >= size || length <= 0) return { data: new Uint8Array(0), offset, size }
    const { data } = await this.#page(path, offset, Math.min(length, FILE_PAGE_BYTES))
    return { data, offset, size: Math.max(size, offset + data.length) }
  }

  /** Breaks what is under way. */
  close(): void {
    this.#requester.close()
  }

  /** Offset -1 asks for the size, which comes back as the offset. */
  async #page(path: string, offset: number, length: number): Promise<{ data: Uint8Array; offset: number }> {
    const fields = { path, offset: String(offset), ...(offset < 0 ? {} : { length: String(length) }) }
    const { bytes, what } = await this.#requester.fetch('GET', query('read', fields), JSON_ONLY)
    return parseReadAnswer(what, bytes)
  }
}

const JSON_ONLY = { Accept: 'application/json' }

function query(endpoint: string, fields: Record<string, string>): string {
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return `/files/${endpoint}?${pairs.join('&')}`
}

function parseJson(what: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new MesosError('unreadable', `${what}: no JSON`, { cause })
  }
}

function fileEntry(entry: unknown): FileEntry {
  const { path, size, mtime, mode, uid, gid }: Record<string, unknown> =
    typeof entry === 'object' && entry !== null ? { ...entry } : {}
  const text = (value: unknown) => (typeof value === 'string' ? value : '')
  return {
    path: text(path),
    sizeBytes: Number(size ?? 0),
    modifiedMs: Number(mtime ?? 0) * 1000,
    mode: text(mode),
    user: text(uid),
    group: text(gid),
    isDirectory: text(mode).startsWith('d'),
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * `{"data":"…","offset":12}`, where … are bytes of which only quotes, backslashes and control characters are escaped.
 * Each byte that is not part of an escape stands for itself, so the file's bytes come back exactly. To read the rest as
 * JSON, the string is left out.
 * @throws MesosError `unreadable`
 */
export function parseReadAnswer(what: string, bytes: Uint8Array): { data: Uint8Array; offset: number } {
  const latin = Buffer.from(bytes).toString('latin1')
  const begin = /"data"\s*:\s*"/.exec(latin)
  if (begin === null) throw new MesosError('unreadable', `${what}: no data`)
  let end = begin.index + begin[0].length
  const start = end
  while (end < bytes.length && bytes[end] !== QUOTE) end += bytes[end] === BACKSLASH ? 2 : 1
  if (end >= bytes.length) throw new MesosError('unreadable', `${what}: cut off`)
  const rest = parseJson(what, Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]))
  const offset: unknown =
    typeof rest === 'object' && rest !== null && 'offset' in rest ? rest.offset : undefined
  if (typeof offset !== 'number') throw new MesosError('unreadable', `${what}: no offset`)
  return { data: unescape(what, bytes.subarray(start, end)), offset }
}

const shortEscapes: Readonly<Record<string, number>> = {
  '"': QUOTE,
  '\\': BACKSLASH,
  '/': 0x2f,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
}

/** One character: two UTF-16 surrogates, or one unit. */
const UNICODE_ESCAPE = /^\\u(?:d[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|[0-9a-f]{4})/i

function unescape(what: string, escaped: Uint8Array): Uint8Array {
  const out = Buffer.alloc(escaped.length)
  let length = 0
  let at = 0
  while (at < escaped.length) {
    const byte = escaped[at] ?? 0
    if (byte !== BACKSLASH) {
      out[length++] = byte
      at += 1
      continue
    }
    const kind = String.fromCharCode(escaped[at + 1] ?? 0)
    const short = shortEscapes[kind]
    if (short !== undefined) {
      out[length++] = short
      at += 2
      continue
    }
    const units = UNICODE_ESCAPE.exec(Buffer.from(escaped.subarray(at, at + 12)).toString('latin1'))?.[0]
    if (units === undefined) throw new MesosError('unreadable', `${what}: a strange escape`)
    const text: unknown = JSON.parse(`"${units}"`)
    length += out.write(String(text), length, 'utf8')
    at += units.length
  }
  return Uint8Array.from(out.subarray(0, length))
}
