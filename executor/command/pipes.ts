// Pipes for the output of command tasks. Node gives its children sockets instead, on which `echo x > /dev/stderr` fails
// (ENXIO); so these are FIFOs, whose names are gone before the task starts. Touches only the folder it is given.
import { execFile } from 'node:child_process'
import { closeSync, constants, fchown, open } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** `mkfifo` makes several at once: starting it costs more than all of them. */
const batch = 16

const run = promisify(execFile)
const openFd = promisify(open)
const chownFd = promisify(fchown)

/** Larger than a pipe of Linux holds (64 KB by default): one read empties it. */
const readBytes = 64 * 1024

/** Takes what was read; the bytes are overwritten once it has returned. A promise holds further reading back. */
export type PipeSink = (chunk: Uint8Array) => void | Promise<void>

export interface OutputPipe {
  readonly reader: Socket
  /** File descriptor for the child; the taker closes it once the child has it. */
  readonly writerFd: number
}

export class PipePool {
  readonly #dir: string
  readonly #env: NodeJS.ProcessEnv
  readonly #ready: string[] = []
  /** One for all pipes, since each read is taken before the next: a task that prints gigabytes makes no garbage (E46). */
  readonly #buffer = Buffer.allocUnsafeSlow(readBytes)
  #made = 0
  #making: Promise<void> | undefined

  /** `dir` belongs to the pool; `env` is what `mkfifo` is started with. */
  constructor(o: { readonly dir: string; readonly env: NodeJS.ProcessEnv }) {
    this.#dir = o.dir
    this.#env = o.env
  }

  /** A pipe that the user may open again by /dev/stdout; what is written to it goes to `sink`. */
  async take(uid: number, gid: number, sink: PipeSink): Promise<OutputPipe> {
    while (this.#ready.length === 0) await (this.#making ??= this.#make())
    const path = this.#ready.pop()!
    const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants
    const opened: number[] = []
    try {
      // A reader first: opening the other end waits for one.
      const readerFd = await openFd(path, O_RDONLY | O_NONBLOCK)
      opened.push(readerFd)
      const writerFd = await openFd(path, O_WRONLY)
      opened.push(writerFd)
      if (uid !== process.getuid?.()) await chownFd(writerFd, uid, gid)
      return { reader: this.#read(readerFd, sink), writerFd }
    } catch (error) {
      opened.forEach(fd => closeSync(fd))
      throw error
    } finally {
      await rm(path, { force: true })
    }
  }

  async close(): Promise<void> {
    await this.#making?.catch(() => undefined)
    await rm(this.#dir, { recursive: true, force: true })
  }

  #read(fd: number, sink: PipeSink): Socket {
    const reader: Socket = new Socket({
      fd,
      readable: true,
      writable: false,
      onread: {
        buffer: this.#buffer,
        callback: (length, buffer) => {
          const pressure = sink(buffer.subarray(0, length))
          if (!pressure) return true
          void pressure.then(() => reader.resume())
          return false
        },
      },
    })
    return reader.resume()
  }

  async #make(): Promise<void> {
    try {
      await mkdir(this.#dir, { recursive: true, mode: 0o700 })
      const paths = Array.from({ length: batch }, () => join(this.#dir, String(this.#made++)))
      await run('mkfifo', ['-m', '600', ...paths], { env: this.#env, timeout: 10_000 })
      this.#ready.push(...paths)
    } finally {
      this.#making = undefined
    }
  }
}
