// RecordIO, the framing of Mesos' event streams: decimal length, LF, that many bytes (S10). A synchronous class: bytes
// in, records out; it does no I/O and keeps at most one record.
import { MesosError } from './errors.ts'

const LF = 10
const ZERO = 48
/** Longer than any length below the cap, leading zeros included. */
const MAX_DIGITS = 20

/** Where the parser stands. After `failed` nothing can be read: the framing is lost. */
type State =
  | { readonly name: 'length'; readonly digits: number; readonly value: number }
  | { readonly name: 'record'; readonly bytes: Uint8Array; readonly filled: number }
  | { readonly name: 'failed'; readonly error: MesosError }

const START: State = { name: 'length', digits: 0, value: 0 }

/** Bytes in, records out. */
export class RecordIoParser {
  readonly #maxRecordBytes: number
  #state: State = START

  /** @param options.maxRecordBytes a longer record is refused; 128 MiB unless told */
  constructor(options: { maxRecordBytes?: number } = {}) {
    this.#maxRecordBytes = options.maxRecordBytes ?? 128 * 1024 * 1024
  }

  /** Bytes of an unfinished record held here, its length line included. */
  get pendingBytes(): number {
    if (this.#state.name === 'length') return this.#state.digits
    return this.#state.name === 'record' ? this.#state.filled : 0
  }

  /** Set as soon as garbage was met; records before it have been given out. */
  get failure(): MesosError | undefined {
    return this.#state.name === 'failed' ? this.#state.error : undefined
  }

  /**
   * Takes the next bytes, however cut, and gives the records completed by them, in order. A record that lies within
   * the chunk is a view into it: copy what is kept.
   * @throws MesosError `unreadable` when garbage was met before this call or at its very beginning; records that
   *   precede garbage in the same chunk are returned first, `failure` tells at once
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const records: Uint8Array[] = []
    let at = 0
    while (at < chunk.length && this.#state.name !== 'failed') {
      const state = this.#state
      if (state.name === 'record') {
        const end = Math.min(chunk.length, at + state.bytes.length - state.filled)
        state.bytes.set(chunk.subarray(at, end), state.filled)
        const filled = state.filled + end - at
        at = end
        if (filled === state.bytes.length) {
          records.push(state.bytes)
          this.#state = START
        } else {
          this.#state = { name: 'record', bytes: state.bytes, filled }
        }
      } else {
        const length = this.#readLength(chunk, at)
        if (length === undefined) break
        at = length.next
        if (chunk.length - at >= length.value) {
          records.push(chunk.subarray(at, at + length.value))
          at += length.value
          this.#state = START
        } else {
          this.#state = { name: 'record', bytes: new Uint8Array(length.value), filled: 0 }
        }
      }
    }
    if (this.#state.name === 'failed' && records.length === 0) throw this.#state.error
    return records
  }

  /** @throws MesosError `disconnected` if the stream ended inside a record, `unreadable` if it was garbage */
  end(): void {
    if (this.#state.name === 'failed') throw this.#state.error
    if (this.#state === START) return
    throw new MesosError(
      'disconnected',
      `the stream ended inside a record, after ${this.pendingBytes} bytes of it`,
    )
  }

  /** The length line from `at`; undefined when the chunk ends within it or it is none (then the state says so). */
  #readLength(chunk: Uint8Array, at: number): { value: number; next: number } | undefined {
    let { digits, value } = this.#state.name === 'length' ? this.#state : { digits: 0, value: 0 }
    for (let next = at; next < chunk.length; next++) {
      const byte = chunk[next] ?? 0
      if (byte === LF) {
        if (digits > 0) return { value, next: next + 1 }
        this.#fail('a record without a length')
        return undefined
      }
      const digit = byte - ZERO
      if (digit < 0 || digit > 9) {
        this.#fail(`byte 0x${byte.toString(16).padStart(2, '0')} in a record's length`)
        return undefined
      }
      digits += 1
      value = value * 10 + digit
      if (value > this.#maxRecordBytes || digits > MAX_DIGITS) {
        this.#fail(`a record of more than ${this.#maxRecordBytes} bytes`)
        return undefined
      }
    }
    this.#state = { name: 'length', digits, value }
    return undefined
  }

  #fail(what: string): void {
    this.#state = {
      name: 'failed',
      error: new MesosError('unreadable', `the stream is no RecordIO: ${what}`),
    }
  }
}

/** One record, framed. */
export function encodeRecord(bytes: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`${bytes.length}\n`)
  const framed = new Uint8Array(head.length + bytes.length)
  framed.set(head)
  framed.set(bytes, head.length)
  return framed
}
