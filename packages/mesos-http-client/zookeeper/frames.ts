// ZooKeeper's framing: four bytes of length, then that many bytes. Bytes in, frames out; nothing is known of their content.

/** ZooKeeper's own limit for what it stores, with room for what surrounds it. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024

export class FrameParser {
  readonly #maxFrameBytes: number
  #rest: Buffer = Buffer.alloc(0)

  constructor({ maxFrameBytes = MAX_FRAME_BYTES } = {}) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /**
   * The frames that are complete with these bytes, as views into them.
   * @throws RangeError for a length that nobody can mean: what follows can't be understood any more
   */
  push(bytes: Uint8Array): Buffer[] {
    const given = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let buffer = this.#rest.length === 0 ? given : Buffer.concat([this.#rest, given])
    const frames: Buffer[] = []
    while (buffer.length >= 4) {
      const length = buffer.readInt32BE(0)
      if (length < 0 || length > this.#maxFrameBytes) throw new RangeError(`a frame of ${length} bytes`)
      if (buffer.length < 4 + length) break
      frames.push(buffer.subarray(4, 4 + length))
      buffer = buffer.subarray(4 + length)
    }
    this.#rest = buffer
    return frames
  }
}

export function frame(body: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}
