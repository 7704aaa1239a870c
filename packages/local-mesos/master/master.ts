// The master as one object: its books, its timers, and the dispatch of scheduler calls and agents' messages.
// It knows no HTTP; schedulers reach it as streams, agents as links.
import type { MasterInfo, SchedulerCall } from 'mesos-http-client'
import type { Clock, Timer } from '../core/clock.ts'
import type { Link, ToMaster } from '../core/cluster.ts'
import type { Log } from '../core/log.ts'
import { Mailbox } from '../core/mailbox.ts'
import { accept } from './accept.ts'
import { agentDisconnected, markGone, markUnreachable, sendAgentLost, unregister } from './agent-loss.ts'
import { register, reregister } from './agents.ts'
import { Allocator } from './allocator.ts'
import type { MasterContext, MasterSettings } from './context.ts'
import { kill, message, reconcile, shutdownExecutor } from './control.ts'
import { disconnected, removeFramework, subscribe, updateFramework } from './frameworks.ts'
import { settleDraining } from './draining.ts'
import { answerInverseOffers, sendInverseOffers } from './inverse-offers.ts'
import { decline, revive, sendOffers, suppress } from './offers.ts'
import { MasterMetrics, type MasterMetric } from './metrics.ts'
import type { Registry } from './registry.ts'
import { MasterState, type Agent, type SchedulerStream } from './state.ts'
import { acknowledge, onStatusUpdate } from './updates.ts'

export interface MasterOptions {
  readonly info: MasterInfo
  readonly registry: Registry
  readonly settings: MasterSettings
  readonly clock: Clock
  readonly log: Log
}

export class Master {
  readonly mailbox: Mailbox
  readonly #context: MasterContext
  #interval: Timer | undefined

  constructor(o: MasterOptions) {
    const state = new MasterState(o.info, o.clock.now())
    const allocator = new Allocator()
    this.mailbox = new Mailbox(error => o.log('fault in the master', { error }))
    const observers: MasterContext['observers'] = new Set()
    this.#context = {
      ...o,
      observers,
      changed: change => {
        for (const observe of observers) observe(change)
      },
      state,
      allocator,
      metrics: new MasterMetrics(),
      allocate: () => this.mailbox.post(() => this.#allocate()),
    }
    for (const info of o.registry.admitted) this.#awaitAgent(info.id?.value ?? '')
    if (o.settings.allocation === 'interval') this.#nextInterval()
  }

  get state(): MasterState {
    return this.#context.state
  }

  get context(): MasterContext {
    return this.#context
  }

  /** Ends all timers and streams, as the death of the process would. */
  close(): void {
    const { state } = this.#context
    this.#interval?.cancel()
    this.mailbox.close()
    for (const { phase } of state.frameworks.values()) {
      if (phase.name === 'connected') phase.stream.abandon()
      if (phase.name === 'disconnected') phase.failover.cancel()
    }
    for (const { phase } of state.agents.values()) {
      if (phase.name === 'disconnected') phase.unreachable.cancel()
    }
    for (const { timer } of state.recovering.values()) timer.cancel()
  }

  /** Takes a SUBSCRIBE; undefined when the stream was ended with an ERROR. */
  subscribe(call: NonNullable<SchedulerCall['subscribe']>, stream: SchedulerStream): string | undefined {
    return subscribe(this.#context, call, stream)
  }

  streamEnded(frameworkId: string, streamId: string): void {
    this.mailbox.post(() => disconnected(this.#context, frameworkId, streamId))
  }

  /** Any call of a subscribed framework but SUBSCRIBE; a text is a refusal (only of UPDATE_FRAMEWORK). */
  call(call: SchedulerCall): string | undefined {
    const context = this.#context
    countCall(context.metrics, call)
    const framework = context.state.frameworks.get(call.framework_id?.value ?? '')
    if (framework === undefined) return undefined
    switch (call.type) {
      case 'ACCEPT':
        if (call.accept !== undefined) accept(context, framework, call.accept)
        return undefined
      case 'DECLINE':
        if (call.decline !== undefined) decline(context, framework, call.decline)
        return undefined
      case 'REVIVE':
        revive(context, framework, call.revive)
        return undefined
      case 'SUPPRESS':
        suppress(context, framework, call.suppress)
        return undefined
      case 'ACCEPT_INVERSE_OFFERS':
        answerInverseOffers(context, framework, 'ACCEPT', call.accept_inverse_offers ?? {})
        return undefined
      case 'DECLINE_INVERSE_OFFERS':
        answerInverseOffers(context, framework, 'DECLINE', call.decline_inverse_offers ?? {})
        return undefined
      case 'KILL':
        if (call.kill !== undefined) kill(context, framework, call.kill)
        return undefined
      case 'RECONCILE':
        if (call.reconcile !== undefined) reconcile(context, framework, call.reconcile)
        return undefined
      case 'ACKNOWLEDGE':
        if (call.acknowledge !== undefined) {
          const { agent_id: agentId, task_id: taskId, uuid } = call.acknowledge
          acknowledge(context, framework, { agentId: agentId.value, taskId: taskId.value, uuid })
          settleDraining(context)
        }
        return undefined
      case 'MESSAGE':
        if (call.message !== undefined) message(context, framework, call.message)
        return undefined
      case 'SHUTDOWN':
        if (call.shutdown !== undefined) shutdownExecutor(context, framework, call.shutdown)
        return undefined
      case 'TEARDOWN':
        removeFramework(context, framework)
        settleDraining(context)
        return undefined
      case 'UPDATE_FRAMEWORK':
        return call.update_framework && updateFramework(context, framework, call.update_framework)
      default:
        return undefined
    }
  }

  onAgentMessage(received: ToMaster, link: Link): void {
    const context = this.#context
    context.metrics.count(agentMessages[received.type])
    if (received.type === 'REGISTER') return register(context, received.info, link)
    if (received.type === 'REREGISTER') {
      reregister(context, received, link)
      settleDraining(context)
      return
    }
    const agent = this.#agentOf(link)
    if (agent === undefined) return
    switch (received.type) {
      case 'STATUS_UPDATE':
        onStatusUpdate(context, agent, received.frameworkId, received.status, received.latestState)
        settleDraining(context)
        break
      case 'EXITED_EXECUTOR':
        this.#exitedExecutor(agent, received)
        break
      case 'EXECUTOR_MESSAGE': {
        const framework = context.state.frameworks.get(received.frameworkId)
        if (framework?.phase.name !== 'connected') break
        const event = {
          agent_id: { value: agent.id },
          executor_id: { value: received.executorId },
          data: received.data,
        }
        framework.phase.stream.send({ type: 'MESSAGE', message: event })
        break
      }
      case 'UNREGISTER':
        unregister(context, agent)
        break
    }
  }

  onAgentCut(link: Link): void {
    agentDisconnected(this.#context, link)
  }

  /** One round of offers now, besides those of the interval. */
  allocate(): void {
    this.#context.allocate()
  }

  /** Declares an agent unreachable although its connection stands, as failed pings do. */
  pingsFailed(agentId: string): void {
    this.mailbox.post(() => {
      const agent = this.#context.state.agents.get(agentId)
      if (agent !== undefined) markUnreachable(this.#context, agent, 'health check timed out')
    })
  }

  /** MARK_AGENT_GONE; false for an agent nobody knows. */
  markAgentGone(agentId: string): boolean {
    return markGone(this.#context, agentId)
  }

  #agentOf(link: Link): Agent | undefined {
    for (const agent of this.#context.state.agents.values()) {
      if (agent.phase.name === 'active' && agent.phase.link === link) return agent
    }
    return undefined
  }

  #exitedExecutor(agent: Agent, received: Extract<ToMaster, { type: 'EXITED_EXECUTOR' }>): void {
    const { state, allocator } = this.#context
    const removed = state.removeExecutor(agent, received.frameworkId, received.executorId)
    if (removed === undefined) return
    allocator.recover(received.frameworkId, agent.id, removed.resources)
    const framework = state.frameworks.get(received.frameworkId)
    if (framework?.phase.name !== 'connected') return
    framework.phase.stream.send({
      type: 'FAILURE',
      failure: {
        agent_id: { value: agent.id },
        executor_id: { value: received.executorId },
        status: received.status,
      },
    })
  }

  /** An agent of the registry that does not come back in time is unreachable, without updates of its tasks. */
  #awaitAgent(agentId: string): void {
    const { state, registry, clock, settings } = this.#context
    const info = registry.admitted.find(admitted => admitted.id?.value === agentId)
    if (info === undefined) return
    const timer = clock.after(settings.agentReregisterTimeoutMs, () => {
      if (!state.recovering.delete(agentId)) return
      registry.markUnreachable(agentId, clock.now())
      sendAgentLost(this.#context, agentId)
    })
    state.recovering.set(agentId, { info, timer })
  }

  #allocate(): void {
    const { allocator, clock } = this.#context
    sendOffers(this.#context, allocator.allocate(clock.now()))
    sendInverseOffers(this.#context)
  }

  #nextInterval(): void {
    const { clock, settings } = this.#context
    this.#interval = clock.after(settings.allocationIntervalMs, () => {
      this.#nextInterval()
      this.#context.allocate()
    })
  }
}

const schedulerCalls: Partial<Record<NonNullable<SchedulerCall['type']>, MasterMetric>> = {
  DECLINE: 'messages_decline_offers',
  REVIVE: 'messages_revive_offers',
  SUPPRESS: 'messages_suppress_offers',
  KILL: 'messages_kill_task',
  RECONCILE: 'messages_reconcile_tasks',
  ACKNOWLEDGE: 'messages_status_update_acknowledgement',
  MESSAGE: 'messages_framework_to_executor',
  TEARDOWN: 'messages_unregister_framework',
}

const agentMessages: Record<ToMaster['type'], MasterMetric> = {
  REGISTER: 'messages_register_slave',
  REREGISTER: 'messages_reregister_slave',
  STATUS_UPDATE: 'messages_status_update',
  EXITED_EXECUTOR: 'messages_exited_executor',
  EXECUTOR_MESSAGE: 'messages_executor_to_framework',
  UNREGISTER: 'messages_unregister_slave',
}

function countCall(metrics: MasterMetrics, call: SchedulerCall): void {
  const name = call.type && schedulerCalls[call.type]
  if (name !== undefined) metrics.count(name)
  if (call.type !== 'ACCEPT') return
  for (const operation of call.accept?.operations ?? []) {
    if (operation.type !== 'LAUNCH') continue
    const tasks = operation.launch?.task_infos?.length ?? 0
    metrics.count(tasks > 0 ? 'messages_launch_tasks' : 'messages_decline_offers')
  }
}
