// Output as server-sent events: text for people and browsers. Pure but for the decoder's memory.
// An event's id is `<attempt>:<bytes of the stream up to its end>`; sent back as Last-Event-ID it resumes there.
import type { LogEvent } from '../logs/follow.ts'

/** Makes the events of one followed stream; what is cut between two chunks comes with the later one. */
export class LogEventEncoder {
  #attempt = 0
  #position = 0
  #cut: Uint8Array = new Uint8Array()

  encode(event: LogEvent): string {
    switch (event.type) {
      case 'bytes':
        return this.#bytes(event)
      case 'waiting':
        return comment(event.why)
      case 'failed':
        return `${this.#rest()}event: failed\n${dataLines(event.why)}\n`
      case 'end':
        return `${this.#rest()}event: end\ndata:\n\n`
    }
  }

  #bytes(event: LogEvent & { type: 'bytes' }): string {
    const before = event.attempt === this.#attempt ? '' : this.#rest()
    this.#attempt = event.attempt
    const bytes = this.#cut.length === 0 ? event.bytes : Buffer.concat([this.#cut, event.bytes])
    const whole = completeLength(bytes)
    this.#cut = bytes.slice(whole)
    this.#position = event.position - this.#cut.length
    return before + (whole === 0 ? '' : this.#text(bytes.subarray(0, whole)))
  }

  /** What was waited for in vain. */
  #rest(): string {
    const cut = this.#cut
    this.#cut = new Uint8Array()
    this.#position += cut.length
    return cut.length === 0 ? '' : this.#text(cut)
  }

  #text(bytes: Uint8Array): string {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
    return `id: ${this.#attempt}:${this.#position}\n${dataLines(text)}\n`
  }
}

/** What a client that comes back has seen last. Undefined where it is no id of ours. */
export function parseEventId(
  id: string,
): { readonly attempt: number; readonly position: number } | undefined {
  const [, attempt, position] = /^(\d{1,9}):(\d{1,15})$/.exec(id) ?? []
  return attempt === undefined || position === undefined
    ? undefined
    : { attempt: Number(attempt), position: Number(position) }
}

/** A line that clients ignore and proxies see. */
export function comment(text: string): string {
  return `: ${text.replace(/[\r\n]+/g, ' ')}\n\n`
}

// The format knows three kinds of line ends and gives each back as LF.
function dataLines(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map(line => `data: ${line}\n`)
    .join('')
}

/** Length of the bytes without what the next ones may complete: a UTF-8 character, or the pair CR LF. */
function completeLength(bytes: Uint8Array): number {
  if (bytes.at(-1) === 0x0d) return bytes.length - 1
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0b1100_0000) === 0b1000_0000) continue
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1
    return byte <= 0xf4 && needed > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}
