// What a TaskInfo asks of this executor. Pure.
import type { DurationInfo, TaskInfo } from 'mesos-http-client'
import { taskPayload, type TaskPayload } from '../../proto/payload.ts'
import { isPlainName } from '../sandbox.ts'

/** The payload of a task, or the sentence that says why it can't be run. */
export function readPayload(
  task: TaskInfo,
): { readonly payload: TaskPayload } | { readonly problem: string } {
  if (!isPlainName(task.task_id.value)) return { problem: 'Its Mesos task id is no plain name' }
  if (!task.data?.length) return { problem: 'It carries no payload: this executor runs tasks of Juice only' }
  try {
    const payload = taskPayload.decode(task.data)
    if (payload.taskId === undefined) return { problem: 'Its payload names no task' }
    if (!payload.image && !payload.command)
      return { problem: 'Its payload has neither an image nor a command' }
    return { payload }
  } catch (error) {
    return { problem: `Its payload can't be read: ${error instanceof Error ? error.message : String(error)}` }
  }
}

export function durationMs(duration: DurationInfo | undefined): number | undefined {
  return duration && Number(duration.nanoseconds) / 1e6
}
