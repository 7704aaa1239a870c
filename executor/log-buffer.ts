// Memory for output on its way to a file: a few blocks that are used again, so that a task that prints gigabytes makes
// no garbage (the executor's memory is charged, E46). No I/O.

export const blockBytes = 64 * 1024
/** Free blocks that are kept; what more there was goes back to the system. */
const keptFree = 16

/** Shared by all tasks of an executor. */
export class BlockPool {
  readonly #free: Buffer[] = []

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(blockBytes)
  }

  give(block: Buffer): void {
    if (this.#free.length < keptFree) this.#free.push(block)
  }
}

interface Filled {
  readonly block: Buffer
  length: number
}

/** What waits to be written, in order. */
export class LogBuffer {
  readonly #pool: BlockPool
  readonly #blocks: Filled[] = []
  #length = 0

  constructor(pool: BlockPool) {
    this.#pool = pool
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#length
  }

  /** Copies `chunk`. */
  append(chunk: Uint8Array): void {
    for (let rest = chunk; rest.length > 0;) {
      let last = this.#blocks.at(-1)
      if (last === undefined || last.length === blockBytes) {
        last = { block: this.#pool.take(), length: 0 }
        this.#blocks.push(last)
      }
      const part = rest.subarray(0, blockBytes - last.length)
      last.block.set(part, last.length)
      last.length += part.length
      this.#length += part.length
      rest = rest.subarray(part.length)
    }
  }

  /** Takes the oldest block out; whoever takes it calls `release` when it is written. */
  shift(): { readonly bytes: Buffer; release(): void } | undefined {
    const first = this.#blocks.shift()
    if (first === undefined) return undefined
    this.#length -= first.length
    return { bytes: first.block.subarray(0, first.length), release: () => this.#pool.give(first.block) }
  }

  clear(): void {
    for (const { block } of this.#blocks.splice(0)) this.#pool.give(block)
    this.#length = 0
  }
}

/** The last `size` bytes of all that was appended; holds twice that once more has come. */
export class Tail {
  readonly #size: number
  #bytes: Buffer = Buffer.alloc(0)
  #length = 0

  constructor(size: number) {
    this.#size = size
  }

  append(chunk: Uint8Array): void {
    const news = chunk.subarray(-this.#size)
    if (this.#length + news.length > this.#bytes.length) this.#makeRoom(news.length)
    this.#bytes.set(news, this.#length)
    this.#length += news.length
  }

  /** A copy. */
  read(): Buffer {
    return Buffer.from(this.#bytes.subarray(Math.max(0, this.#length - this.#size), this.#length))
  }

  #makeRoom(wanted: number): void {
    const kept = Math.min(this.#length, this.#size - wanted)
    const start = this.#length - kept
    if (kept + wanted <= this.#bytes.length) {
      this.#bytes.copyWithin(0, start, this.#length)
    } else {
      // A task that says little costs little.
      const larger = Buffer.alloc(Math.min(2 * this.#size, Math.max(512, 2 * (kept + wanted))))
      this.#bytes.copy(larger, 0, start, this.#length)
      this.#bytes = larger
    }
    this.#length = kept
  }
}
