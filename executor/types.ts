// The words that the executor's parts share: a running task, its end, its logs, the settings. Types and constants only;
// nothing here does anything.
import type { FailureClass, TaskPayload } from '../proto/payload.ts'

/** A task that was started, or is being started, as a process group or as a container. */
export interface RunningTask {
  /**
   * Resolves when the process or container really runs. Where it never does, this stays pending or rejects (a rejection
   * is ignored), and `ended` says why.
   */
  readonly started: Promise<TaskStart>
  /** Resolves exactly once, whatever happens, and never rejects. A task that ran resolves `started` before. */
  readonly ended: Promise<TaskEnd>
  /**
   * Ends the task: TERM, `graceMs`, KILL (E27). Before the start it stops the preparation (a pull too); then `ended`
   * resolves without an exit code. Called again with a grace that would end earlier, the earlier end wins.
   */
  kill(graceMs: number): void
  /** Removes what is left of it (the container). Called once after `ended`; never rejects for what is gone already. */
  dispose(): Promise<void>
}

export interface TaskStart {
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number
  readonly containerId?: string
}

/** How a task ended, as facts: what it means for the task's state is decided in machine.ts. */
export interface TaskEnd {
  /** Absent where a signal ended it, or where it never ran. */
  readonly exitCode?: number
  /** Number of the signal that ended it. */
  readonly signal?: number
  readonly oom: boolean
  readonly containerId?: string
  readonly startedAtMs?: number
  readonly finishedAtMs: number
  /**
   * Which step failed where it is more than an exit code or a signal: FAILURE_IMAGE, FAILURE_START, FAILURE_URI,
   * FAILURE_DISK, FAILURE_OOM, FAILURE_ENGINE, FAILURE_EXECUTOR. Not to be set for a plain exit code or a kill.
   */
  readonly failure?: FailureClass
  /** A sentence for people that says why, for example the registry's error. */
  readonly message?: string
}

/** Where a task's output goes. A returned promise is back-pressure: read no more of that stream until it resolves. */
export interface LogSink {
  stdout(chunk: Uint8Array): void | Promise<void>
  stderr(chunk: Uint8Array): void | Promise<void>
  /** Resolves when all is written. What comes afterwards is dropped. */
  close(): Promise<void>
}

/** One line to the executor's own stderr; `fields` is JSON. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export type LogFields = Readonly<Record<string, unknown>>

/** Time, so that tests own it. */
export interface Clock {
  /** Milliseconds since the epoch, for what is written down. */
  wallMs(): number
  /** Milliseconds that never jump, for durations and deadlines. */
  monotonicMs(): number
  /** Calls back once after `delayMs`; the returned function cancels. The timer doesn't keep the process alive. */
  after(delayMs: number, callback: () => void): () => void
}

/** ExecutorSettings of ExecutorInfo.data with every default filled in (settings.ts). */
export interface Settings {
  /** Docker Engine API, for example `unix:///var/run/docker.sock`. */
  readonly dockerHost: string
  readonly commandUser: string
  /** A Docker config.json; absent: that of the executor's user. */
  readonly registryAuthFile?: string
  readonly logFileBytes: number
  readonly logFilesKept: number
  readonly sandboxRetentionMs: number
  readonly sandboxBudgetBytes: number
  readonly idleTimeoutMs: number
}

/** Labels of a task's container, all of them (E42). */
export interface ContainerLabels extends Readonly<Record<string, string>> {
  readonly 'juice.framework': string
  readonly 'juice.agent': string
  readonly 'juice.executor': string
  /** The task's own id, decimal. */
  readonly 'juice.task': string
  readonly 'juice.attempt': string
  readonly 'juice.mesos-task': string
  readonly 'juice.service': string
  /** UUID of the executor's process group; its living `run` process listens on the abstract socket `\0juice-<owner>`. */
  readonly 'juice.owner': string
  /** Inode number of the executor's network namespace, in which the owner's socket can be asked. */
  readonly 'juice.netns': string
  readonly 'juice.boot': string
}

/** Everything that starting one task needs; the runner makes it, command/ and docker/ take it. */
export interface TaskContext {
  readonly mesosTaskId: string
  readonly payload: TaskPayload
  /** Absolute path of the task's own folder on the agent. In a container it is mounted at `containerSandbox`. */
  readonly sandboxDir: string
  /** Complete and ready: TASK_ID, JUICE_*, APP_NAME, INSTANCE, MESOS_SANDBOX (right for its kind), PORT0…, the task's own. */
  readonly env: Readonly<Record<string, string>>
  readonly ports: TaskPorts
  readonly logs: LogSink
  readonly settings: Settings
  readonly labels: ContainerLabels
  readonly clock: Clock
  readonly logger: Logger
}

/** TaskPayload.ports, dealt out. */
export interface TaskPorts {
  /** Host port of each port mapping, in the order of `docker.port_mappings`. */
  readonly mapped: readonly number[]
  /** PORT0, PORT1, … */
  readonly free: readonly number[]
}

/** Where a container sees its sandbox. */
export const containerSandbox = '/mnt/mesos/sandbox'

/**
 * Environment variables by which every process of a command task is found again in /proc, whatever it does with
 * sessions and parents: the executor's owner id, and the Mesos task id.
 */
export const ownerVariable = 'JUICE_OWNER'
export const taskVariable = 'JUICE_MESOS_TASK_ID'

/** What the sweeps need of the Docker engine; docker/engine.ts has it. */
export interface ContainerEngine {
  list(filter: { labels: readonly string[] }): Promise<readonly ListedContainer[]>
  remove(id: string, options: { force: boolean; volumes: boolean }): Promise<void>
  close(): Promise<void>
}

export interface ListedContainer {
  readonly id: string
  readonly labels: Readonly<Record<string, string>>
}
