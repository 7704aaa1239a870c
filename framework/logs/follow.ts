// A task's output as it comes, over all its attempts, until nothing can come any more. Polls the agent gently, outlasts
// restarts of agents and of the database, and tells what it waits for. Stops at once when its signal is aborted.
import { isTerminal, type Attempt } from '../domain/task.ts'
import type { TaskView } from '../usecases/types.ts'
import { RotatedLog, type LogStart } from './rotated-log.ts'
import {
  agentError,
  attemptOf,
  hasEnded,
  keptBytes,
  LogError,
  type LogQuery,
  type TaskLogDeps,
} from './task-log.ts'

export type LogEvent =
  /** `position`: bytes of the attempt's stream up to the end of these. */
  | {
      readonly type: 'bytes'
      readonly attempt: number
      readonly position: number
      readonly bytes: Uint8Array
    }
  /** Nothing new for a while; for people and to keep connections alive. */
  | { readonly type: 'waiting'; readonly why: string }
  /** It can't go on; what is missing may still be had later. */
  | { readonly type: 'failed'; readonly why: string }
  /** All was sent, and nothing more will come. */
  | { readonly type: 'end' }

export interface FollowOptions {
  readonly signal: AbortSignal
  /** From where in the first attempt that is read. */
  readonly start: LogStart
  /** That first attempt, where it is not the newest one. `query.attempt` in contrast names the only one. */
  readonly fromAttempt?: number
}

const firstPauseMs = 200
const longestPauseMs = 2000
/** Before the attempt runs: its first line should be seen as it comes. */
const longestPauseBeforeStartMs = 400
const longestRetryMs = 30_000
const sayWaitingAfterMs = 15_000
/** Failures in a row before it gives up: about ten minutes, but half a minute where nothing runs any more. */
const failuresBorne = 24
const failuresBorneAfterEnd = 5

/** Rejects with LogError only where the task or the attempt asked for does not exist, before the first event. */
export async function* followTaskLog(
  deps: TaskLogDeps,
  query: LogQuery,
  options: FollowOptions,
): AsyncGenerator<LogEvent> {
  const { signal } = options
  const follower = await Follower.start(deps, query, options)
  let pauseMs = firstPauseMs
  let silentMs = 0
  let failures = 0
  while (!signal.aborted) {
    const step = await follower.step()
    switch (step.type) {
      case 'bytes':
        yield step
        pauseMs = firstPauseMs
        silentMs = 0
        failures = 0
        continue
      case 'end':
        yield step
        return
      case 'idle':
        failures = 0
        await deps.sleep(pauseMs, signal)
        silentMs += pauseMs
        pauseMs = Math.min(follower.hasStarted ? longestPauseMs : longestPauseBeforeStartMs, pauseMs * 1.5)
        if (silentMs >= sayWaitingAfterMs) {
          silentMs = 0
          yield { type: 'waiting', why: step.why }
        }
        break
      case 'failure':
        if (++failures > step.borne) {
          yield* follower.lastWords()
          yield { type: 'failed', why: step.why }
          return
        }
        yield { type: 'waiting', why: step.why }
        await deps.sleep(Math.min(longestRetryMs, 500 * 2 ** failures), signal)
        break
    }
    await follower.refresh()
  }
}

type Step =
  | (LogEvent & { readonly type: 'bytes' | 'end' })
  | { readonly type: 'idle'; readonly why: string }
  | { readonly type: 'failure'; readonly why: string; readonly borne: number }

/** Where the reading is: a record as last read, an attempt of it, and that attempt's log once it is open. */
class Follower {
  readonly #deps: TaskLogDeps
  readonly #query: LogQuery
  #task: TaskView
  #number: number | undefined
  #start: LogStart
  #log: RotatedLog | undefined
  #storeError: Error | undefined

  static async start(deps: TaskLogDeps, query: LogQuery, options: FollowOptions): Promise<Follower> {
    const task = await deps.getTask(query)
    if (task === undefined) throw new LogError('task_not_found', `there is no task ${query.id}`)
    return new Follower(deps, query, options, task)
  }

  private constructor(deps: TaskLogDeps, query: LogQuery, options: FollowOptions, task: TaskView) {
    this.#deps = deps
    this.#query = query
    this.#start = options.start
    this.#task = task
    const resumed = task.attempts.find(attempt => attempt.number === options.fromAttempt)
    this.#number = attemptOf(task, query.attempt ?? resumed?.number)?.number
  }

  get hasStarted(): boolean {
    return this.#attempt?.startedAt !== undefined
  }

  async step(): Promise<Step> {
    const attempt = this.#attempt
    const ended = attempt === undefined ? isTerminal(this.#task.state) : hasEnded(this.#task, attempt)
    if (this.#storeError !== undefined)
      return { type: 'failure', why: 'the record of the task cannot be read now', borne: failuresBorne }
    if (attempt?.sandbox !== undefined) {
      try {
        const bytes = await this.#read(attempt, attempt.sandbox)
        if (bytes.length > 0)
          return { type: 'bytes', attempt: attempt.number, position: this.#log?.position ?? 0, bytes }
      } catch (error) {
        const failure = agentError(error, attempt)
        const borne = failure.code === 'output_gone' ? 0 : failuresBorneAfterEnd
        return { type: 'failure', why: failure.message, borne: ended ? borne : failuresBorne }
      }
    }
    if (ended && this.#moveOn()) return await this.step()
    const last = this.#query.attempt !== undefined || isTerminal(this.#task.state)
    return ended && last
      ? { type: 'end' }
      : { type: 'idle', why: `task ${this.#task.id} is ${this.#task.state}` }
  }

  /** Reads the record again; where that fails the next step says so. */
  async refresh(): Promise<void> {
    try {
      this.#task = (await this.#deps.getTask(this.#query)) ?? this.#task
      this.#number ??= attemptOf(this.#task, this.#query.attempt)?.number
      this.#storeError = undefined
    } catch (error) {
      this.#storeError = error instanceof Error ? error : new Error(String(error))
    }
  }

  /** What the record keeps of an attempt whose files were never read. */
  async *lastWords(): AsyncGenerator<LogEvent> {
    const attempt = this.#attempt
    if (attempt === undefined || this.#log !== undefined || this.#storeError !== undefined) return
    const bytes = await keptBytes(this.#deps, this.#query, attempt)
    if (bytes !== undefined) yield { type: 'bytes', attempt: attempt.number, position: bytes.length, bytes }
  }

  get #attempt(): Attempt | undefined {
    return this.#task.attempts.find(attempt => attempt.number === this.#number)
  }

  async #read(attempt: Attempt, folder: string): Promise<Uint8Array> {
    const files = this.#deps.filesOf(attempt.agentUrl)
    this.#log ??= await RotatedLog.open({ files, folder, stream: this.#query.stream }, this.#start)
    return await this.#log.next()
  }

  /** To the next attempt, where there is one and nobody asked for this one alone. */
  #moveOn(): boolean {
    if (this.#query.attempt !== undefined) return false
    const next = this.#task.attempts.find(attempt => attempt.number > (this.#number ?? 0))
    if (next === undefined) return false
    this.#number = next.number
    this.#start = { position: 0 }
    this.#log = undefined
    return true
  }
}
