// When the memory watch looks, by a clock of its own: each look costs what the test says. What it reads is this process.
import { expect } from 'chai'
import { MemoryWatch } from './memory.ts'
import { ProcessTable } from './processes.ts'

/** Of a look at all processes, and of one at a task's, ms. */
interface Costs {
  readonly all: number
  readonly task: number
}

class Bed {
  nowMs = 0
  next: { readonly atMs: number; readonly action: () => void } | undefined
  readonly #watch: MemoryWatch
  readonly #table: ProcessTable

  constructor(costs: Costs) {
    const spend = (ms: number): void => void (this.nowMs += ms)
    const clock = {
      wallMs: () => this.nowMs,
      monotonicMs: () => this.nowMs,
      after: (delayMs: number, action: () => void) => {
        this.next = { atMs: this.nowMs + delayMs, action }
        return () => void (this.next = undefined)
      },
    }
    class CostlyTable extends ProcessTable {
      override refreshNow(): void {
        spend(costs.all)
      }

      override descend(): void {
        spend(costs.task)
      }
    }
    this.#table = new CostlyTable({ owner: 'memory-test', clock })
    this.#watch = new MemoryWatch({ table: this.#table, clock })
  }

  /** Tasks that have this process, which takes more than half of `limitBytes` or next to nothing of it. */
  watch(count: number, limitBytes: number): void {
    for (let index = 0; index < count; index++)
      this.#watch.watch(this.#table.add(`t${index}`, process.pid), limitBytes, () => undefined)
  }

  /** From the end of each look to the next one, ms, for so long. */
  pauses(forMs: number): number[] {
    const untilMs = this.nowMs + forMs
    const found: number[] = []
    for (let next = this.next; next !== undefined && next.atMs < untilMs; next = this.next) {
      found.push(next.atMs - this.nowMs)
      this.nowMs = next.atMs
      this.next = undefined
      next.action()
    }
    return found
  }
}

describe('when memory is looked at', () => {
  const calm = 2 ** 50
  /** Measured by each test: it grows with the run. */
  const restless = (): number => process.memoryUsage.rss() * 1.5

  it('is each 20 ms while a task is new or takes much, else each 100 ms', () => {
    const bed = new Bed({ all: 0, task: 0 })
    bed.watch(1, calm)
    expect([...new Set(bed.pauses(1900))]).to.deep.equal([20])
    bed.pauses(200)
    expect([...new Set(bed.pauses(3000))]).to.deep.equal([100])
    bed.watch(1, restless())
    expect([...new Set(bed.pauses(5000))]).to.deep.equal([20])
  })

  it('is not put off by a look at all processes, which has its own bound', () => {
    const bed = new Bed({ all: 40, task: 0 })
    bed.watch(1, restless())
    expect([...new Set(bed.pauses(10_000))]).to.deep.equal([20])
  })

  it('is at least each 100 ms with many tasks, until that takes a quarter of the time', () => {
    const many = new Bed({ all: 0, task: 0.1 })
    many.watch(100, restless())
    many.pauses(100)
    expect([...new Set(many.pauses(5000).map(Math.round))]).to.deep.equal([100])
    const tooMany = new Bed({ all: 0, task: 1 })
    tooMany.watch(100, restless())
    tooMany.pauses(300)
    expect([...new Set(tooMany.pauses(5000).map(Math.round))]).to.deep.equal([300])
  })
})
