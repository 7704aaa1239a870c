// Carries a command task's stdout and stderr from its pipes to its logs, no faster than the logs can take it.
import { closeSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { LogSink } from '../types.ts'
import type { OutputPipe, PipePool } from './pipes.ts'

export class TaskOutput implements Disposable {
  /** Resolves when nobody holds a writing end any more. */
  readonly drained: Promise<void>
  readonly #pipes: readonly OutputPipe[]
  #writersOpen = true

  static async open(pool: PipePool, user: { uid: number; gid: number }, logs: LogSink): Promise<TaskOutput> {
    const stdout = await pool.take(user.uid, user.gid)
    try {
      return new TaskOutput([stdout, await pool.take(user.uid, user.gid)], logs)
    } catch (error) {
      closePipe(stdout, true)
      throw error
    }
  }

  private constructor(pipes: readonly [OutputPipe, OutputPipe], logs: LogSink) {
    this.#pipes = pipes
    const [stdout, stderr] = pipes
    this.drained = Promise.all([
      pump(stdout.reader, chunk => logs.stdout(chunk)),
      pump(stderr.reader, chunk => logs.stderr(chunk)),
    ]).then(() => undefined)
  }

  /** For the `stdio` of a child. */
  get writerFds(): [number, number] {
    return [this.#pipes[0]!.writerFd, this.#pipes[1]!.writerFd]
  }

  /** Once the child has them, or will never have them: `drained` waits for this too. */
  closeWriters(): void {
    if (!this.#writersOpen) return
    this.#writersOpen = false
    for (const pipe of this.#pipes) closeSync(pipe.writerFd)
  }

  [Symbol.dispose](): void {
    for (const pipe of this.#pipes) closePipe(pipe, this.#writersOpen)
    this.#writersOpen = false
  }
}

function closePipe(pipe: OutputPipe, withWriter: boolean): void {
  pipe.reader.destroy()
  if (withWriter) closeSync(pipe.writerFd)
}

function pump(reader: Socket, sink: (chunk: Uint8Array) => void | Promise<void>): Promise<void> {
  reader.on('data', (chunk: Buffer) => {
    const pressure = sink(chunk)
    if (!pressure) return
    reader.pause()
    void pressure.then(() => reader.resume())
  })
  return new Promise(resolve => {
    reader.once('error', () => resolve())
    reader.once('close', () => resolve())
  })
}
