// One attempt of a task from LAUNCH to its last update: folder, URIs, process or container, result, clean-up. Tells the state
// machine what happened, and decides nothing about the task's state.
import type { TaskPayload } from '../proto/payload.ts'
import { UserError, type UnixUser } from './command/users.ts'
import { watchFolder } from './disk.ts'
import type { LogSize } from './disk-plan.ts'
import { fetchUris, FetchError, type FetchLimits } from './fetch.ts'
import { reasonOf } from './logger.ts'
import type { BlockPool } from './log-buffer.ts'
import { openTaskLogs, type TaskLogs } from './logs.ts'
import type { Event, Findings } from './machine/state.ts'
import { TaskFolder } from './sandbox.ts'
import { dealPorts, taskEnvironment } from './task-environment.ts'
import { containerSandbox } from './types.ts'
import type { Clock, ContainerLabels, Logger, RunningTask, Settings, TaskContext, TaskEnd } from './types.ts'

const mib = 1024 * 1024

/** What an attempt needs of the executor. */
export interface AttemptTools {
  readonly blocks: BlockPool
  readonly tasksDir: string
  readonly hostname: string
  readonly settings: Settings
  readonly clock: Clock
  readonly logger: Logger
  readonly fetchLimits: FetchLimits
  readonly diskCheckMs: number
  /** For the programs that help: unzip and the like. */
  readonly env: NodeJS.ProcessEnv
  labels(mesosTaskId: string, payload: TaskPayload): ContainerLabels
  user(name: string): Promise<UnixUser>
  startCommand(context: TaskContext, user: UnixUser): RunningTask
  /** Rejects where no container can be started; the message says why. */
  startContainer(context: TaskContext): Promise<RunningTask>
  /** Room for the logs of a task with that much disk of its own; `giveBack` when it has ended. */
  lendLogs(diskMb: number): { readonly size: LogSize; giveBack(): void }
  /**
   * Watches the folder of a task without disk of its own; `onExceeded` is called once, with a sentence for people, where
   * it has to go. The returned function ends the watch.
   */
  watchShared(dir: string, onExceeded: (message: string) => void): () => void
  /** The task's folder is not written to any more. Resolves when the executor's disk is in order. */
  folderEnded(dir: string): Promise<void>
}

export type TaskEvent = Event & { readonly type: 'taskStarted' | 'taskExited' | 'taskFinished' }

/** Runs at once; reports taskStarted (if it starts), taskExited and taskFinished, in this order, once each. */
export class Attempt {
  readonly #id: string
  readonly #payload: TaskPayload
  readonly #tools: AttemptTools
  readonly #report: (event: TaskEvent) => void
  readonly #killed = new AbortController()
  #task: RunningTask | undefined
  /** Why the executor itself ended it. */
  #overDisk: string | undefined

  constructor(
    mesosTaskId: string,
    payload: TaskPayload,
    tools: AttemptTools,
    report: (event: TaskEvent) => void,
  ) {
    this.#id = mesosTaskId
    this.#payload = payload
    this.#tools = tools
    this.#report = report
    void this.#run()
  }

  kill(graceMs: number): void {
    this.#killed.abort(new Error('killed before its start'))
    this.#task?.kill(graceMs)
  }

  async #run(): Promise<void> {
    let ended: string | undefined
    let endWatch: () => void = () => undefined
    let place: { readonly folder: TaskFolder; readonly logs: TaskLogs } | undefined
    let end: TaskEnd
    const room = this.#tools.lendLogs(this.#payload.diskMb ?? 0)
    try {
      const { folder, user } = await this.#folder()
      ended = folder.dir
      const onError = (stream: string, error: unknown): void =>
        this.#tools.logger.error('output is lost', { task: this.#id, stream, reason: reasonOf(error) })
      const logs = await openTaskLogs({
        dir: folder.dir,
        ...room.size,
        blocks: this.#tools.blocks,
        onError,
      })
      place = { folder, logs }
      endWatch = this.#watchDisk(folder.dir)
      end = await this.#work(folder, logs, user)
    } catch (error) {
      end = this.#failed(error)
    }
    endWatch()
    if (this.#overDisk !== undefined) end = { ...end, failure: 'FAILURE_DISK', message: this.#overDisk }
    this.#report({ type: 'taskExited', taskId: this.#id, end })
    const findings = place ? await this.#collect(place.folder, place.logs) : {}
    // Before the end is told: with it Mesos takes the task's disk out of what all of us may use.
    if (ended !== undefined) await this.#tools.folderEnded(ended)
    room.giveBack()
    this.#report({ type: 'taskFinished', taskId: this.#id, end, findings })
  }

  async #folder(): Promise<{ folder: TaskFolder; user: UnixUser | undefined }> {
    const { tasksDir, settings } = this.#tools
    const payload = this.#payload
    const user = payload.image
      ? undefined
      : await this.#tools.user(payload.commandUser || settings.commandUser)
    const owner = user
      ? ({ kind: 'user', uid: user.uid, gid: user.gid } as const)
      : ({ kind: 'container' } as const)
    return { folder: await TaskFolder.create(tasksDir, this.#id, owner), user }
  }

  async #work(folder: TaskFolder, logs: TaskLogs, user: UnixUser | undefined): Promise<TaskEnd> {
    const signal = this.#killed.signal
    const { fetchLimits, env } = this.#tools
    const maxBytes = this.#payload.diskMb ? this.#payload.diskMb * mib : fetchLimits.maxBytes
    await fetchUris({
      uris: this.#payload.uris ?? [],
      sandboxDir: folder.sandboxDir,
      owner: folder.owner,
      limits: { ...fetchLimits, maxBytes: Math.min(maxBytes, fetchLimits.maxBytes) },
      env,
      signal,
    })
    await folder.open()
    signal.throwIfAborted()
    const context = this.#context(folder, logs)
    const task = user ? this.#tools.startCommand(context, user) : await this.#tools.startContainer(context)
    this.#task = task
    // What came while the container was being asked for.
    if (signal.aborted) task.kill(0)
    task.started.then(
      start => this.#report({ type: 'taskStarted', taskId: this.#id, start }),
      () => undefined,
    )
    return task.ended
  }

  #context(folder: TaskFolder, logs: TaskLogs): TaskContext {
    const { hostname, settings, clock, logger } = this.#tools
    const payload = this.#payload
    const ports = dealPorts(payload)
    const sandbox = payload.image ? containerSandbox : folder.sandboxDir
    return {
      mesosTaskId: this.#id,
      payload,
      sandboxDir: folder.sandboxDir,
      env: taskEnvironment({ payload, hostname, sandbox, ports }),
      ports,
      logs,
      settings,
      labels: this.#tools.labels(this.#id, payload),
      clock,
      logger,
    }
  }

  #watchDisk(dir: string): () => void {
    const { diskMb = 0 } = this.#payload
    const overDisk = (message: string): void => {
      this.#overDisk = message
      this.kill(0)
    }
    if (diskMb === 0) return this.#tools.watchShared(dir, overDisk)
    return watchFolder({
      dir,
      limitBytes: diskMb * mib,
      intervalMs: this.#tools.diskCheckMs,
      clock: this.#tools.clock,
      onExceeded: bytes =>
        overDisk(
          `Out of disk: its folder has ${Math.ceil(bytes / mib)} MB or more, its limit is ${diskMb} MB`,
        ),
    })
  }

  #failed(error: unknown): TaskEnd {
    const end = { oom: false, finishedAtMs: this.#tools.clock.wallMs() }
    if (this.#killed.signal.aborted) return end
    const message = reasonOf(error)
    if (error instanceof FetchError) return { ...end, failure: 'FAILURE_URI', message }
    if (error instanceof UserError)
      return { ...end, failure: 'FAILURE_START', message: `The task can't be started: ${message}` }
    if (error instanceof ContainersUnavailable) return { ...end, failure: 'FAILURE_ENGINE', message }
    this.#tools.logger.error('an attempt failed within the executor', { task: this.#id, error })
    return { ...end, failure: 'FAILURE_EXECUTOR', message: `The executor failed: ${message}` }
  }

  /** Never rejects: an end is told even where nothing more can be found out. */
  async #collect(folder: TaskFolder, logs: TaskLogs): Promise<Findings> {
    const attempt = async (step: Promise<unknown>): Promise<void> => {
      try {
        await step
      } catch (error) {
        this.#tools.logger.error('cleaning up after a task failed', {
          task: this.#id,
          reason: reasonOf(error),
        })
      }
    }
    await attempt(folder.close())
    await attempt(logs.close())
    const { json, error } = await folder.readResult()
    if (this.#task) await attempt(this.#task.dispose())
    const { stdout, stderr } = logs.tails()
    return {
      ...(json === undefined ? {} : { resultJson: json }),
      ...(error === undefined ? {} : { resultError: error }),
      stdoutTail: stdout,
      stderrTail: stderr,
    }
  }
}

/** No container can be started on this agent now; whose fault that is: the engine's. */
export class ContainersUnavailable extends Error {
  override readonly name = 'ContainersUnavailable'
}
