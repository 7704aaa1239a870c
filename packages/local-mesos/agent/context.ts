// What every module of an agent works with. No behaviour of its own.
import type { AgentInfo, DrainConfig, FrameworkInfo, Resource, TaskInfo } from 'mesos-http-client'
import type { Clock } from '../core/clock.ts'
import type { ToMaster } from '../core/cluster.ts'
import type { Log } from '../core/log.ts'
import type { IsolationSettings } from './isolation.ts'
import type { Attachments } from './attachments.ts'
import type { Journal } from './journal.ts'
import type { AgentFramework, Container, Executor, Termination } from './state.ts'
import type { UpdateStreams } from './update-streams.ts'

export interface AgentSettings {
  /** The agent's own, for executors and in container_status. */
  readonly ip: string
  readonly updateRetryMs: number
  readonly executorRegistrationTimeoutMs: number
  readonly executorReregistrationTimeoutMs: number
  readonly executorShutdownGraceMs: number
  /** What executors are told as MESOS_RECOVERY_TIMEOUT. */
  readonly recoveryTimeoutMs: number
  /** Absent: nothing is held against its limits. */
  readonly isolation?: IsolationSettings
}

/** How a container ended: a raw wait status, and a verdict for its tasks where it never came up. */
export interface ContainerEnd {
  readonly status: number
  readonly termination?: Termination
}

export interface LaunchEvents {
  readonly started: (pid: number) => void
  readonly exited: (end: ContainerEnd) => void
}

export interface Launcher {
  /**
   * Starts what runs the executor and returns at once; `exited` is called once, when all of it has ended.
   * `task` is the one that the executor is started for.
   */
  launch(executor: Executor, framework: FrameworkInfo, task: TaskInfo, events: LaunchEvents): Container
  /** Takes up an executor of before the agent's restart. */
  recover(
    executor: Executor,
    pid: number,
    startTime: string | undefined,
    exited: (end: ContainerEnd) => void,
  ): Container
}

export type AgentPhase = 'recovering' | 'disconnected' | 'running' | 'stopped'

export interface AgentContext {
  phase: AgentPhase
  /** With its id once it has one. */
  info: AgentInfo
  /** Its resources with dynamic reservations. */
  total: readonly Resource[]
  readonly workDir: string
  /** While an operator drains the agent, until nothing is left here. */
  drain: DrainConfig | undefined
  readonly frameworks: Map<string, AgentFramework>
  completedFrameworks: AgentFramework[]
  readonly streams: UpdateStreams
  readonly attachments: Attachments
  readonly journal: Journal
  readonly settings: AgentSettings
  readonly clock: Clock
  readonly log: Log
  readonly launcher: Launcher
  readonly newUuid: () => string
  /** Sends if there is a registered link, else the message is lost. */
  readonly send: (message: ToMaster) => void
  /** Tells observers that executors came, changed or went. */
  readonly changed: () => void
}

export function agentId(context: AgentContext): string {
  return context.info.id?.value ?? ''
}
