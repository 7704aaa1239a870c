// The waiting tasks in memory, by shape. The store is the truth: what is here may be stale, and an intent for it then
// does not come back. No I/O.
import { shapeOf } from '../placement/shape.ts'
import type { QueuedTask, Shape, ShapeQueue } from '../placement/types.ts'
import type { PendingTask } from '../usecases/index.ts'
import { launchBytes } from './task-info.ts'

interface Waiting {
  readonly task: PendingTask
  readonly queued: QueuedTask
  readonly shape: Shape
}

interface Line {
  readonly shape: Shape
  tasks: QueuedTask[]
  /** When the last one came in, by our clock: offers refused earlier were not looked at for it. */
  newestMs: number
}

export class PendingQueue {
  readonly #byId = new Map<number, Waiting>()
  readonly #lines = new Map<string, Line>()
  /** Waits for its `notBefore`. */
  readonly #later = new Map<number, PendingTask>()
  /** Numbers of attempts that were committed lately: a reading of the store that began before may still show the task. */
  #launched = new Map<number, number>()
  #launchedBefore = new Map<number, number>()
  readonly #executorBytes: number
  #version = 0

  constructor(options: { executorBytes: number }) {
    this.#executorBytes = options.executorBytes
  }

  /** Tasks that may be launched now. */
  get size(): number {
    return this.#byId.size
  }

  /** Grows with each task that comes into its line. */
  get version(): number {
    return this.#version
  }

  /** Adds it, or replaces what is known of it. */
  put(task: PendingTask, nowMs: number): void {
    const { taskId, attempt } = task
    if (this.#byId.get(taskId)?.task.attempt === attempt) return
    if (attempt < (this.#launched.get(taskId) ?? this.#launchedBefore.get(taskId) ?? 0)) return
    this.remove([taskId])
    if (task.notBefore && task.notBefore.getTime() > nowMs) this.#later.set(taskId, task)
    else this.#enter(task, nowMs)
  }

  remove(taskIds: Iterable<number>): void {
    const byLine = new Map<string, Set<number>>()
    for (const taskId of taskIds) {
      this.#later.delete(taskId)
      const waiting = this.#byId.get(taskId)
      if (!waiting) continue
      this.#byId.delete(taskId)
      const ids = byLine.get(waiting.shape.key) ?? new Set()
      byLine.set(waiting.shape.key, ids.add(taskId))
    }
    for (const [key, ids] of byLine) {
      const line = this.#lines.get(key)
      if (!line) continue
      line.tasks = line.tasks.filter(({ taskId }) => !ids.has(taskId))
      if (line.tasks.length === 0) this.#lines.delete(key)
    }
  }

  /** This attempt of the task is committed: what a stale reading says of earlier ones is ignored. */
  launched(taskId: number, attempt: number): void {
    this.#launched.set(taskId, attempt)
  }

  get(taskId: number): PendingTask | undefined {
    return this.#byId.get(taskId)?.task ?? this.#later.get(taskId)
  }

  shapeKey(taskId: number): string | undefined {
    return this.#byId.get(taskId)?.shape.key
  }

  /** Drops what a complete reading of the store, just over, did not show. */
  retain(known: ReadonlySet<number>): void {
    this.#launchedBefore = this.#launched
    this.#launched = new Map()
    const ids = [...this.#byId.keys(), ...this.#later.keys()]
    this.remove(ids.filter(id => !known.has(id)))
  }

  /** Lets in what is due; returns when the next one will be. */
  promote(nowMs: number): number | undefined {
    let nextMs: number | undefined
    for (const task of this.#later.values()) {
      const dueMs = task.notBefore?.getTime() ?? 0
      if (dueMs > nowMs) nextMs = Math.min(nextMs ?? Infinity, dueMs)
      else {
        this.#later.delete(task.taskId)
        this.#enter(task, nowMs)
      }
    }
    return nextMs
  }

  /** As placement wants it; a view, valid until the next change. */
  shapes(): ShapeQueue[] {
    return [...this.#lines.values()]
  }

  /** When a task last came into a line that still waits; undefined where none does. */
  newestMs(): number | undefined {
    let newest: number | undefined
    for (const { newestMs } of this.#lines.values()) newest = Math.max(newest ?? 0, newestMs)
    return newest
  }

  #enter(task: PendingTask, nowMs: number): void {
    const shape = shapeOf(task.tenant, task.spec)
    const line = this.#lines.get(shape.key) ?? { shape, tasks: [], newestMs: nowMs }
    line.newestMs = nowMs
    this.#lines.set(shape.key, line)
    const queued: QueuedTask = {
      taskId: task.taskId,
      queuedAtMs: task.queuedAt.getTime(),
      launchBytes: launchBytes(task.spec, this.#executorBytes),
    }
    // Nearly always the youngest: the search goes from the end.
    let at = line.tasks.length
    while (at > 0 && isBefore(queued, line.tasks[at - 1])) at -= 1
    if (at === line.tasks.length) line.tasks.push(queued)
    else line.tasks.splice(at, 0, queued)
    this.#version += 1
    this.#byId.set(task.taskId, { task, queued, shape: line.shape })
  }
}

function isBefore(a: QueuedTask, b: QueuedTask | undefined): boolean {
  if (!b) return false
  return a.queuedAtMs < b.queuedAtMs || (a.queuedAtMs === b.queuedAtMs && a.taskId < b.taskId)
}
