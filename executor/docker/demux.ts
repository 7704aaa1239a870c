// Cuts an attached container's raw stream into its stdout and stderr. Synchronous: bytes in, pieces out, whatever way the
// bytes were cut; nothing is copied or held back but an incomplete header.

export interface OutputPiece {
  readonly stream: 'stdout' | 'stderr'
  /** A view into the bytes that were pushed. */
  readonly data: Uint8Array
}

const headerBytes = 8

/** The engine's framing: one byte for the stream, three zeros, the length as a big-endian uint32, then that many bytes. */
export class OutputDemux {
  readonly #header = new Uint8Array(headerBytes)
  #headerLength = 0
  /** Bytes of the current frame still to come. */
  #remaining = 0
  #stream: 'stdout' | 'stderr' = 'stdout'

  /** @throws Error where the bytes are no such stream. */
  push(chunk: Uint8Array): OutputPiece[] {
    const pieces: OutputPiece[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#remaining === 0) {
        const part = chunk.subarray(at, at + headerBytes - this.#headerLength)
        this.#header.set(part, this.#headerLength)
        this.#headerLength += part.length
        at += part.length
        if (this.#headerLength === headerBytes) this.#readHeader()
        continue
      }
      const data = chunk.subarray(at, at + this.#remaining)
      pieces.push({ stream: this.#stream, data })
      this.#remaining -= data.length
      at += data.length
    }
    return pieces
  }

  #readHeader(): void {
    const [stream, ...zeros] = this.#header.subarray(0, 4)
    if ((stream !== 1 && stream !== 2) || zeros.some(byte => byte !== 0))
      throw new Error(`no frame of container output: ${Buffer.from(this.#header).toString('hex')}`)
    this.#stream = stream === 1 ? 'stdout' : 'stderr'
    this.#remaining = new DataView(this.#header.buffer).getUint32(4)
    this.#headerLength = 0
  }
}
