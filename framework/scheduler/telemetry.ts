// What the loop's updates mean for the numbers and lines that operators see. Counts and logs; decides nothing.
import type { TaskStatus } from 'mesos-http-client'
import { isTerminal } from '../domain/task.ts'
import type { Logger } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { PendingTask, UpdateResult } from '../usecases/index.ts'

export class Telemetry {
  readonly #metrics: Metrics
  readonly #log: Logger
  readonly #now: () => number
  /** When tasks were submitted whose first attempt is on its way. */
  readonly #submittedMs = new Map<number, number>()

  constructor(options: { metrics: Metrics; log: Logger; now: () => number }) {
    this.#metrics = options.metrics
    this.#log = options.log
    this.#now = options.now
  }

  launching(task: PendingTask): void {
    if (task.attempt === 0) this.#submittedMs.set(task.taskId, task.queuedAt.getTime())
  }

  received(status: TaskStatus): void {
    this.#metrics.statusUpdates.inc({ state: status.state })
  }

  applied(result: UpdateResult, status: TaskStatus): void {
    const { taskId, taskState, previousTaskState, effect } = result
    const line = {
      ...(taskId === undefined ? {} : { taskId }),
      mesosTaskId: result.mesosTaskId,
      state: status.state,
      ...(status.reason ? { reason: status.reason } : {}),
    }
    if (effect === 'rejected') this.#log.error({ ...line, error: result.error }, 'update could not be stored')
    else if (effect === 'applied') this.#log.debug({ ...line, message: status.message }, 'update')
    if (result.unknownReason) {
      this.#metrics.faults.inc({ reason: result.unknownReason })
      this.#log.warn({ ...line, reason: result.unknownReason }, 'a reason that nobody has judged yet')
    } else if (result.fault) this.#metrics.faults.inc({ reason: result.fault })
    if (result.kill) this.#log.warn(line, 'not the current attempt: killing it')
    if (taskId === undefined || taskState === undefined || taskState === previousTaskState) return
    if (taskState === 'RUNNING') this.#ran(taskId)
    if (isTerminal(taskState)) {
      this.#submittedMs.delete(taskId)
      this.#metrics.tasksEnded.inc({ state: taskState })
      this.#log.info({ ...line, taskState, message: status.message }, 'task ended')
    } else this.#log.info({ ...line, taskState, message: status.message }, 'task changed')
  }

  #ran(taskId: number): void {
    const submittedMs = this.#submittedMs.get(taskId)
    if (submittedMs === undefined) return
    this.#submittedMs.delete(taskId)
    this.#metrics.submitToRunning.observe((this.#now() - submittedMs) / 1000)
  }
}
