// KILL, RECONCILE, MESSAGE and SHUTDOWN of a scheduler.
import type { SchedulerCall } from 'mesos-http-client'
import type { MasterContext } from './context.ts'
import { reconcileAll, reconcileOne } from './reconcile.ts'
import type { Framework } from './state.ts'
import { forward } from './updates.ts'

/** A known task with another agent_id: silence (S72). An unknown task: as if it had been asked for (S73). */
export function kill(
  context: MasterContext,
  framework: Framework,
  call: NonNullable<SchedulerCall['kill']>,
): void {
  const taskId = call.task_id.value
  const task = framework.tasks.get(taskId)
  if (task === undefined) {
    reconcile(context, framework, {
      tasks: [{ task_id: call.task_id, ...(call.agent_id && { agent_id: call.agent_id }) }],
    })
    return
  }
  if (call.agent_id !== undefined && call.agent_id.value !== task.agentId) return
  const agent = context.state.agents.get(task.agentId)
  if (agent === undefined) return
  const kept = { frameworkId: framework.id, taskId, killPolicy: call.kill_policy }
  agent.pendingKills.set(`${framework.id} ${taskId}`, kept)
  if (agent.phase.name === 'active') agent.phase.link.toAgent({ type: 'KILL_TASK', ...kept })
}

export function reconcile(
  context: MasterContext,
  framework: Framework,
  call: NonNullable<SchedulerCall['reconcile']>,
): void {
  const tasks = call.tasks ?? []
  const answers =
    tasks.length === 0
      ? reconcileAll(framework, context.clock.now())
      : tasks.flatMap(asked => reconcileOne(context, framework, asked) ?? [])
  for (const status of answers) forward(framework, status)
}

/** Unreliable: dropped unless the agent is there (S75). */
export function message(
  context: MasterContext,
  framework: Framework,
  call: NonNullable<SchedulerCall['message']>,
): void {
  const agent = context.state.agents.get(call.agent_id.value)
  if (agent?.phase.name !== 'active') return
  agent.phase.link.toAgent({
    type: 'FRAMEWORK_MESSAGE',
    frameworkId: framework.id,
    executorId: call.executor_id.value,
    data: call.data,
  })
}

export function shutdownExecutor(
  context: MasterContext,
  framework: Framework,
  call: NonNullable<SchedulerCall['shutdown']>,
): void {
  const agent = context.state.agents.get(call.agent_id.value)
  if (agent?.phase.name !== 'active') return
  agent.phase.link.toAgent({
    type: 'SHUTDOWN_EXECUTOR',
    frameworkId: framework.id,
    executorId: call.executor_id.value,
  })
}
