// stdout and stderr of one task: files in its folder that rotate by size, and the last bytes of each for the record.
// Touches only the folder that it is given, which belongs to the executor; never writes through a link that a task
// may have planted there.
import { constants, type BigIntStats } from 'node:fs'
import { lstat, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { BlockPool, LogBuffer, Tail } from './log-buffer.ts'
import type { LogSink } from './types.ts'

/** Bytes that may wait for the disk before a writer is held back. */
const highWaterBytes = 256 * 1024
export const tailBytes = 8 * 1024

export interface LogOptions {
  readonly dir: string
  readonly fileBytes: number
  /** Rotated files kept beside the current one: `stdout.1` is the newest. */
  readonly filesKept: number
  /** Shared by the tasks of an executor; absent: one for this task alone. */
  readonly blocks?: BlockPool
  /** Called once for a stream that can't be written any more; its output is dropped from then on. */
  onError(stream: string, error: unknown): void
}

export interface TaskLogs extends LogSink {
  /** The last bytes, raw, complete after close(). */
  tails(): { readonly stdout: Uint8Array; readonly stderr: Uint8Array }
}

/** Creates both files. Throws if one is there already: each attempt has a folder of its own. */
export async function openTaskLogs(o: LogOptions): Promise<TaskLogs> {
  const blocks = o.blocks ?? new BlockPool()
  const stdout = await LogFile.create('stdout', { ...o, blocks })
  const stderr = await LogFile.create('stderr', { ...o, blocks })
  return {
    stdout: chunk => stdout.write(chunk),
    stderr: chunk => stderr.write(chunk),
    close: async () => {
      await Promise.all([stdout.close(), stderr.close()])
    },
    tails: () => ({ stdout: stdout.tail(), stderr: stderr.tail() }),
  }
}

type LogFileOptions = LogOptions & { readonly blocks: BlockPool }

class LogFile {
  readonly #name: string
  readonly #options: LogFileOptions
  readonly #waiting: LogBuffer
  readonly #tail = new Tail(tailBytes)
  #file: FileHandle | undefined
  #identity: BigIntStats
  #size = 0
  #writing: Promise<void> | undefined
  #closed = false

  static async create(name: string, options: LogFileOptions): Promise<LogFile> {
    const file = await createFile(join(options.dir, name))
    return new LogFile(name, options, file, await file.stat({ bigint: true }))
  }

  private constructor(name: string, options: LogFileOptions, file: FileHandle, identity: BigIntStats) {
    this.#name = name
    this.#options = options
    this.#waiting = new LogBuffer(options.blocks)
    this.#file = file
    this.#identity = identity
  }

  /** The promise is there only while more than `highWaterBytes` wait. The chunk may be reused once this returned. */
  write(chunk: Uint8Array): void | Promise<void> {
    if (this.#closed || chunk.length === 0) return
    this.#tail.append(chunk)
    if (!this.#file) return
    this.#waiting.append(chunk)
    this.#writing ??= this.#drain()
    if (this.#waiting.length > highWaterBytes) return this.#writing
  }

  tail(): Uint8Array {
    return this.#tail.read()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#writing
    const file = this.#file
    this.#file = undefined
    if (!file) return
    try {
      await this.#restore(file)
    } catch (error) {
      this.#options.onError(this.#name, error)
    } finally {
      await file.close()
    }
  }

  /** One write at a time, a block at once: a task that prints single lines costs one call for all that wait. */
  async #drain(): Promise<void> {
    try {
      for (let taken = this.#waiting.shift(); taken !== undefined; taken = this.#waiting.shift()) {
        for (let rest = taken.bytes; rest.length > 0;) rest = await this.#writeSome(rest)
        taken.release()
      }
    } catch (error) {
      await this.#giveUp(error)
    } finally {
      this.#writing = undefined
    }
  }

  /** Fills the current file to its limit at most, so that no single file grows beyond it; returns what is left. */
  async #writeSome(bytes: Buffer): Promise<Buffer> {
    if (this.#size >= this.#options.fileBytes) await this.#rotate()
    const room = this.#options.fileBytes - this.#size
    const { bytesWritten } = await this.#file!.write(bytes, 0, Math.min(bytes.length, room))
    this.#size += bytesWritten
    return bytes.subarray(bytesWritten)
  }

  async #rotate(): Promise<void> {
    const path = join(this.#options.dir, this.#name)
    await this.#file!.close()
    this.#file = undefined
    for (let number = this.#options.filesKept; number > 0; number--)
      await rename(number === 1 ? path : `${path}.${number - 1}`, `${path}.${number}`).catch(ignoreMissing)
    // Whatever has the name now (with nothing kept: our own file; else something planted) is not ours to write to.
    await rm(path, { force: true, recursive: true })
    this.#file = await createFile(path)
    this.#identity = await this.#file.stat({ bigint: true })
    this.#size = 0
  }

  async #giveUp(error: unknown): Promise<void> {
    this.#waiting.clear()
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => undefined)
    this.#options.onError(this.#name, error)
  }

  /**
   * Where executor and task are one user, a task can put a link in our file's place, and the agent, which serves these
   * files with its own rights, would follow it. So the name gets back what was written through the open file.
   */
  async #restore(file: FileHandle): Promise<void> {
    const path = join(this.#options.dir, this.#name)
    const found = await lstat(path, { bigint: true }).catch(() => undefined)
    if (found?.ino === this.#identity.ino && found.dev === this.#identity.dev) return
    await rm(path, { force: true, recursive: true })
    await using copy = await createFile(path)
    const buffer = Buffer.alloc(64 * 1024)
    for (let offset = 0; ;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset)
      if (bytesRead === 0) return
      await copy.write(buffer, 0, bytesRead)
      offset += bytesRead
    }
  }
}

function createFile(path: string): Promise<FileHandle> {
  const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_APPEND } = constants
  return open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND, 0o644)
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
