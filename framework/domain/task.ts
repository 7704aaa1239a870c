// The record of a task and of its attempts, as every part of the framework speaks of them. Pure data; no I/O.
import type { TaskSpec } from './spec.ts'

export const liveStates = ['BLOCKED', 'QUEUED', 'LAUNCHING', 'RUNNING'] as const
export const terminalStates = ['FINISHED', 'FAILED', 'KILLED', 'EXPIRED', 'ERROR'] as const
export const taskStates = [...liveStates, ...terminalStates] as const

export type LiveState = (typeof liveStates)[number]
export type TerminalState = (typeof terminalStates)[number]
export type TaskState = LiveState | TerminalState

export function isTerminal(state: TaskState): state is TerminalState {
  return (terminalStates as readonly string[]).includes(state)
}

/** Whose fault an attempt's end was: only `task` counts against the task's retries. */
export type Blame = 'task' | 'mesos' | 'juice'

export interface Attempt {
  readonly number: number
  readonly mesosTaskId: string
  readonly agentId: string
  readonly hostname: string
  /** `http://host:port` of the agent, from its offer. */
  readonly agentUrl: string
  readonly executorId: string
  /** Mesos' own state, `TASK_…`; `INTENT` before anything came back. */
  readonly state: string
  readonly reason?: string
  readonly message?: string
  readonly blame?: Blame
  readonly exitCode?: number
  readonly signal?: number
  readonly oom?: boolean
  readonly containerId?: string
  /** The folder on the agent with stdout and stderr. */
  readonly sandbox?: string
  readonly launchedAt: Date
  readonly startedAt?: Date
  readonly finishedAt?: Date
}

export interface Task {
  /** Ordered, below 2^53. */
  readonly id: number
  readonly tenant: string
  readonly name: string
  readonly state: TaskState
  readonly spec: TaskSpec
  /** Number of the newest attempt; 0 before the first. Only that one is current. */
  readonly attempt: number
  /** Attempts that ended by the task's own fault. */
  readonly failures: number
  /** Attempts that ended by Mesos' or our fault, by reason: each reason has a cap. */
  readonly faults: Readonly<Record<string, number>>
  readonly message?: string
  readonly result?: unknown
  readonly exitCode?: number
  readonly killRequestedAt?: Date
  /** Not launched before this moment (backoff, or a container that may still run). */
  readonly notBefore?: Date
  /** Waiting that was over before the current wait began, in ms; `maxQueueSeconds` counts all of it. */
  readonly waitedMs: number
  /** When the current wait began; absent while an attempt is current. */
  readonly queuedAt?: Date
  readonly submittedAt: Date
  readonly startedAt?: Date
  readonly finishedAt?: Date
}
