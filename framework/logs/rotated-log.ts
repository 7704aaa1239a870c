// One output stream of one attempt, read as a whole although the executor rotates its file: `stdout`, then `stdout.1`
// (the newest rotated one), `stdout.2` … Reads through the agent's files API, which it is given; writes nothing.

export interface AgentFile {
  /** Without its folder. */
  readonly name: string
  readonly size: number
  /** Milliseconds since the epoch; Mesos knows whole seconds. */
  readonly modifiedMs: number
}

/** What reading needs of an agent's `/files`; rejects with MesosError. */
export interface AgentFiles {
  list(folder: string): Promise<readonly AgentFile[]>
  /** At most `length` bytes; fewer, or none, at the end of the file. */
  read(path: string, offset: number, length: number): Promise<Uint8Array>
  /** The whole file; whoever has enough leaves the iteration. */
  download(path: string): AsyncIterable<Uint8Array>
}

export type LogStream = 'stdout' | 'stderr'

export interface LogLocation {
  readonly files: AgentFiles
  /** The attempt's folder on the agent. */
  readonly folder: string
  readonly stream: LogStream
  /** At most that many bytes come at once. */
  readonly chunkBytes?: number
}

/** Where to begin: at a byte of the stream, or that many bytes before its present end. */
export type LogStart = { readonly position: number } | { readonly tail: number }

export class RotatedLog {
  /** Bytes of the stream before the next one to be read. Rotated away ones count as long as that is known. */
  position = 0
  /** How often output was rotated away before it could be read. */
  gaps = 0
  readonly #at: LogLocation
  readonly #chunkBytes: number
  /** The stream's files as last seen: the current one, then the rotated ones from new to old. */
  #files: readonly AgentFile[]
  /** Index into #files of the file that is read, and the next byte in it. */
  #index = 0
  #offset = 0

  static async open(at: LogLocation, start: LogStart): Promise<RotatedLog> {
    const log = new RotatedLog(at, await filesOf(at))
    log.#seek(start)
    return log
  }

  private constructor(at: LogLocation, files: readonly AgentFile[]) {
    this.#at = at
    this.#files = files
    this.#chunkBytes = at.chunkBytes ?? 64 * 1024
  }

  /** Bytes between `position` and the end, as last seen. */
  get remaining(): number {
    return sizeOf(this.#files.slice(0, this.#index + 1)) - this.#offset
  }

  /** The bytes after the ones before; none where the stream ends at present. */
  async next(): Promise<Uint8Array> {
    for (;;) {
      if (this.remaining <= 0) await this.#look()
      if (this.remaining <= 0) return new Uint8Array()
      const file = this.#current()
      const wanted = Math.min(this.#chunkBytes, file.size - this.#offset)
      const bytes = await this.#at.files.read(`${this.#at.folder}/${file.name}`, this.#offset, wanted)
      // Only if no rotation came in between are these bytes those of the file that was meant.
      if (await this.#look()) continue
      if (bytes.length === 0) return bytes
      this.#offset += bytes.length
      this.position += bytes.length
      return bytes
    }
  }

  /** What is there between here and the present end, whole files in one go; not what is added meanwhile. */
  async *toEnd(): AsyncGenerator<Uint8Array> {
    if (this.remaining <= 0) await this.#look()
    for (let left = this.remaining; left > 0;) {
      const file = this.#current()
      const whole = this.#offset === 0 && file.size > this.#chunkBytes
      for await (const bytes of whole ? this.#download(file) : [await this.next()]) {
        if (bytes.length === 0) return
        yield bytes.subarray(0, left)
        left -= bytes.length
        if (left <= 0) return
      }
    }
  }

  /** Ends early, with nothing, where a rotation makes it another file than the one that was meant. */
  async *#download(file: AgentFile): AsyncGenerator<Uint8Array> {
    let sure = false
    for await (const bytes of this.#at.files.download(`${this.#at.folder}/${file.name}`)) {
      if (!sure && (await this.#look())) return
      sure = true
      // An open file stays the same when it gets another name; what was added to it since is for the next round.
      const wanted = bytes.subarray(0, file.size - this.#offset)
      this.#offset += wanted.length
      this.position += wanted.length
      if (wanted.length > 0) yield wanted
      if (this.#offset >= file.size) return
    }
  }

  /** The file in which the next byte is, or will be. */
  #current(): AgentFile {
    for (; this.#index > 0 && this.#offset >= (this.#files[this.#index]?.size ?? 0); this.#index--)
      this.#offset = 0
    return this.#files[this.#index] ?? { name: this.#at.stream, size: 0, modifiedMs: 0 }
  }

  #seek(start: LogStart): void {
    const total = sizeOf(this.#files)
    let left: number
    if ('tail' in start) {
      left = Math.max(0, total - start.tail)
      this.position = left
    } else {
      this.position = start.position
      left = start.position
      // More than there is: old files were dropped meanwhile. All rotated ones are of one size, so the place in its
      // file is the same.
      const rotated = this.#files[1]?.size ?? 0
      if (left > total && rotated > 0) left -= rotated * Math.ceil((left - total) / rotated)
      left = Math.min(left, total)
    }
    this.#index = this.#files.length - 1
    for (; this.#index > 0; this.#index--) {
      const { size } = this.#files[this.#index] ?? { size: 0 }
      if (left < size) break
      left -= size
    }
    this.#offset = left
  }

  /** Looks at the folder and follows the file that is read to its new name; true where it has one. */
  async #look(): Promise<boolean> {
    const before = this.#files
    this.#files = await filesOf(this.#at)
    const rotations = rotationsBetween(before, this.#files)
    this.#index += rotations
    const oldest = this.#files.length - 1
    const replaced = rotations === 0 && this.#index === 0 && this.#offset > (this.#files[0]?.size ?? 0)
    if (this.#index > oldest || replaced) {
      this.gaps++
      this.#index = Math.min(this.#index, oldest)
      this.#offset = 0
    }
    return rotations > 0 || replaced
  }
}

async function filesOf(at: LogLocation): Promise<readonly AgentFile[]> {
  const listed = await at.files.list(at.folder)
  const byName = new Map(listed.map(file => [file.name, file]))
  // The current file may be away for an instant, while it is rotated.
  const files = [byName.get(at.stream) ?? { name: at.stream, size: 0, modifiedMs: 0 }]
  for (let number = 1; ; number++) {
    const file = byName.get(`${at.stream}.${number}`)
    if (file === undefined) return files
    files.push(file)
  }
}

/** How many times the current file got a new name: the newest rotated one of before is found again by its time. */
function rotationsBetween(before: readonly AgentFile[], after: readonly AgentFile[]): number {
  const grown = Math.max(0, after.length - before.length)
  const marker = before[1]
  if (marker === undefined) return grown
  const index = after.findIndex(
    (file, number) => number > grown && file.modifiedMs === marker.modifiedMs && file.size === marker.size,
  )
  return index === -1 ? Math.max(grown, after.length) : index - 1
}

function sizeOf(files: readonly AgentFile[]): number {
  return files.reduce((sum, file) => sum + file.size, 0)
}
