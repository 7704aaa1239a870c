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

/** The states of a task that stands in the live table and waits. */
export function isWaiting(state: TaskState): state is 'BLOCKED' | 'QUEUED' {
  return state === 'BLOCKED' || state === 'QUEUED'
}

/** The earliest moment at which a queued task may be launched, if any. */
export function launchableAt(task: Pick<Task, 'notBefore' | 'hold'>): Date | undefined {
  const { notBefore, hold } = task
  if (!notBefore || !hold) return notBefore ?? hold?.until
  return notBefore > hold.until ? notBefore : hold.until
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
  /** Executors of one agent are counted up: one of a higher generation started after every lower one was given up. */
  readonly executorGeneration: number
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
  /** When its intent was committed. */
  readonly launchedAt: Date
  readonly lastUpdateAt?: Date
  /**
   * Since when `state` is a word of Mesos that may change again (S56: away), or that its details are on their way (a
   * reconciliation answered with a terminal state, S58).
   */
  readonly unsettledSince?: Date
  readonly startedAt?: Date
  /** Present if and only if it is over for us. */
  readonly finishedAt?: Date
}

/** The current attempt of a task, by what Mesos is asked about it with (S66). */
export interface CurrentAttempt {
  readonly taskId: number
  readonly mesosTaskId: string
  readonly agentId: string
}

/** A task waits because the executor of its last attempt died and the container may still run (invariant 7). */
export interface Hold {
  readonly agentId: string
  readonly executorId: string
  /** An executor of this generation or higher on that agent started later, and has swept. */
  readonly generation: number
  readonly until: Date
}

/** The part of a spec that decides what becomes of the task; the rest is for placement and executor. */
export type TaskPolicy = Pick<
  TaskSpec,
  'retry' | 'callback' | 'maxRuntimeSeconds' | 'maxQueueSeconds' | 'killGraceSeconds'
>

/** A task as transitions see it: a whole task is one too. */
export type TaskCore = Omit<Task, 'spec'> & { readonly spec: TaskPolicy }

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
  /** Backoff: not launched before this moment. */
  readonly notBefore?: Date
  readonly hold?: Hold
  /** Set once the executor should have ended the current attempt for its run time and has not. */
  readonly overranAt?: Date
  /** Said in the record for ever: why a second run could not be excluded. */
  readonly caveat?: string
  /** Waiting that was over before the current wait began, in ms; `maxQueueSeconds` counts all of it. */
  readonly waitedMs: number
  /** When the current wait began; absent while an attempt is current. */
  readonly queuedAt?: Date
  readonly submittedAt: Date
  readonly startedAt?: Date
  readonly finishedAt?: Date
}
