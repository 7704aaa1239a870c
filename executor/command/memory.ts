// Watches the memory of command tasks: Mesos limits only the executor and all its command tasks together, and that
// limit takes everything with it (architecture, "Fate"). So a task that uses more than its own share is ended before.
import type { Clock } from '../types.ts'
import { pageBytes, proportionalBytes, residentBytes } from './proc.ts'
import type { ProcessTable, TaskProcesses } from './processes.ts'

const checkMs = 100
/** Looking for new processes reads all of /proc: at least this apart, and never more than 1/50 of the time. */
const refreshMs = 1000
const refreshShare = 50

interface Watched {
  readonly task: TaskProcesses
  readonly limitBytes: number
  readonly onExceeded: (usedBytes: number) => void
}

export class MemoryWatch {
  readonly #table: ProcessTable
  readonly #clock: Clock
  readonly #pageBytes = pageBytes()
  readonly #watched = new Set<Watched>()
  #refreshAtMs = 0
  #cancel: (() => void) | undefined

  constructor(o: { readonly table: ProcessTable; readonly clock: Clock }) {
    this.#table = o.table
    this.#clock = o.clock
  }

  /** Calls `onExceeded` once, with the bytes in use. The returned function ends the watch. */
  watch(task: TaskProcesses, limitBytes: number, onExceeded: (usedBytes: number) => void): () => void {
    const watched = { task, limitBytes, onExceeded }
    this.#watched.add(watched)
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
    this.#cancel ??= this.#clock.after(checkMs, () => {
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
    for (const watched of this.#watched) {
      const usedBytes = this.#usedBytes(watched)
      if (usedBytes <= watched.limitBytes) continue
      this.#watched.delete(watched)
      watched.onExceeded(usedBytes)
    }
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
