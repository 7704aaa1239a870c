// Reads a tar stream (ustar, pax, GNU long names): bytes in, entries and their content out, at any cut of the bytes.
// Synchronous; knows nothing of files. Refuses what it can't be sure of.
import { FetchError } from './errors.ts'

const block = 512
const maxMetaBytes = 1024 * 1024

export type TarKind = 'file' | 'folder' | 'symlink' | 'hardlink'

export interface TarEntry {
  readonly kind: TarKind
  readonly path: string
  /** Target of a link. */
  readonly link: string
  readonly mode: number
  readonly size: number
}

export type TarPiece =
  | { readonly type: 'entry'; readonly entry: TarEntry }
  /** A view into the bytes that were pushed. */
  | { readonly type: 'data'; readonly bytes: Uint8Array }
  | { readonly type: 'end' }

type Phase =
  | { readonly name: 'header' }
  | { name: 'file'; remaining: number; padding: number }
  | { name: 'meta'; readonly kind: string; remaining: number; padding: number; readonly parts: Uint8Array[] }
  | { readonly name: 'done' }

const kinds: Readonly<Record<string, TarKind>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'folder',
}

export class TarReader {
  #phase: Phase = { name: 'header' }
  readonly #header = Buffer.alloc(block)
  #headerLength = 0
  /** From a pax or GNU entry, for the next one. */
  #next: { path?: string; link?: string; size?: number } = {}

  /** @throws FetchError where this is no tar or holds something that is not extracted. */
  push(chunk: Uint8Array): TarPiece[] {
    const pieces: TarPiece[] = []
    for (let rest = chunk; rest.length > 0 && this.#phase.name !== 'done';) rest = this.#take(rest, pieces)
    return pieces
  }

  /** @throws FetchError where the archive stops within an entry. */
  end(): void {
    if (this.#phase.name === 'done') return
    if (this.#phase.name !== 'header' || this.#headerLength > 0)
      throw new FetchError('the archive is cut off')
  }

  #take(bytes: Uint8Array, pieces: TarPiece[]): Uint8Array {
    const phase = this.#phase
    if (phase.name === 'done') return bytes.subarray(bytes.length)
    if (phase.name === 'header') {
      const part = bytes.subarray(0, block - this.#headerLength)
      this.#header.set(part, this.#headerLength)
      this.#headerLength += part.length
      if (this.#headerLength === block) {
        this.#headerLength = 0
        this.#readHeader(pieces)
      }
      return bytes.subarray(part.length)
    }
    if (phase.remaining > 0) {
      const part = bytes.subarray(0, phase.remaining)
      phase.remaining -= part.length
      if (phase.name === 'file') pieces.push({ type: 'data', bytes: part })
      else phase.parts.push(Uint8Array.from(part))
      this.#endBody(pieces)
      return bytes.subarray(part.length)
    }
    const skipped = Math.min(phase.padding, bytes.length)
    phase.padding -= skipped
    if (phase.padding === 0) this.#phase = { name: 'header' }
    return bytes.subarray(skipped)
  }

  #endBody(pieces: TarPiece[]): void {
    const phase = this.#phase
    if ((phase.name !== 'file' && phase.name !== 'meta') || phase.remaining > 0) return
    if (phase.name === 'file') pieces.push({ type: 'end' })
    else this.#readMeta(phase.kind, Buffer.concat(phase.parts))
    if (phase.padding === 0) this.#phase = { name: 'header' }
  }

  #readHeader(pieces: TarPiece[]): void {
    const header = this.#header
    if (header.every(byte => byte === 0)) {
      this.#phase = { name: 'done' }
      return
    }
    checkSum(header)
    const type = String.fromCharCode(header[156] ?? 0)
    const bodyBytes = this.#next.size ?? number(header, 124, 12)
    const padding = (block - (bodyBytes % block)) % block
    if ('xgLK'.includes(type)) {
      const size = number(header, 124, 12)
      if (size > maxMetaBytes) throw new FetchError('the archive has a name of more than 1 MB')
      const filler = (block - (size % block)) % block
      this.#phase = { name: 'meta', kind: type, remaining: size, padding: filler, parts: [] }
      this.#endBody(pieces)
      return
    }
    const path = this.#next.path ?? headerPath(header)
    const kind = kinds[type]
    if (!kind)
      throw new FetchError(
        `${JSON.stringify(path)} is a device, a FIFO or of another kind that is not extracted`,
      )
    const size = kind === 'file' ? bodyBytes : 0
    const link = this.#next.link ?? text(header, 157, 100)
    this.#next = {}
    const isFolder = kind === 'folder' || (kind === 'file' && path.endsWith('/'))
    const entry: TarEntry = {
      kind: isFolder ? 'folder' : kind,
      path,
      link,
      mode: number(header, 100, 8),
      size,
    }
    pieces.push({ type: 'entry', entry })
    this.#phase = { name: 'file', remaining: size, padding: kind === 'file' ? padding : 0 }
    this.#endBody(pieces)
  }

  #readMeta(kind: string, body: Buffer): void {
    const line = (): string => body.toString('utf8').replace(/\0.*$/s, '')
    if (kind === 'L') this.#next.path = line()
    else if (kind === 'K') this.#next.link = line()
    else if (kind === 'x') {
      const records = paxRecords(body)
      if ([...records.keys()].some(key => key.startsWith('GNU.sparse')))
        throw new FetchError('the archive has sparse files, which are not extracted')
      const size = records.get('size')
      this.#next = {
        ...this.#next,
        ...(records.has('path') ? { path: records.get('path')! } : {}),
        ...(records.has('linkpath') ? { link: records.get('linkpath')! } : {}),
        ...(size === undefined ? {} : { size: whole(Number(size)) }),
      }
    }
  }
}

function headerPath(header: Buffer): string {
  const name = text(header, 0, 100)
  // GNU's own format keeps other things where ustar has the prefix.
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? text(header, 345, 155) : ''
  return prefix ? `${prefix}/${name}` : name
}

function checkSum(header: Buffer): void {
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0)
  if (sum !== number(header, 148, 8)) throw new FetchError('it is no tar archive')
}

function text(header: Buffer, start: number, length: number): string {
  return header.toString('utf8', start, start + length).replace(/\0.*$/s, '')
}

/** Octal, or base 256 where the first bit is set. */
function number(header: Buffer, start: number, length: number): number {
  if (((header[start] ?? 0) & 0x80) !== 0) {
    let value = (header[start] ?? 0) & 0x7f
    for (let index = start + 1; index < start + length; index++) value = value * 256 + (header[index] ?? 0)
    return whole(value)
  }
  const digits = text(header, start, length).trim()
  if (!/^[0-7]*$/.test(digits)) throw new FetchError('it is no tar archive')
  return parseInt(digits || '0', 8)
}

function whole(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new FetchError('the archive has an impossible size in it')
  return value
}

/** `length key=value\n`, the length counting itself. */
function paxRecords(body: Buffer): Map<string, string> {
  const records = new Map<string, string>()
  for (let offset = 0; offset < body.length;) {
    const space = body.indexOf(0x20, offset)
    const length = Number(body.toString('latin1', offset, space === -1 ? offset : space))
    const end = offset + length
    if (!Number.isInteger(length) || length < 5 || end > body.length)
      throw new FetchError('the archive has a broken pax header')
    const record = body.toString('utf8', space + 1, end - 1)
    const equals = record.indexOf('=')
    records.set(record.slice(0, equals), record.slice(equals + 1))
    offset = end
  }
  return records
}
