// The words in which edges and the scheduler's loop speak with the use cases. Types only.
import type { TaskOutcome } from '../../proto/payload.ts'
import type { TaskSpec } from '../domain/spec.ts'
import type { Attempt, Blame, Task, TaskState } from '../domain/task.ts'

/** A task as an answer shows it; `attempts` oldest first. Edges leave out what is not public (failures, agentUrl, …). */
export type TaskView = Task & { readonly attempts: readonly Attempt[] }

export interface TaskPage {
  readonly items: readonly TaskView[]
  readonly nextCursor: string | null
}

export interface PendingTask {
  readonly taskId: number
  readonly name: string
  readonly tenant: string
  readonly priority: number
  readonly queuedAt: Date
  /** Not to be launched before. */
  readonly notBefore?: Date
  readonly spec: TaskSpec
  /** Number of the newest attempt, 0 before the first: the next one is `attempt + 1`. */
  readonly attempt: number
}

export interface PendingTasks {
  /** By task id. */
  readonly tasks: readonly PendingTask[]
  /** Pass it as `since` to learn what was queued after this reading (some may come again: take them by id). */
  readonly horizon: string
}

export interface Intent {
  readonly taskId: number
  /** `PendingTask.attempt + 1`; an intent for another number does not come back. */
  readonly attempt: number
  readonly mesosTaskId: string
  readonly agentId: string
  readonly hostname: string
  /** `http://host:port` */
  readonly agentUrl: string
  readonly executorId: string
  readonly executorGeneration: number
}

export interface StatusUpdate {
  readonly mesosTaskId: string
  readonly agentId?: string
  /** Mesos' name, `TASK_…`. */
  readonly state: string
  /** Mesos' name with or without `REASON_`. */
  readonly reason?: string
  /** `SOURCE_MASTER`, `SOURCE_AGENT` (or `SOURCE_SLAVE`), `SOURCE_EXECUTOR`. */
  readonly source?: string
  readonly message?: string
  readonly healthy?: boolean
  readonly uuid?: Uint8Array
  readonly timestampMs?: number
  /** `TaskStatus.data`, decoded. */
  readonly outcome?: TaskOutcome
  /** The executor is dead and its containers are known to be gone (S76: status 768 of the FAILURE event). */
  readonly executorGone?: boolean
  readonly isReconciliation: boolean
}

export interface UpdateResult {
  readonly mesosTaskId: string
  /**
   * `ignored`: nothing to change (S54, S55). `rejected`: impossible for the task as it is, or could not be stored even
   * cleaned; `error` says why, and it belongs in the log. All three are to be acknowledged.
   */
  readonly effect: 'applied' | 'ignored' | 'rejected'
  /** Alive, but not current: kill it (S51, S57). */
  readonly kill: boolean
  readonly taskId?: number
  readonly tenant?: string
  readonly name?: string
  /** The task's state afterwards. `QUEUED`: it waits again (see `loadPending`). */
  readonly taskState?: TaskState
  readonly previousTaskState?: TaskState
  /** Set where this update ended the attempt. */
  readonly blame?: Blame
  /** The reason under which a fault of Mesos or ours was counted. */
  readonly fault?: string
  /** A reason that blame.ts does not list: count it in a metric. */
  readonly unknownReason?: string
  /** The agent's executors must be of this generation from now on. */
  readonly executorGeneration?: { readonly agentId: string; readonly generation: number }
  /** Stored without text that PostgreSQL refused. */
  readonly sanitised?: true
  readonly error?: string
}

export interface TimerResult {
  /** Waited longer than `maxQueueSeconds`. */
  readonly expired: readonly number[]
  /** Their agent stayed away, or the details of their end did not come: these wait again, or ended. */
  readonly abandoned: readonly number[]
  /** Ran longer than `maxRuntimeSeconds` although the executor should have ended them: see `loadKills`. */
  readonly overran: readonly number[]
  /** When to come again at the latest; absent where no timer runs. */
  readonly nextAt?: Date
}

export interface ExecutorLossResult {
  /** New executors on this agent must be of this generation. */
  readonly generation: number
  /** Tasks that no longer wait for its containers. */
  readonly released: readonly number[]
}

export interface ExecutorGeneration {
  readonly generation: number
  readonly since: Date
}

export interface FrameworkRecord {
  readonly name: string
  readonly frameworkId: string
  /** What must never change on a later subscription (S24). */
  readonly principal?: string
  readonly user: string
  readonly checkpoint: boolean
  readonly capabilities: readonly string[]
}

/** One line of the event log. */
export interface EventRecord {
  /** Resume after this one. */
  readonly cursor: string
  readonly at: Date
  readonly tenant: string
  readonly taskId: number
  readonly name: string
  /** `submitted`, `state` or `kill_requested`. */
  readonly type: string
  readonly state: TaskState
  readonly attempt: number
  readonly message?: string
}

/** A callback that is due. The body is for the deliverer to write, from the snapshot that belongs to the event. */
export interface DueCallback {
  /** Also the id by which receivers tell a repeated delivery. */
  readonly outboxId: number
  readonly tenant: string
  readonly url: string
  /** Of the task as it was at the event; `attempts` holds only the current attempt. */
  readonly task: Omit<TaskView, 'spec'>
  /** This try, from 1. */
  readonly tries: number
  readonly createdAt: Date
}

export interface CallbackResult {
  readonly outboxId: number
  readonly outcome:
    | { readonly name: 'delivered'; readonly status: number }
    | { readonly name: 'retry'; readonly at: Date; readonly status?: number; readonly error: string }
    | { readonly name: 'dead'; readonly status?: number; readonly error: string }
  readonly startedAt: Date
  readonly durationMs: number
}

export interface LogTails {
  readonly attempt: number
  readonly stdout?: Uint8Array
  readonly stderr?: Uint8Array
}
