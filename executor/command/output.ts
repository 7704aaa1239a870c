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
    const stdout = await pool.take(user.uid, user.gid, chunk => logs.stdout(chunk))
    try {
      return new TaskOutput([stdout, await pool.take(user.uid, user.gid, chunk => logs.stderr(chunk))])
    } catch (error) {
      closePipe(stdout, true)
      throw error
    }
  }

  private constructor(pipes: readonly [OutputPipe, OutputPipe]) {
    this.#pipes = pipes
    this.drained = Promise.all(pipes.map(pipe => ended(pipe.reader))).then(() => undefined)
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

function ended(reader: Socket): Promise<void> {
  return new Promise(resolve => {
    reader.once('error', () => resolve())
    reader.once('close', () => resolve())
  })
}
