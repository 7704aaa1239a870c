// The room that ended tasks' folders share with running tasks that asked for no disk. Where it gets too small, ended
// folders go first, then the running task that takes the most; tasks with disk of their own have nothing to do with it.
import { folderBytes } from './disk.ts'
import { logBytes, type DiskPlan, type LogSize } from './disk-plan.ts'
import type { EndedFolders } from './folders.ts'
import type { Clock } from './types.ts'

const mib = 1024 * 1024
/** As watchFolder: never more than this share of the time. */
const lookShare = 20

interface Watched {
  readonly dir: string
  /** As of the last look. */
  bytes: number
  readonly onExceeded: (message: string) => void
}

export class DiskRoom {
  readonly #clock: Clock
  readonly #folders: EndedFolders
  readonly #intervalMs: number
  readonly #watched = new Set<Watched>()
  #plan: DiskPlan | undefined
  /** To logs of running tasks without disk of their own. */
  #lentBytes = 0
  #cancel: (() => void) | undefined

  constructor(o: { readonly clock: Clock; readonly folders: EndedFolders; readonly intervalMs: number }) {
    this.#clock = o.clock
    this.#folders = o.folders
    this.#intervalMs = o.intervalMs
  }

  use(plan: DiskPlan, retentionMs: number): void {
    this.#plan = plan
    this.#folders.limit({ retentionMs, budgetBytes: plan.roomBytes, isStrict: plan.isStrict })
  }

  /** Room for a task's logs; `giveBack` when it has ended. */
  lendLogs(diskMb: number): { readonly size: LogSize; giveBack(): void } {
    if (!this.#plan) throw new Error('a task came before the plan')
    const size = this.#plan.logSize(diskMb, this.#lentBytes)
    let bytes = diskMb > 0 ? 0 : logBytes(size)
    this.#lentBytes += bytes
    return {
      size,
      giveBack: () => {
        this.#lentBytes -= bytes
        bytes = 0
      },
    }
  }

  /**
   * Of a running task without disk of its own. Calls `onExceeded` once, with a sentence that says why it is the one to go.
   * The returned function ends the watch.
   */
  watch(dir: string, onExceeded: (message: string) => void): () => void {
    if (!this.#plan?.isStrict) return () => undefined
    const watched = { dir, bytes: 0, onExceeded }
    this.#watched.add(watched)
    this.#schedule(this.#intervalMs)
    return () => {
      this.#watched.delete(watched)
      // from now on what it has left counts as an ended folder
      void this.#folders.share(this.#bytes())
    }
  }

  /** A task's folder is not written to any more. Where disk was asked for, resolves once all is within it again. */
  async ended(dir: string): Promise<void> {
    const settled = this.#folders.add(dir)
    if (this.#plan?.isStrict) await settled
  }

  close(): void {
    this.#watched.clear()
    this.#cancel?.()
    this.#folders.close()
  }

  #schedule(delayMs: number): void {
    this.#cancel ??= this.#clock.after(delayMs, () => void this.#look())
  }

  async #look(): Promise<void> {
    const beganMs = this.#clock.monotonicMs()
    for (const watched of this.#watched) watched.bytes = await folderBytes(watched.dir).catch(() => 0)
    await this.#folders.share(this.#bytes())
    // some may have ended meanwhile
    const bytes = this.#bytes()
    const roomBytes = this.#plan?.roomBytes ?? Infinity
    if (bytes > roomBytes) this.#endLargest(bytes, roomBytes)
    this.#cancel = undefined
    const tookMs = this.#clock.monotonicMs() - beganMs
    if (this.#watched.size > 0) this.#schedule(Math.max(this.#intervalMs, tookMs * lookShare))
  }

  /** What the running tasks have together. */
  #bytes(): number {
    return [...this.#watched].reduce((sum, watched) => sum + watched.bytes, 0)
  }

  #endLargest(bytes: number, roomBytes: number): void {
    const largest = [...this.#watched].toSorted((one, other) => other.bytes - one.bytes)[0]
    if (!largest || !this.#watched.delete(largest)) return
    const mb = (count: number): number => Math.ceil(count / mib)
    largest.onExceeded(
      `Out of disk: tasks without diskMb have ${mb(bytes)} MB together, there is room for ` +
        `${mb(roomBytes)} MB, and this one has the most, ${mb(largest.bytes)} MB`,
    )
  }
}
