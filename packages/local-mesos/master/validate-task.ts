// The master's verdict on a task of an ACCEPT, in Mesos' order and words (S41, S46 to S48). Decides only.
import type { ExecutorInfo, Resource, TaskInfo } from 'mesos-http-client'
import { idError } from '../model/ids.ts'
import { Resources } from '../model/resources.ts'
import { executorText, sameExecutor } from '../model/same.ts'
import { shapeError } from './reservations.ts'
import type { Agent, Framework, MasterState } from './state.ts'

/** What is wrong with a single resource: its reservations, a scalar of nothing or below Mesos' precision. */
function resourceError(resource: Resource): string | undefined {
  const shape = shapeError(resource)
  if (shape !== undefined) return shape
  if (resource.type !== 'SCALAR') return undefined
  const value = resource.scalar?.value ?? 0
  if (value === 0 || Math.round(value * 1000) > 0) return undefined
  const role = resource.allocation_info?.role
  const name = role === undefined ? resource.name : `${resource.name}(allocated: ${role})`
  return `Resource '${name}:${Math.round(value * 1000) / 1000}' is invalid: Invalid scalar resource: value <= 0`
}

/** Numbers so small that nothing is left, and negative ones, are refused before anything else is looked at. */
export function amountError(task: TaskInfo): string | undefined {
  return [...(task.resources ?? []), ...(task.executor?.resources ?? [])]
    .map(resourceError)
    .find(error => error !== undefined)
}

function negative(duration: { readonly nanoseconds: number | bigint } | undefined): boolean {
  return duration !== undefined && duration.nanoseconds < 0
}

function healthCheckError(task: TaskInfo): string | undefined {
  const check = task.health_check
  if (check?.type === 'COMMAND' && check.command === undefined) {
    return "Task uses invalid health check: Expecting 'command' to be set for COMMAND health check"
  }
  if (check?.type === 'HTTP' && check.http === undefined) {
    return "Task uses invalid health check: Expecting 'http' to be set for HTTP health check"
  }
  return undefined
}

function limitError(task: TaskInfo): string | undefined {
  const limits = task.limits ?? {}
  const foreign = Object.keys(limits).find(name => name !== 'cpus' && name !== 'mem')
  if (foreign !== undefined) return "Only cpus and mem may be included in a task's resource limits"
  const requests = Resources.of(task.resources)
  const cpus = limits['cpus']?.value
  if (cpus !== undefined) {
    if (requests.millis('cpus') === 0) {
      return 'When a CPU limit is specified, a CPU request must also be specified'
    }
    if (cpus * 1000 < requests.millis('cpus')) {
      return 'The cpu limit must be greater than or equal to the cpu request'
    }
  }
  const mem = limits['mem']?.value
  if (mem !== undefined) {
    if (requests.millis('mem') === 0) {
      return 'When a memory limit is specified, a memory request must also be specified'
    }
    if (mem * 1000 < requests.millis('mem')) {
      return 'The memory limit must be greater than or equal to the memory request'
    }
  }
  return undefined
}

/** Resources of one task or executor belong to one role. */
function rolesError(resources: Resources): string | undefined {
  const roles = [...resources.allocationRoles()]
  if (roles.length < 2) return undefined
  return (
    `The resources have multiple allocation roles ('${roles[1]}' and '${roles[0]}')` +
    ' but only one allocation role is allowed'
  )
}

function executorError(
  executor: ExecutorInfo,
  framework: Framework,
  existing: ExecutorInfo | undefined,
): string | undefined {
  if (executor.type === 'CUSTOM' && executor.command === undefined) {
    return "'ExecutorInfo.command' must be set for 'CUSTOM' executor"
  }
  const id = idError(executor.executor_id.value)
  if (id !== undefined) return id
  if (negative(executor.shutdown_grace_period)) {
    return "ExecutorInfo's 'shutdown_grace_period' must be non-negative"
  }
  const owner = executor.framework_id?.value
  if (owner !== framework.id) {
    return `ExecutorInfo has an invalid FrameworkID (Actual: ${owner} vs Expected: ${framework.id})`
  }
  const roles = rolesError(Resources.of(executor.resources))
  if (roles !== undefined) return `Invalid executor resources: ${roles}`
  if (existing !== undefined && !sameExecutor(existing, executor)) {
    const line = '-'.repeat(60)
    return (
      `ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n${line}\n` +
      `Existing ExecutorInfo:\n${executorText(existing)}\n${line}\nExecutorInfo:\n${executorText(executor)}\n${line}\n`
    )
  }
  if (executor.type !== undefined && executor.type !== 'CUSTOM') return "'ExecutorInfo.type' must be 'CUSTOM'"
  if (executor.command === undefined) return "'ExecutorInfo.command' must be set"
  return undefined
}

/** Why the task cannot run on this agent with what is left of the offers; undefined when it can. */
export function taskError(
  state: MasterState,
  framework: Framework,
  agent: Agent,
  task: TaskInfo,
  available: Resources,
): string | undefined {
  const taskId = task.task_id.value
  const id = idError(taskId)
  if (id !== undefined) return id
  if (framework.tasks.has(taskId)) return `Task has duplicate ID: ${taskId}`
  if (framework.unreachableTasks.has(taskId)) return `Task reuses the ID of an unreachable task: ${taskId}`
  if (task.agent_id.value !== agent.id) {
    return `Task uses invalid agent ${task.agent_id.value} while agent ${agent.id} is expected`
  }
  if (negative(task.kill_policy?.grace_period)) {
    return "Task's 'kill_policy.grace_period' must be non-negative"
  }
  if (negative(task.max_completion_time)) return "Task's `max_completion_time` must be non-negative"
  const health = healthCheckError(task)
  if (health !== undefined) return health
  const resources = Resources.of(task.resources)
  if ((task.resources ?? []).length === 0) return 'Task uses no resources'
  const roles = rolesError(resources)
  if (roles !== undefined) return `Invalid task resources: ${roles}`
  const limits = limitError(task)
  if (limits !== undefined) return limits
  if ((task.executor === undefined) === (task.command === undefined)) {
    return 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present'
  }
  let total = resources
  if (task.executor !== undefined) {
    const existing = state.executor(agent, framework.id, task.executor.executor_id.value)
    const wrong = executorError(task.executor, framework, existing?.info)
    if (wrong !== undefined) return wrong
    if (existing === undefined) total = total.plus(Resources.of(task.executor.resources))
  }
  if (!available.contains(total)) {
    return (
      `Total resources ${total.toString()} required by task and its executor` +
      ` is more than available ${available.toString()}`
    )
  }
  return undefined
}
