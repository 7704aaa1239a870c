// Tasks that only last: for load tests of a framework, no process, no sandbox. How long and how they end is said by
// labels of the task or by the cluster's options.
import type { KillPolicy, TaskInfo, TaskState } from 'mesos-http-client'
import type { Clock, Timer } from '../core/clock.ts'
import { InProcessExecutor, type InProcessOptions } from './in-process.ts'

/** Label for milliseconds until the end; negative: until it is killed. */
export const durationLabel = 'simulate_duration_ms'
/** Label for the last state, such as TASK_FAILED. */
export const outcomeLabel = 'simulate_outcome'

const outcomes: ReadonlySet<string> = new Set<TaskState>([
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
])

export interface Simulation {
  readonly durationMs: number
  readonly outcome: TaskState
}

export class SimulatedExecutor extends InProcessExecutor {
  readonly #clock: Clock
  readonly #simulation: Simulation
  readonly #running = new Map<string, Timer | undefined>()
  protected readonly endsWhenIdle = false

  constructor(o: InProcessOptions, clock: Clock, simulation: Simulation) {
    super(o)
    this.#clock = clock
    this.#simulation = simulation
  }

  get pid(): undefined {
    return undefined
  }

  protected launch(task: TaskInfo): void {
    const taskId = task.task_id.value
    const label = (key: string): string | undefined =>
      task.labels?.labels?.find(candidate => candidate.key === key)?.value
    const durationMs = Number(label(durationLabel) ?? this.#simulation.durationMs)
    const asked = label(outcomeLabel) ?? this.#simulation.outcome
    const outcome = outcomes.has(asked) ? (asked as TaskState) : 'TASK_FINISHED'
    this.update(taskId, 'TASK_STARTING')
    this.update(taskId, 'TASK_RUNNING')
    const timer =
      durationMs < 0 ? undefined : this.#clock.after(durationMs, () => this.#finish(taskId, outcome))
    this.#running.set(taskId, timer)
  }

  protected kill(taskId: string, _policy: KillPolicy | undefined): void {
    this.#running.get(taskId)?.cancel()
    if (this.#running.has(taskId)) this.#finish(taskId, 'TASK_KILLED')
  }

  protected abort(): void {
    for (const timer of this.#running.values()) timer?.cancel()
    this.#running.clear()
  }

  protected isBusy(): boolean {
    return this.#running.size > 0
  }

  #finish(taskId: string, state: TaskState): void {
    this.#running.delete(taskId)
    this.update(taskId, state)
  }
}
