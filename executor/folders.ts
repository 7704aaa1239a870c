// Folders of tasks that ended: kept for people to read, until they are too old or too large together. Mesos itself deletes
// them only with the executor, which serves an agent for a day and more.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { folderBytes } from './disk.ts'
import { reasonOf } from './logger.ts'
import type { Clock, Logger } from './types.ts'

const run = promisify(execFile)

/** Of the room: a larger folder goes down to its logs at once, so that one task doesn't cost all others theirs. */
const largestShare = 2

interface Kept {
  readonly dir: string
  readonly endedAtMs: number
  readonly bytes: number
}

export class EndedFolders {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #remove: (dir: string) => Promise<void>
  #limits = { retentionMs: Infinity, budgetBytes: Infinity, isStrict: false }
  /** Of the budget, by others. */
  #takenBytes = 0
  /** The oldest first. */
  #kept: Kept[] = []
  #cancel: () => void = () => undefined

  constructor(o: {
    readonly clock: Clock
    readonly logger: Logger
    readonly remove: (dir: string) => Promise<void>
  }) {
    this.#clock = o.clock
    this.#logger = o.logger
    this.#remove = o.remove
  }

  /**
   * `budgetBytes` for all together. The newest folder stays however large it is, but where `isStrict`: then a large one
   * loses the task's own files, and keeps its logs.
   */
  limit(limits: {
    readonly retentionMs: number
    readonly budgetBytes: number
    readonly isStrict: boolean
  }): void {
    this.#limits = { ...limits }
  }

  /** Others need `bytes` of the budget now. Never rejects. */
  async share(bytes: number): Promise<void> {
    this.#takenBytes = bytes
    await this.#prune()
  }

  /** A task has ended, nothing writes to its folder any more. Resolves when all is within the limits. Never rejects. */
  async add(dir: string): Promise<void> {
    let bytes = await folderBytes(dir).catch(() => 0)
    if (this.#limits.isStrict && bytes > this.#limits.budgetBytes / largestShare) {
      await this.#delete(join(dir, 'sandbox'))
      bytes = await folderBytes(dir).catch(() => 0)
    }
    this.#kept.push({ dir, endedAtMs: this.#clock.monotonicMs(), bytes })
    await this.#prune()
  }

  close(): void {
    this.#cancel()
  }

  async #prune(): Promise<void> {
    this.#cancel()
    const nowMs = this.#clock.monotonicMs()
    const { retentionMs, isStrict } = this.#limits
    const budgetBytes = this.#limits.budgetBytes - this.#takenBytes
    let bytes = this.#kept.reduce((sum, kept) => sum + kept.bytes, 0)
    const goes = this.#kept.filter((kept, index) => {
      const old = nowMs >= kept.endedAtMs + retentionMs
      const tooMuch = bytes > budgetBytes && (isStrict || index < this.#kept.length - 1)
      if (old || tooMuch) bytes -= kept.bytes
      return old || tooMuch
    })
    this.#kept = this.#kept.filter(kept => !goes.includes(kept))
    const oldest = this.#kept[0]
    if (oldest && retentionMs !== Infinity)
      this.#cancel = this.#clock.after(oldest.endedAtMs + retentionMs - nowMs, () => void this.#prune())
    for (const { dir } of goes) await this.#delete(dir)
  }

  async #delete(dir: string): Promise<void> {
    await this.#remove(dir).catch(error =>
      this.#logger.warn('a task folder could not be deleted', { dir, reason: reasonOf(error) }),
    )
  }
}

/** Deletes by `rm`, which walks by open folders: no link that appears on the way leads it elsewhere. */
export function removeFolder(env: NodeJS.ProcessEnv): (dir: string) => Promise<void> {
  return async dir => {
    await run('rm', ['-rf', '--', dir], { env })
  }
}
