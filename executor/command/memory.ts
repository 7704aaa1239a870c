// Watches the memory of command tasks: Mesos limits only the executor and all its command tasks together, and that
// limit takes everything with it (architecture, "Fate"). So a task that uses more than its own share is ended before.
import type { Clock } from '../types.ts'
import { pageBytes, proportionalBytes, residentBytes } from './proc.ts'
import type { ProcessTable, TaskProcesses } from './processes.ts'

const checkMs = 100
/**
 * While a task is new, or grows, or has more than half of its limit: memory can be written at some GB a second, and what
 * a task takes beyond its own between two looks must fit into what the executor and the others leave free.
 */
const urgentCheckMs = 20
const newMs = 2000
/** Of its limit, between two looks. */
const growthShare = 16
/** Looking more often than each `checkMs` takes no more than 1/20 of the time; looking at all no more than 1/4. */
const urgentShare = 20
const pauseShare = 3
/** Looking for new processes reads all of /proc: at least this apart, and never more than 1/50 of the time. */
const refreshMs = 1000
const refreshShare = 50

interface Watched {
  readonly task: TaskProcesses
  readonly limitBytes: number
  readonly sinceMs: number
  lastBytes: number
  readonly onExceeded: (usedBytes: number) => void
}

export class MemoryWatch {
  readonly #table: ProcessTable
  readonly #clock: Clock
  readonly #pageBytes = pageBytes()
  readonly #watched = new Set<Watched>()
  #refreshAtMs = 0
  #checkMs = checkMs
  #cancel: (() => void) | undefined

  constructor(o: { readonly table: ProcessTable; readonly clock: Clock }) {
    this.#table = o.table
    this.#clock = o.clock
  }

  /** Calls `onExceeded` once, with the bytes in use. The returned function ends the watch. */
  watch(task: TaskProcesses, limitBytes: number, onExceeded: (usedBytes: number) => void): () => void {
    const watched = { task, limitBytes, sinceMs: this.#clock.monotonicMs(), lastBytes: 0, onExceeded }
    this.#watched.add(watched)
    if (this.#checkMs > urgentCheckMs) {
      this.#checkMs = urgentCheckMs
      this.#cancel?.()
      this.#cancel = undefined
    }
    this.#schedule()
    return () => {
      this.#watched.delete(watched)
      if (this.#watched.size === 0) this.close()
    }
  }

  close(): void {
    this.#watched.clear()
    this.#cancel?.()
    this.#cancel = undefined
  }

  #schedule(): void {
    this.#cancel ??= this.#clock.after(this.#checkMs, () => {
      this.#cancel = undefined
      this.#check()
      if (this.#watched.size > 0) this.#schedule()
    })
  }

  #check(): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs >= this.#refreshAtMs) {
      this.#table.refreshNow()
      const tookMs = this.#clock.monotonicMs() - nowMs
      this.#refreshAtMs = nowMs + Math.max(refreshMs, tookMs * refreshShare)
    }
    // A look at all processes has its own bound, and must not put off the next look at the known ones.
    const beganMs = this.#clock.monotonicMs()
    let isUrgent = false
    for (const watched of this.#watched) {
      this.#table.descend(watched.task)
      const usedBytes = this.#usedBytes(watched)
      isUrgent ||= isRestless(watched, usedBytes, nowMs)
      watched.lastBytes = usedBytes
      if (usedBytes <= watched.limitBytes) continue
      this.#watched.delete(watched)
      watched.onExceeded(usedBytes)
    }
    this.#checkMs = pauseAfter(this.#clock.monotonicMs() - beganMs, isUrgent)
  }

  /** Pages that a task's own processes share count once, which only the slower reading tells: taken when it matters. */
  #usedBytes({ task, limitBytes }: Watched): number {
    const pids = [...task.known.keys()]
    const resident = sum(pids.map(pid => residentBytes(pid, this.#pageBytes)))
    if (resident <= limitBytes) return resident
    return Math.min(
      resident,
      sum(pids.map(pid => proportionalBytes(pid) ?? residentBytes(pid, this.#pageBytes))),
    )
  }
}

function pauseAfter(tookMs: number, isUrgent: boolean): number {
  const wantedMs = isUrgent ? Math.max(urgentCheckMs, Math.min(checkMs, tookMs * urgentShare)) : checkMs
  return Math.max(wantedMs, tookMs * pauseShare)
}

function isRestless({ sinceMs, limitBytes, lastBytes }: Watched, usedBytes: number, nowMs: number): boolean {
  return (
    nowMs < sinceMs + newMs || usedBytes > limitBytes / 2 || usedBytes - lastBytes > limitBytes / growthShare
  )
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
