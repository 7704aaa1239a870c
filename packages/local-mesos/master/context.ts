// What every module of the master works with. No behaviour of its own.
import type { TaskStatus } from 'mesos-http-client'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Allocator } from './allocator.ts'
import type { MasterMetrics } from './metrics.ts'
import type { Registry } from './registry.ts'
import type { Agent, Framework, MasterState, MasterTask } from './state.ts'

export interface MasterSettings {
  /** Where agents are reached, as offers and pages tell it. */
  readonly ip: string
  readonly allocationIntervalMs: number
  /** `manual`: nobody but the owner starts a round. */
  readonly allocation: 'interval' | 'manual'
  readonly heartbeatMs: number
  /** A disconnected agent is unreachable after this. */
  readonly agentTimeoutMs: number
  /** After a start of the master, agents of the registry have this long to come back. */
  readonly agentReregisterTimeoutMs: number
}

/** What operators hear of. */
export type MasterChange =
  | { readonly type: 'TASK_ADDED'; readonly task: MasterTask }
  | { readonly type: 'TASK_UPDATED'; readonly task: MasterTask; readonly status: TaskStatus }
  | {
      readonly type: 'FRAMEWORK_ADDED' | 'FRAMEWORK_UPDATED' | 'FRAMEWORK_REMOVED'
      readonly framework: Framework
    }
  | { readonly type: 'AGENT_ADDED' | 'AGENT_REMOVED'; readonly agent: Agent }

export interface MasterContext {
  readonly state: MasterState
  readonly allocator: Allocator
  readonly registry: Registry
  readonly metrics: MasterMetrics
  readonly settings: MasterSettings
  readonly clock: Clock
  readonly log: Log
  /** Offers what is free now, as an event does in Mesos, without waiting for the interval. */
  readonly allocate: () => void
  readonly observers: Set<(change: MasterChange) => void>
  /** Tells all observers. */
  readonly changed: (change: MasterChange) => void
}
