// A task's output for whoever asks: finds the attempt and its folder, reads it through the agent, and falls back to the
// bytes that the record keeps where the folder is gone. Asks use cases and agents; writes nothing.
import { MesosError } from 'mesos-http-client'
import { isTerminal, type Attempt } from '../domain/task.ts'
import type { LogTails, TaskView } from '../usecases/types.ts'
import { RotatedLog, type AgentFiles, type LogStart, type LogStream } from './rotated-log.ts'

export interface TaskLogDeps {
  getTask(args: { tenant: string; id: number }): Promise<TaskView | undefined>
  readLogTails(args: { tenant: string; id: number; attempt: number }): Promise<LogTails | undefined>
  /** For an agent at `http://host:port`. */
  filesOf(agentUrl: string): AgentFiles
  /** Resolves after `ms`, or as soon as `signal` is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export interface LogQuery {
  readonly tenant: string
  readonly id: number
  readonly stream: LogStream
  /** The newest one if absent. */
  readonly attempt?: number
}

export type LogErrorCode =
  | 'task_not_found'
  | 'attempt_not_found'
  /** Nothing ran yet. */
  | 'output_not_yet'
  /** Nothing ran, nor will. */
  | 'no_output'
  | 'output_gone'
  | 'agent_failed'
  | 'agent_timeout'

export class LogError extends Error {
  readonly code: LogErrorCode

  constructor(code: LogErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.name = 'LogError'
    this.code = code
  }
}

export interface LogContent {
  readonly attempt: number
  /** `record`: only the last bytes, kept with the record because the agent's files can't be read any more. */
  readonly source: 'agent' | 'record'
  readonly bytes: AsyncIterable<Uint8Array>
}

/** The output up to its present end. Rejects with LogError before the first byte; later failures end the iteration. */
export async function readTaskLog(deps: TaskLogDeps, query: LogQuery, start: LogStart): Promise<LogContent> {
  const task = await deps.getTask(query)
  if (task === undefined) throw new LogError('task_not_found', `there is no task ${query.id}`)
  const attempt = attemptOf(task, query.attempt)
  if (attempt?.sandbox === undefined) throw nothingYet(task, attempt)
  const at = { files: deps.filesOf(attempt.agentUrl), folder: attempt.sandbox, stream: query.stream }
  try {
    const bytes = (await RotatedLog.open(at, start)).toEnd()
    // What can't be read at all is told before an answer begins.
    const first = await bytes.next()
    return { attempt: attempt.number, source: 'agent', bytes: after(first, bytes) }
  } catch (error) {
    const failure = agentError(error, attempt)
    const kept = hasEnded(task, attempt) ? await keptBytes(deps, query, attempt) : undefined
    if (kept === undefined) throw failure
    return { attempt: attempt.number, source: 'record', bytes: once(kept) }
  }
}

async function* after(
  first: IteratorResult<Uint8Array, void>,
  rest: AsyncGenerator<Uint8Array, void>,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.done !== true) yield first.value
    yield* rest
  } finally {
    await rest.return()
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** The last bytes that the record keeps of this attempt. */
export async function keptBytes(
  deps: TaskLogDeps,
  query: LogQuery,
  attempt: Attempt,
): Promise<Uint8Array | undefined> {
  const tails = await deps.readLogTails({ tenant: query.tenant, id: query.id, attempt: attempt.number })
  return tails?.[query.stream]
}

/** Undefined where the task has none yet; throws where a number was asked for that is not there. */
export function attemptOf(task: TaskView, number: number | undefined): Attempt | undefined {
  if (number === undefined) return task.attempts.at(-1)
  const attempt = task.attempts.find(one => one.number === number)
  if (attempt === undefined)
    throw new LogError('attempt_not_found', `task ${task.id} has no attempt ${number}`)
  return attempt
}

export function hasEnded(task: TaskView, attempt: Attempt): boolean {
  return attempt.finishedAt !== undefined || attempt.number < task.attempt || isTerminal(task.state)
}

function nothingYet(task: TaskView, attempt: Attempt | undefined): LogError {
  const ended = attempt === undefined ? isTerminal(task.state) : hasEnded(task, attempt)
  if (ended)
    return new LogError('no_output', `nothing of task ${task.id} ran that could have written anything`)
  return new LogError('output_not_yet', `task ${task.id} is ${task.state}: nothing of it has run yet`)
}

/** What a failure to read means for the one who asked. */
export function agentError(error: unknown, attempt: Attempt): LogError {
  const where = `the agent ${attempt.hostname} (${attempt.agentUrl})`
  if (!(error instanceof MesosError)) throw error
  switch (error.code) {
    case 'not_found':
      return new LogError(
        'output_gone',
        `${where} has deleted the folder of attempt ${attempt.number}`,
        error,
      )
    case 'timeout':
      return new LogError('agent_timeout', `${where} did not answer in time`, error)
    case 'unauthenticated':
    case 'forbidden':
      return new LogError(
        'agent_failed',
        `${where} does not let Juice read its files: JUICE_MESOS_AGENT_PRINCIPAL and JUICE_MESOS_AGENT_SECRET must name someone who may`,
        error,
      )
    default: {
      // The client speaks of its own option.
      const why = error.message.replaceAll('`ca`', 'JUICE_MESOS_CA_FILE')
      return new LogError('agent_failed', `${where} could not be asked: ${why}`, error)
    }
  }
}
