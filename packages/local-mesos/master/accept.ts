// ACCEPT: checks the offers, then each task; what passes is launched, what does not is answered (S39 to S48).
import type { ExecutorInfo, OfferOperation, Resource, SchedulerCall, TaskInfo } from 'mesos-http-client'
import { refined } from '../model/reservations.ts'
import { Resources } from '../model/resources.ts'
import type { MasterContext } from './context.ts'
import { discardOffer, refuseMs, removeOffer } from './offers.ts'
import { convertOffered } from './reservations.ts'
import type { Agent, Framework, MasterOffer, MasterTask } from './state.ts'
import { forward, masterStatus } from './updates.ts'
import { amountError, taskError } from './validate-task.ts'

type Accept = NonNullable<SchedulerCall['accept']>

function tasksOf(operation: OfferOperation): readonly TaskInfo[] {
  if (operation.type === 'LAUNCH') return operation.launch?.task_infos ?? []
  if (operation.type === 'LAUNCH_GROUP') return operation.launch_group?.task_group.tasks ?? []
  return []
}

/** Why these offers cannot be used, together and by this framework (S39, S40). */
function offersError(
  context: MasterContext,
  framework: Framework,
  ids: readonly string[],
): string | undefined {
  if (ids.length === 0) return 'No offers specified'
  const doubled = ids.find((id, index) => ids.indexOf(id) !== index)
  if (doubled !== undefined) return `Duplicate offer ${doubled} in offer list`
  let first: MasterOffer | undefined
  for (const id of ids) {
    const offer = context.state.offers.get(id)
    if (offer === undefined) return `Offer ${id} is no longer valid`
    first ??= offer
    if (offer.frameworkId !== framework.id) {
      return `Offer ${id} has invalid framework ${offer.frameworkId} while framework ${framework.id} is expected`
    }
    if (offer.role !== first.role) {
      return (
        `Aggregated offers must be allocated to the same role. Offer ${id} uses role '${offer.role}` +
        ` but another is using role '${first.role}`
      )
    }
    if (offer.agentId !== first.agentId) {
      return (
        `Aggregated offers must belong to one single agent. Offer ${id} uses agent ${offer.agentId}` +
        ` and agent ${first.agentId}`
      )
    }
  }
  return undefined
}

/** Answers every task of the call with one verdict of the master, without uuid. */
function refuseAll(
  context: MasterContext,
  framework: Framework,
  tasks: readonly TaskInfo[],
  message: string,
  reason: 'REASON_INVALID_OFFERS' | 'REASON_AGENT_REMOVED' | 'REASON_AGENT_DISCONNECTED',
): void {
  const state = framework.capabilities.has('PARTITION_AWARE') ? 'TASK_DROPPED' : 'TASK_LOST'
  for (const task of tasks) {
    const status = masterStatus(
      { taskId: task.task_id.value, agentId: task.agent_id.value, state, message, reason },
      context.clock.now(),
    )
    forward(framework, status)
  }
}

function allocatedTo(resource: Resource, role: string): Resource {
  return { ...resource, allocation_info: { role: resource.allocation_info?.role ?? role } }
}

/** Mesos fills in the allocation and the executor's framework where they are missing (S42, S48). */
function completed(task: TaskInfo, framework: Framework, role: string): TaskInfo {
  const allocate = (resources: readonly Resource[] | undefined): Resource[] =>
    (resources ?? []).map(resource => allocatedTo(refined(resource), role))
  const executor: ExecutorInfo | undefined = task.executor && {
    ...task.executor,
    framework_id: task.executor.framework_id ?? { value: framework.id },
    resources: allocate(task.executor.resources),
  }
  return { ...task, resources: allocate(task.resources), ...(executor !== undefined && { executor }) }
}

export function accept(context: MasterContext, framework: Framework, call: Accept): void {
  const { state, allocator, settings, clock } = context
  const ids = (call.offer_ids ?? []).map(id => id.value)
  const operations = call.operations ?? []
  const wrong = offersError(context, framework, ids)
  const offers = [...new Set(ids)].flatMap(id => state.offers.get(id) ?? [])
  const first = offers[0]
  if (wrong !== undefined || first === undefined) {
    for (const offer of offers) if (offer.frameworkId === framework.id) discardOffer(context, offer)
    const message = `Task launched with invalid offers: ${wrong}`
    refuseAll(context, framework, operations.flatMap(tasksOf), message, 'REASON_INVALID_OFFERS')
    return
  }
  const agent = state.agents.get(first.agentId)
  if (agent?.phase.name !== 'active') {
    for (const offer of offers) discardOffer(context, offer)
    refuseAll(
      context,
      framework,
      operations.flatMap(tasksOf),
      agent === undefined ? 'Agent removed' : 'Agent disconnected',
      agent === undefined ? 'REASON_AGENT_REMOVED' : 'REASON_AGENT_DISCONNECTED',
    )
    return
  }
  for (const offer of offers) removeOffer(context, offer)
  let left = offers.reduce((sum, offer) => sum.plus(offer.resources), Resources.none)
  for (const operation of operations) {
    if (operation.type === 'RESERVE' || operation.type === 'UNRESERVE') {
      left = reserve(context, framework, agent, operation, first.role, left)
    } else if (operation.type !== 'LAUNCH') {
      refuseOperation(context, framework, operation)
    } else {
      for (const task of tasksOf(operation))
        left = left.minus(launch(context, framework, agent, task, first.role, left))
    }
  }
  allocator.recover(framework.id, agent.id, left, {
    refuseMs: refuseMs(call.filters),
    intervalMs: settings.allocationIntervalMs,
    nowMs: clock.now(),
  })
}

/** What is left of the offers, with the operation's reservation or without it; a wrong one is dropped in silence. */
function reserve(
  context: MasterContext,
  framework: Framework,
  agent: Agent,
  operation: OfferOperation,
  role: string,
  left: Resources,
): Resources {
  const type = operation.type === 'RESERVE' ? 'RESERVE' : 'UNRESERVE'
  const { resources, source } = operation.reserve ?? { ...operation.unreserve, source: undefined }
  const asked = { resources: (resources ?? []).map(resource => allocatedTo(refined(resource), role)), source }
  const converted = convertOffered(context, framework, agent, type, asked, left)
  if (typeof converted !== 'string') return converted
  context.log('operation dropped', { operation: type, frameworkId: framework.id, why: converted })
  return left
}

/** What is not imitated is not done; a task group is told so. */
function refuseOperation(context: MasterContext, framework: Framework, operation: OfferOperation): void {
  context.log('operation is not imitated', { operation: operation.type })
  for (const task of tasksOf(operation)) {
    const fields = {
      taskId: task.task_id.value,
      agentId: task.agent_id.value,
      state: 'TASK_ERROR',
      message: 'Task groups are not imitated',
      reason: 'REASON_TASK_GROUP_INVALID',
    } as const
    forward(framework, masterStatus(fields, context.clock.now()))
  }
}

/** Launches one task or answers TASK_ERROR; returns what it uses of the offers. */
function launch(
  context: MasterContext,
  framework: Framework,
  agent: Agent,
  asked: TaskInfo,
  role: string,
  available: Resources,
): Resources {
  const { state } = context
  const task = completed(asked, framework, role)
  const wrong = amountError(task) ?? taskError(state, framework, agent, task, available)
  if (wrong !== undefined || agent.phase.name !== 'active') {
    const fields = {
      taskId: task.task_id.value,
      agentId: task.agent_id.value,
      state: 'TASK_ERROR',
      message: wrong ?? '',
      reason: 'REASON_TASK_INVALID',
    } as const
    forward(framework, masterStatus(fields, context.clock.now()))
    return Resources.none
  }
  let used = Resources.of(task.resources)
  const executorId = task.executor?.executor_id.value
  let launchExecutor = true
  if (task.executor !== undefined && executorId !== undefined) {
    launchExecutor = state.executor(agent, framework.id, executorId) === undefined
    if (launchExecutor) used = used.plus(state.addExecutor(agent, framework.id, task.executor).resources)
  }
  const added: MasterTask = {
    info: task,
    frameworkId: framework.id,
    agentId: agent.id,
    executorId,
    resources: Resources.of(task.resources),
    state: 'TASK_STAGING',
    forwarded: undefined,
    statuses: [],
  }
  state.addTask(framework, agent, added)
  context.changed({ type: 'TASK_ADDED', task: added })
  agent.phase.link.toAgent({ type: 'RUN_TASK', framework: framework.info, task, launchExecutor })
  return used
}
