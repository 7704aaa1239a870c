// The memory of an executor's processes, in place of a cgroup's books. Reads /proc only.
import { readFileSync } from 'node:fs'
import { family, startTimeOf } from './processes.ts'

/** Remembers who belonged to the tree, so that a process that leaves its parents is still counted, as in a cgroup. */
export class TreeMemory {
  readonly #leader: number
  /** pid → when it started */
  #known = new Map<number, string>()

  constructor(leader: number) {
    this.#leader = leader
  }

  /** Resident, what processes share divided among them. */
  bytes(): number {
    const before = [...this.#known].filter(([pid, startTime]) => startTimeOf(pid) === startTime)
    const known = new Set(before.map(([pid]) => pid))
    for (const pid of family(this.#leader, known)) known.add(pid)
    this.#known = new Map([...known].map(pid => [pid, startTimeOf(pid) ?? '']))
    return [...known].reduce((sum, pid) => sum + proportionalBytes(pid), 0)
  }
}

function proportionalBytes(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
    return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024
  } catch {
    // Gone meanwhile.
    return 0
  }
}
