// What the master knows: frameworks, agents, tasks, offers. Data and look-ups only; the modules beside it change it.
import type {
  AgentInfo,
  ExecutorInfo,
  FrameworkInfo,
  InverseOffer,
  KillPolicy,
  MaintenanceInverseOfferStatus,
  MasterInfo,
  Offer,
  SchedulerEvent,
  Task,
  TaskInfo,
  TaskStatus,
} from 'mesos-http-client'
import type { Timer } from '../core/clock.ts'
import type { Link } from '../core/cluster.ts'
import { Resources } from '../model/resources.ts'
import { capabilitiesOf, rolesOf, type CapabilityName } from '../model/states.ts'

/** A scheduler's event stream. */
export interface SchedulerStream {
  readonly id: string
  send(event: SchedulerEvent): void
  close(): void
  /** Breaks it without an end, as the death of the master does. */
  abandon(): void
}

export interface MasterTask {
  readonly info: TaskInfo
  readonly frameworkId: string
  readonly agentId: string
  readonly executorId: string | undefined
  readonly resources: Resources
  /** Newest state known to the agent; decides whether resources are held. */
  state: TaskStatus['state']
  /** The last update that was forwarded; reconciliation answers with it (S70). */
  forwarded: { readonly status: TaskStatus } | undefined
  statuses: TaskStatus[]
}

export type FrameworkPhase =
  | { readonly name: 'connected'; readonly stream: SchedulerStream }
  | { readonly name: 'disconnected'; readonly failover: Timer }
  /** Known from agents only, since the master's restart. */
  | { readonly name: 'recovered' }

export interface Framework {
  readonly id: string
  info: FrameworkInfo
  capabilities: ReadonlySet<CapabilityName>
  roles: readonly string[]
  suppressed: ReadonlySet<string>
  phase: FrameworkPhase
  readonly tasks: Map<string, MasterTask>
  readonly unreachableTasks: Map<string, MasterTask>
  completedTasks: MasterTask[]
  readonly registeredAtMs: number
  reregisteredAtMs: number | undefined
}

export interface MasterExecutor {
  readonly info: ExecutorInfo
  readonly resources: Resources
}

export type AgentPhase =
  | { readonly name: 'active'; readonly link: Link }
  | { readonly name: 'disconnected'; readonly unreachable: Timer }

export interface Agent {
  readonly id: string
  info: AgentInfo
  total: Resources
  phase: AgentPhase
  /** framework id → executor id → executor */
  readonly executors: Map<string, Map<string, MasterExecutor>>
  readonly tasks: Set<MasterTask>
  readonly offers: Set<string>
  /** Kills that came while it was disconnected; delivered at its re-registration (S72). */
  readonly pendingKills: Map<
    string,
    { frameworkId: string; taskId: string; killPolicy: KillPolicy | undefined }
  >
  /** What frameworks said to its maintenance, and until when they want to hear no more of it; by framework id. */
  inverse: {
    readonly statuses: Map<string, MaintenanceInverseOfferStatus>
    readonly quietUntilMs: Map<string, number>
  }
  /** When the operator asked for it, as far as this master knows. */
  drainStartMs: number | undefined
  readonly registeredAtMs: number
  reregisteredAtMs: number | undefined
}

export interface MasterInverseOffer {
  readonly message: InverseOffer
  readonly frameworkId: string
  readonly agentId: string
}

export interface MasterOffer {
  readonly message: Offer
  readonly frameworkId: string
  readonly agentId: string
  readonly role: string
  readonly resources: Resources
}

/** How many completed frameworks, and tasks of a framework, the master remembers for its endpoints. */
export const completedLimit = 1000

export class MasterState {
  readonly info: MasterInfo
  readonly startedAtMs: number
  readonly frameworks = new Map<string, Framework>()
  completedFrameworks: Framework[] = []
  readonly agents = new Map<string, Agent>()
  readonly offers = new Map<string, MasterOffer>()
  readonly inverseOffers = new Map<string, MasterInverseOffer>()
  /** In the registry since before this master's start, not back yet. */
  readonly recovering = new Map<string, { readonly info: AgentInfo; readonly timer: Timer }>()
  #nextFramework = 0
  #nextOffer = 0
  #nextAgent = 0

  constructor(info: MasterInfo, startedAtMs: number) {
    this.info = info
    this.startedAtMs = startedAtMs
  }

  newFrameworkId(): string {
    return `${this.info.id}-${String(this.#nextFramework++).padStart(4, '0')}`
  }

  newOfferId(): string {
    return `${this.info.id}-O${this.#nextOffer++}`
  }

  newAgentId(): string {
    return `${this.info.id}-S${this.#nextAgent++}`
  }

  addFramework(id: string, info: FrameworkInfo, phase: FrameworkPhase, nowMs: number): Framework {
    const framework: Framework = {
      id,
      info: { ...info, id: { value: id } },
      capabilities: capabilitiesOf(info),
      roles: rolesOf(info),
      suppressed: new Set(),
      phase,
      tasks: new Map(),
      unreachableTasks: new Map(),
      completedTasks: [],
      registeredAtMs: nowMs,
      reregisteredAtMs: undefined,
    }
    this.frameworks.set(id, framework)
    return framework
  }

  addTask(framework: Framework, agent: Agent, task: MasterTask): void {
    framework.tasks.set(task.info.task_id.value, task)
    agent.tasks.add(task)
  }

  executor(agent: Agent, frameworkId: string, executorId: string): MasterExecutor | undefined {
    return agent.executors.get(frameworkId)?.get(executorId)
  }

  addExecutor(agent: Agent, frameworkId: string, info: ExecutorInfo): MasterExecutor {
    const executor = { info, resources: Resources.of(info.resources) }
    const known = agent.executors.get(frameworkId) ?? new Map<string, MasterExecutor>()
    known.set(info.executor_id.value, executor)
    agent.executors.set(frameworkId, known)
    return executor
  }

  removeExecutor(agent: Agent, frameworkId: string, executorId: string): MasterExecutor | undefined {
    const known = agent.executors.get(frameworkId)
    const executor = known?.get(executorId)
    known?.delete(executorId)
    if (known?.size === 0) agent.executors.delete(frameworkId)
    return executor
  }
}

/** A task message as endpoints and agents describe it. */
export function taskOf(message: Task): MasterTask {
  const { statuses, ...rest } = message
  return {
    info: rest,
    frameworkId: message.framework_id.value,
    agentId: message.agent_id.value,
    executorId: message.executor_id?.value,
    resources: Resources.of(message.resources),
    state: message.state,
    forwarded: undefined,
    statuses: [...(statuses ?? [])],
  }
}
