// The life of a framework at the master: subscription, fail-over, disconnection, removal (S3, S4, S14 to S16, S20).
import type { FrameworkInfo, SchedulerCall } from 'mesos-http-client'
import { capabilitiesOf, rolesOf } from '../model/states.ts'
import type { MasterContext } from './context.ts'
import { discardInverseOffers } from './inverse-offers.ts'
import { discardOffer, offersOf } from './offers.ts'
import { completedLimit, type Framework, type SchedulerStream } from './state.ts'
import { addCompleted, masterStatus, removeTask, updateTask } from './updates.ts'
import { frameworkError, roleError, suppressedError, updateError } from './validate-framework.ts'

type Subscribe = NonNullable<SchedulerCall['subscribe']>

/** Takes a subscription or ends the stream with one ERROR; returns the framework id when it is taken. */
export function subscribe(
  context: MasterContext,
  call: Subscribe,
  stream: SchedulerStream,
): string | undefined {
  const suppressed = call.suppressed_roles ?? []
  const info = call.framework_info
  const wrong = frameworkError(info) ?? suppressedError(info, suppressed) ?? identityError(context, info)
  if (wrong !== undefined) {
    stream.send({ type: 'ERROR', error: { message: wrong } })
    stream.close()
    return undefined
  }
  const id = info.id?.value ?? ''
  const known = id === '' ? undefined : context.state.frameworks.get(id)
  const framework =
    known === undefined
      ? add(context, id, info, stream, suppressed)
      : resume(context, known, info, stream, suppressed)
  stream.send({
    type: 'SUBSCRIBED',
    subscribed: {
      framework_id: { value: framework.id },
      heartbeat_interval_seconds: context.settings.heartbeatMs / 1000,
      master_info: context.state.info,
    },
  })
  stream.send({ type: 'HEARTBEAT' })
  // A known framework waits for the next interval, as in Mesos; only a new one is offered something at once.
  if (known === undefined) context.allocate()
  return framework.id
}

/** A framework that was removed can't come back (S16); a known one keeps its principal (S18). */
function identityError(context: MasterContext, info: FrameworkInfo): string | undefined {
  const id = info.id?.value ?? ''
  if (id === '') return undefined
  if (context.state.completedFrameworks.some(framework => framework.id === id)) {
    return 'Framework has been removed'
  }
  const known = context.state.frameworks.get(id)
  if (known !== undefined && known.info.principal !== info.principal) {
    return "Changing framework's principal is not allowed."
  }
  return undefined
}

function add(
  context: MasterContext,
  askedId: string,
  info: FrameworkInfo,
  stream: SchedulerStream,
  suppressed: readonly string[],
): Framework {
  const { state, allocator, clock } = context
  const id = askedId === '' ? state.newFrameworkId() : askedId
  const framework = state.addFramework(id, info, { name: 'connected', stream }, clock.now())
  framework.suppressed = new Set(suppressed)
  allocator.addFramework(id, framework.roles, suppressed, framework.capabilities)
  context.changed({ type: 'FRAMEWORK_ADDED', framework })
  context.log('framework added', { frameworkId: id, name: info.name })
  return framework
}

function resume(
  context: MasterContext,
  framework: Framework,
  info: FrameworkInfo,
  stream: SchedulerStream,
  suppressed: readonly string[],
): Framework {
  const before = framework.phase
  if (before.name === 'connected') {
    before.stream.send({ type: 'ERROR', error: { message: 'Framework failed over' } })
    before.stream.close()
  }
  if (before.name === 'disconnected') before.failover.cancel()
  for (const offer of offersOf(context, framework.id)) discardOffer(context, offer)
  discardInverseOffers(context, framework.id)
  framework.phase = { name: 'connected', stream }
  framework.reregisteredAtMs = context.clock.now()
  context.allocator.setFrameworkState(framework.id, 'active')
  change(
    context,
    framework,
    { ...info, user: framework.info.user, ...checkpointOf(framework.info) },
    suppressed,
  )
  return framework
}

/** Silently kept from the first subscription (S24). */
function checkpointOf(info: FrameworkInfo): { checkpoint?: boolean } {
  return info.checkpoint === undefined ? {} : { checkpoint: info.checkpoint }
}

function change(
  context: MasterContext,
  framework: Framework,
  info: FrameworkInfo,
  suppressed: readonly string[],
): void {
  framework.info = { ...info, id: { value: framework.id } }
  framework.capabilities = capabilitiesOf(info)
  framework.roles = rolesOf(info)
  framework.suppressed = new Set(suppressed)
  context.allocator.updateFramework(framework.id, framework.roles, suppressed, framework.capabilities)
  context.changed({ type: 'FRAMEWORK_UPDATED', framework })
  for (const offer of offersOf(context, framework.id)) {
    if (!framework.roles.includes(offer.role)) discardOffer(context, offer)
  }
  for (const agent of context.state.agents.values()) {
    if (agent.phase.name !== 'active') continue
    agent.phase.link.toAgent({ type: 'UPDATE_FRAMEWORK', framework: framework.info })
  }
}

/** UPDATE_FRAMEWORK: all or nothing; returns why it is refused (S25). */
export function updateFramework(
  context: MasterContext,
  framework: Framework,
  call: NonNullable<SchedulerCall['update_framework']>,
): string | undefined {
  const info = call.framework_info
  const wrong = frameworkError(info) ?? (info.roles ?? []).map(roleError).find(error => error !== undefined)
  if (wrong !== undefined) return `Supplied FrameworkInfo is not valid: ${wrong}`
  const suppressed = call.suppressed_roles ?? []
  const foreign = suppressedError(info, suppressed)
  if (foreign !== undefined) return foreign
  const unsupported = updateError(framework.info, info)
  if (unsupported !== undefined) return `FrameworkInfo update is not valid: ${unsupported}`
  change(context, framework, info, suppressed)
  context.allocate()
  return undefined
}

/** The stream has ended: offers are void, and after failover_timeout everything of the framework is (S20). */
export function disconnected(context: MasterContext, frameworkId: string, streamId: string): void {
  const framework = context.state.frameworks.get(frameworkId)
  if (framework?.phase.name !== 'connected' || framework.phase.stream.id !== streamId) return
  context.allocator.setFrameworkState(frameworkId, 'inactive')
  for (const offer of offersOf(context, frameworkId)) discardOffer(context, offer)
  discardInverseOffers(context, frameworkId)
  const failoverMs = Math.max(framework.info.failover_timeout ?? 0, 0) * 1000
  const failover = context.clock.after(failoverMs, () => {
    if (framework.phase.name === 'disconnected') removeFramework(context, framework)
  })
  framework.phase = { name: 'disconnected', failover }
  context.log('framework disconnected', { frameworkId, failoverMs })
}

/** TEARDOWN and the end of failover_timeout: executors are shut down, tasks KILLED, the id never usable again. */
export function removeFramework(context: MasterContext, framework: Framework): void {
  const { state, allocator, clock } = context
  const { phase } = framework
  if (phase.name === 'disconnected') phase.failover.cancel()
  for (const offer of offersOf(context, framework.id)) discardOffer(context, offer)
  discardInverseOffers(context, framework.id)
  for (const agent of state.agents.values()) {
    if (agent.phase.name !== 'active') continue
    agent.phase.link.toAgent({ type: 'SHUTDOWN_FRAMEWORK', frameworkId: framework.id })
  }
  const killed = (task: {
    info: { task_id: { value: string } }
    agentId: string
    executorId: string | undefined
  }) =>
    masterStatus(
      {
        taskId: task.info.task_id.value,
        agentId: task.agentId,
        state: 'TASK_KILLED',
        message: `Framework ${framework.id} removed`,
        reason: 'REASON_FRAMEWORK_REMOVED',
        executorId: task.executorId,
      },
      clock.now(),
    )
  for (const task of framework.tasks.values()) {
    updateTask(context, task, killed(task))
    removeTask(context, task)
  }
  for (const task of framework.unreachableTasks.values()) {
    updateTask(context, task, killed(task))
    addCompleted(framework, task)
  }
  framework.unreachableTasks.clear()
  for (const agent of state.agents.values()) {
    for (const executorId of agent.executors.get(framework.id)?.keys() ?? []) {
      const executor = state.removeExecutor(agent, framework.id, executorId)
      if (executor !== undefined) allocator.recover(framework.id, agent.id, executor.resources)
    }
  }
  state.frameworks.delete(framework.id)
  allocator.removeFramework(framework.id)
  state.completedFrameworks.push(framework)
  if (state.completedFrameworks.length > completedLimit) state.completedFrameworks.shift()
  if (phase.name === 'connected') phase.stream.close()
  context.changed({ type: 'FRAMEWORK_REMOVED', framework })
  context.log('framework removed', { frameworkId: framework.id })
}
