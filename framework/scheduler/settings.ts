// What a term of leadership is given: settings as plain values, and the other parts as narrow interfaces. Types only.
import type { FrameworkInfo, SchedulerEvent, SchedulerPhase } from 'mesos-http-client'
import type { Logger } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Placement, PlacementPolicy } from '../placement/types.ts'
import type { MesosCalls } from './calls.ts'
import type { ExecutorTemplate } from './executor-info.ts'
import type { FrameworkSettings } from './framework-info.ts'
import type { LeaderStore } from './leader-store.ts'
import type { AgentScheme } from './offer-snapshot.ts'

/** Mesos' side of a term: SchedulerClient, or a recorded one. */
export interface MesosConnection extends MesosCalls {
  start(): void
  /** Stop reading the event stream, and go on (S19). */
  pause(): void
  resume(): void
  close(): Promise<void>
}

export interface ConnectOptions {
  readonly frameworkInfo: FrameworkInfo
  readonly frameworkId?: string
  readonly suppressedRoles: () => readonly string[]
  readonly onEvent: (event: SchedulerEvent) => void
  readonly onPhase: (phase: SchedulerPhase) => void
}

export interface SchedulerSettings {
  readonly framework: FrameworkSettings
  /** `diskMb` 0: it asks for no disk. */
  readonly executor: ExecutorTemplate & PlacementPolicy['executor']
  /** How agents' logs are read: as the masters are spoken to. */
  readonly agentScheme: AgentScheme
  /** On how many agents an executor may be starting at once. */
  readonly coldAgents: number
  /** Silence of a launched attempt before the master is asked (S50). */
  readonly launchTimeoutMs: number
  /** How often the store is looked at where no hint came. */
  readonly pollMs: number
}

export interface TermOptions {
  readonly settings: SchedulerSettings
  readonly store: LeaderStore
  /** Before anything else: says why the term must not begin, if so (S16). See origin.ts. */
  readonly settleOrigin: () => Promise<string | undefined>
  readonly connect: (options: ConnectOptions) => MesosConnection
  readonly placement: Placement
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
  readonly log: Logger
  readonly metrics: Metrics
}

/** Why a term is over. */
export type TermEnd =
  /** Another process leads. */
  | { readonly name: 'lease_lost' }
  /** Another scheduler has subscribed with our framework id (S15). */
  | { readonly name: 'failed_over'; readonly message: string }
  /** Mesos has removed the framework (S16); `live`: attempts that were starting or running then. */
  | { readonly name: 'removed'; readonly frameworkId: string; readonly live: number }
  /** Another Mesos cluster or database than the framework id came from, and nobody confirmed it (S16). */
  | { readonly name: 'origin_refused'; readonly message: string }
  /** Mesos will not have us, or we must not ask: only another configuration helps (S18, S23, S24). */
  | { readonly name: 'refused'; readonly message: string }
