// What the executor's state machine knows, hears and orders. Types only, and the state that it begins with.
import type { ExecutorCallUpdate, TaskInfo, TaskStatus } from 'mesos-http-client'
import type { TaskPayload } from '../../proto/payload.ts'
import type { TaskEnd, TaskStart } from '../types.ts'

/** What never changes while the executor lives. */
export interface MachineConfig {
  /** Ours; the agent does not add it to updates by itself. */
  readonly executorId: string
  /** Folder that holds one folder for each task, as the agent's /files knows it. */
  readonly tasksDir: string
  /** MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: the agent sends SIGKILL this long after SHUTDOWN (E38). */
  readonly shutdownGraceMs: number
  /** How long acknowledgements are waited for after SHUTDOWN, once all tasks have ended. */
  readonly lastWordsMs: number
  /** Where neither KILL nor the task names one (E27). */
  readonly defaultKillGraceMs: number
  /** After SIGKILL (or the engine's kill) is due: how long a task may still not be gone before that is reported. */
  readonly killPatienceMs: number
  /** From the end of a task to its last update: reading its result, removing its container. */
  readonly finishPatienceMs: number
  /** An update that the agent took but did not acknowledge goes out again after this; the wait doubles each time. */
  readonly resendMs: number
  readonly resendMaxMs: number
  /** After so many tries it is left to the next SUBSCRIBE: Mesos never acknowledges some updates (E15). */
  readonly resendLimit: number
  /** A call that failed is tried again after this (E10). */
  readonly retryMs: number
}

export const defaultConfig: Omit<MachineConfig, 'executorId' | 'tasksDir' | 'shutdownGraceMs'> = {
  lastWordsMs: 5000,
  defaultKillGraceMs: 10_000,
  killPatienceMs: 60_000,
  finishPatienceMs: 60_000,
  resendMs: 10_000,
  resendMaxMs: 80_000,
  resendLimit: 8,
  retryMs: 500,
}

export interface State {
  readonly config: MachineConfig
  readonly phase: Phase
  readonly connection: Connection
  /** In the order of their launch. A task leaves when its last update is acknowledged. */
  readonly tasks: ReadonlyMap<string, Task>
  /** Ids of tasks that left, the newest last: a repeated LAUNCH or KILL of one changes nothing (E25, E28). */
  readonly gone: readonly string[]
  /** Whether the framework knows TASK_KILLING (E17), and how long to stay without work; told by SUBSCRIBED. */
  readonly terms: { readonly killingState: boolean; readonly idleTimeoutMs: number }
  /** Tasks that were given up though something of them may still be there: the parent process must clean. */
  readonly abandoned: number
}

/** All times are of the monotonic clock unless they say `wall`. */
export type Phase =
  /** The start sweep is not over: launched tasks wait, unannounced. */
  | { readonly name: 'sweeping' }
  | { readonly name: 'working' }
  | { readonly name: 'idle'; readonly sinceMs: number }
  | { readonly name: 'stopping'; readonly deadlineMs: number }
  | { readonly name: 'stopped' }

export type Connection = 'down' | 'up' | 'lost'

export interface Task {
  readonly id: string
  /** Absent for one that was never launched here. */
  readonly info?: TaskInfo
  readonly phase: TaskPhase
  readonly updates: readonly PendingUpdate[]
  /** Whether the agent acknowledged any update: if not, SUBSCRIBE lists the task itself too (E9, E20). */
  readonly confirmed: boolean
}

export type TaskPhase =
  | { readonly name: 'waiting'; readonly work: Work }
  | { readonly name: 'preparing'; readonly work: Work }
  | { readonly name: 'running'; readonly work: Work; readonly start: TaskStart }
  | { readonly name: 'killing'; readonly work: Work; readonly start?: TaskStart; readonly kill: Kill }
  | {
      readonly name: 'finishing'
      readonly work: Work
      readonly start?: TaskStart
      readonly kill?: Kill
      readonly end: TaskEnd
      readonly giveUpMs: number
    }
  | { readonly name: 'ended' }

export interface Work {
  readonly payload: TaskPayload
  /** When it has run long enough; Infinity where nothing limits it. `limitMs` is what people are told. */
  readonly deadlineMs: number
  readonly limitMs: number
}

export interface Kill {
  readonly cause: 'requested' | 'shutdown' | 'max_runtime'
  /** When KILL follows TERM. */
  readonly graceEndsMs: number
}

export interface PendingUpdate {
  /** Hexadecimal; the status has its bytes. */
  readonly uuid: string
  readonly status: TaskStatus
  /** How often the agent took it. */
  readonly taken: number
  readonly delivery: Delivery
}

export type Delivery =
  | { readonly name: 'queued' }
  | { readonly name: 'sending' }
  /** In the SUBSCRIBE that is under way. */
  | { readonly name: 'listed' }
  | { readonly name: 'taken'; readonly resendAtMs: number }
  | { readonly name: 'failed'; readonly retryAtMs: number }
  /** Not sent again until the next SUBSCRIBE. */
  | { readonly name: 'unanswered' }

/** What was found out about a task between its end and its last update. */
export interface Findings {
  readonly resultJson?: string
  readonly resultError?: string
  readonly stdoutTail?: Uint8Array
  readonly stderrTail?: Uint8Array
}

export type Event =
  /** A SUBSCRIBE is being written with the list of unacknowledged(state). */
  | { readonly type: 'subscribing' }
  | { readonly type: 'subscribed'; readonly killingState: boolean; readonly idleTimeoutMs: number }
  | { readonly type: 'disconnected' }
  /** For good: the recovery time-out is over, or there is no checkpoint (E32, E35). */
  | { readonly type: 'lost' }
  | { readonly type: 'swept' }
  | { readonly type: 'launch'; readonly task: TaskInfo }
  | { readonly type: 'launchGroup'; readonly tasks: readonly TaskInfo[] }
  | { readonly type: 'kill'; readonly taskId: string; readonly graceMs?: number }
  | { readonly type: 'acknowledged'; readonly taskId: string; readonly uuid: string }
  | { readonly type: 'shutdown' }
  | { readonly type: 'taskStarted'; readonly taskId: string; readonly start: TaskStart }
  /** The process or container is gone; findings follow. */
  | { readonly type: 'taskExited'; readonly taskId: string; readonly end: TaskEnd }
  | {
      readonly type: 'taskFinished'
      readonly taskId: string
      readonly end: TaskEnd
      readonly findings: Findings
    }
  | { readonly type: 'updateTaken'; readonly taskId: string; readonly uuid: string }
  | {
      readonly type: 'updateFailed'
      readonly taskId: string
      readonly uuid: string
      readonly retryable: boolean
    }
  /** Some deadline may have come; see nextWakeMs. */
  | { readonly type: 'tick' }

export type Action =
  | { readonly type: 'start'; readonly task: TaskInfo; readonly payload: TaskPayload }
  | { readonly type: 'kill'; readonly taskId: string; readonly graceMs: number }
  | {
      readonly type: 'send'
      readonly taskId: string
      readonly uuid: string
      readonly update: ExecutorCallUpdate
    }
  | {
      readonly type: 'log'
      readonly level: 'info' | 'warn' | 'error'
      readonly message: string
      readonly task?: string
    }
  | { readonly type: 'exit'; readonly code: number }

/** What a step takes from outside. */
export interface Surroundings {
  /** Monotonic. */
  readonly nowMs: number
  readonly wallMs: number
  /** 16 bytes of a valid RFC 4122 UUID (E15). */
  newUuid(): Uint8Array
}

export function initialState(config: MachineConfig, idleTimeoutMs: number): State {
  return {
    config,
    phase: { name: 'sweeping' },
    connection: 'down',
    tasks: new Map(),
    gone: [],
    terms: { killingState: false, idleTimeoutMs },
    abandoned: 0,
  }
}
