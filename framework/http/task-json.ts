// A task as it is answered and as callbacks carry it. Pure. What is not public (other retries' counts, agents' addresses)
// is left out here.
import type { Attempt } from '../domain/task.ts'
import type { DueCallback, TaskView } from '../usecases/types.ts'
import type { AttemptAnswer, CallbackBody, TaskAnswer } from './schemas/answers.ts'
import { specJson } from './spec-json.ts'

type Bare = Omit<TaskView, 'spec'>

export function taskJson(task: TaskView, publicUrl: string): TaskAnswer {
  const { id, state, name, tenant, ...rest } = bareTaskJson(task, publicUrl)
  return { id, state, name, tenant, spec: specJson(task.spec), ...rest }
}

/** What a callback's receiver is sent. */
export function callbackJson({ outboxId, task }: DueCallback, publicUrl: string): CallbackBody {
  return { id: outboxId, taskId: task.id, state: task.state, task: bareTaskJson(task, publicUrl) }
}

/** Without the spec. */
function bareTaskJson(task: Bare, publicUrl: string): Omit<TaskAnswer, 'spec'> {
  const self = `${publicUrl}/v2/tasks/${task.id}`
  return {
    id: task.id,
    state: task.state,
    name: task.name,
    tenant: task.tenant,
    attempt: task.attempt,
    message: task.message ?? null,
    result: task.result ?? null,
    exitCode: task.exitCode ?? null,
    submittedAt: task.submittedAt.toISOString(),
    startedAt: task.startedAt?.toISOString() ?? null,
    finishedAt: task.finishedAt?.toISOString() ?? null,
    attempts: task.attempts.map(attemptJson),
    links: {
      self,
      kill: `${self}/kill`,
      stdout: `${self}/logs?stream=stdout`,
      stderr: `${self}/logs?stream=stderr`,
    },
  }
}

function attemptJson(attempt: Attempt): AttemptAnswer {
  return {
    number: attempt.number,
    mesosTaskId: attempt.mesosTaskId,
    agentId: attempt.agentId,
    hostname: attempt.hostname,
    state: attempt.state,
    reason: attempt.reason ?? null,
    message: attempt.message ?? null,
    blame: attempt.blame ?? null,
    exitCode: attempt.exitCode ?? null,
    signal: attempt.signal ?? null,
    oom: attempt.oom ?? null,
    containerId: attempt.containerId ?? null,
    launchedAt: attempt.launchedAt.toISOString(),
    startedAt: attempt.startedAt?.toISOString() ?? null,
    finishedAt: attempt.finishedAt?.toISOString() ?? null,
    sandbox: attempt.sandbox ?? null,
  }
}
