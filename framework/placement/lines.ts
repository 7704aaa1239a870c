// The waiting shapes of a plan, and whose turn is next: by priority, then the age of their next task. Pure.
import { wantedBy, type Wanted } from './agent-pool.ts'
import { compare, type Candidate } from './candidates.ts'
import type { No, Noes, Shape, ShapeQueue } from './types.ts'

/** One shape during a plan. Agents before `at` have refused it, and resources only shrink: they would again. */
export interface Line {
  readonly shape: Shape
  readonly wanted: Wanted
  readonly queue: ShapeQueue
  next: number
  at: number
  readonly noes: Map<Candidate, No>
}

export function lineOf(queue: ShapeQueue): Line {
  return { shape: queue.shape, wanted: wantedBy(queue.shape), queue, next: 0, at: 0, noes: new Map() }
}

/** What was said to this line. */
export function noesOf({ noes }: Line): Noes {
  const byRole = new Map<string, Map<string, No>>()
  for (const [{ agentId, role }, no] of noes) {
    const byAgent = byRole.get(role) ?? new Map<string, No>()
    byRole.set(role, byAgent.set(agentId, no))
  }
  return byRole
}

/** Lines by priority, then the age of their next task, then the key so that nothing is left to chance. */
export class LineHeap {
  readonly #lines: Line[]

  constructor(lines: readonly Line[]) {
    this.#lines = [...lines].sort(byTurn)
  }

  first(): Line | undefined {
    return this.#lines[0]
  }

  dropFirst(): void {
    const last = this.#lines.pop()
    if (last && this.#lines.length > 0) {
      this.#lines[0] = last
      this.sinkFirst()
    }
  }

  /** The first line's next task is another one: it goes where it belongs. */
  sinkFirst(): void {
    const lines = this.#lines
    let at = 0
    for (;;) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      let least = at
      for (const child of [left, right]) {
        const [a, b] = [lines[child], lines[least]]
        if (a && b && byTurn(a, b) < 0) least = child
      }
      const [current, smaller] = [lines[at], lines[least]]
      if (least === at || !current || !smaller) return
      lines[at] = smaller
      lines[least] = current
      at = least
    }
  }
}

function byTurn(a: Line, b: Line): number {
  return (
    b.shape.priority - a.shape.priority ||
    (a.queue.tasks[a.next]?.queuedAtMs ?? 0) - (b.queue.tasks[b.next]?.queuedAtMs ?? 0) ||
    compare(a.shape.key, b.shape.key)
  )
}
