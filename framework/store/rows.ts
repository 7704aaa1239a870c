// Rows and documents of the database to the domain's words and back. Pure.
import { parseFaithfully } from '../domain/result.ts'
import type { TaskSpec } from '../domain/spec.ts'
import type { Attempt, Blame, Hold, Task, TaskCore, TaskPolicy, TaskState } from '../domain/task.ts'

/** The columns that a live task and its history have in common; what one of them lacks is null. */
export interface TaskRow {
  readonly id: number
  readonly tenant: string
  readonly name: string
  readonly state: TaskState
  readonly attempt: number
  readonly failures: number
  readonly faults: Record<string, number>
  readonly message: string | null
  readonly exit_code: number | null
  readonly caveat: string | null
  readonly kill_requested_at: Date | null
  readonly overran_at: Date | null
  readonly not_before: Date | null
  readonly hold_agent_id: string | null
  readonly hold_executor_id: string | null
  readonly hold_generation: number | null
  readonly hold_until: Date | null
  readonly waited_ms: number
  readonly queued_at: Date | null
  readonly submitted_at: Date
  readonly started_at: Date | null
}

/** With absent fields absent, as exact optional properties want it. */
type Present<T> = { [K in keyof T]?: NonNullable<T[K]> }

function present<T extends object>(fields: T): Present<T> {
  const kept: Present<T> = {}
  for (const key of Object.keys(fields) as (keyof T)[]) {
    const value = fields[key]
    if (value !== null && value !== undefined) kept[key] = value as NonNullable<T[typeof key]>
  }
  return kept
}

function withoutSpec(row: TaskRow): Omit<Task, 'spec'> {
  const hold = holdOf(row)
  return {
    id: row.id,
    tenant: row.tenant,
    name: row.name,
    state: row.state,
    attempt: row.attempt,
    failures: row.failures,
    faults: row.faults,
    waitedMs: row.waited_ms,
    submittedAt: row.submitted_at,
    ...present({
      message: row.message,
      exitCode: row.exit_code,
      caveat: row.caveat,
      killRequestedAt: row.kill_requested_at,
      overranAt: row.overran_at,
      notBefore: row.not_before,
      queuedAt: row.queued_at,
      startedAt: row.started_at,
      hold,
    }),
  }
}

function holdOf(row: TaskRow): Hold | undefined {
  const { hold_agent_id: agentId, hold_executor_id: executorId, hold_generation: generation } = row
  const until = row.hold_until
  if (agentId === null || executorId === null || generation === null || until === null) return undefined
  return { agentId, executorId, generation, until }
}

export function coreOf(row: TaskRow & { readonly policy: TaskPolicy }): TaskCore {
  return { ...withoutSpec(row), spec: row.policy }
}

export interface ViewRow extends TaskRow {
  readonly spec: TaskSpec
  /** Text, so that its numbers keep their digits. */
  readonly result: string | null
  readonly finished_at: Date | null
  readonly attempts: readonly object[] | null
}

export function viewOf(row: ViewRow): Task & { readonly attempts: readonly Attempt[] } {
  return {
    ...withoutSpec(row),
    spec: row.spec,
    ...(row.result === null ? {} : { result: parseFaithfully(row.result) }),
    ...(row.finished_at === null ? {} : { finishedAt: row.finished_at }),
    attempts: (row.attempts ?? []).map(attemptOf),
  }
}

const attemptDates = ['launchedAt', 'lastUpdateAt', 'unsettledSince', 'startedAt', 'finishedAt'] as const
const taskDates = [
  'killRequestedAt',
  'overranAt',
  'notBefore',
  'queuedAt',
  'submittedAt',
  'startedAt',
  'finishedAt',
] as const

/** An attempt from its JSON, in which dates are text. */
export function attemptOf(document: object): Attempt {
  return withDates(document, attemptDates) as Attempt
}

/** A task's snapshot from its JSON. */
export function snapshotOf(document: object): Omit<Task, 'spec'> {
  return withDates(document, taskDates) as Omit<Task, 'spec'>
}

function withDates(document: object, names: readonly string[]): object {
  return Object.fromEntries(
    Object.entries(document).map(([name, value]: [string, unknown]) => [
      name,
      names.includes(name) && typeof value === 'string' ? new Date(value) : value,
    ]),
  )
}

export interface AttemptRow {
  readonly task_id: number
  readonly number: number
  readonly mesos_task_id: string
  readonly agent_id: string
  readonly hostname: string
  readonly agent_url: string
  readonly executor_id: string
  readonly executor_generation: number
  readonly state: string
  readonly reason: string | null
  readonly message: string | null
  readonly blame: Blame | null
  readonly exit_code: number | null
  readonly signal: number | null
  readonly oom: boolean | null
  readonly container_id: string | null
  readonly sandbox: string | null
  readonly launched_at: Date
  readonly last_update_at: Date | null
  readonly unsettled_since: Date | null
  readonly started_at: Date | null
  readonly finished_at: Date | null
}

export function attemptOfRow(row: AttemptRow): Attempt {
  return {
    number: row.number,
    mesosTaskId: row.mesos_task_id,
    agentId: row.agent_id,
    hostname: row.hostname,
    agentUrl: row.agent_url,
    executorId: row.executor_id,
    executorGeneration: row.executor_generation,
    state: row.state,
    launchedAt: row.launched_at,
    ...present({
      reason: row.reason,
      message: row.message,
      blame: row.blame,
      exitCode: row.exit_code,
      signal: row.signal,
      oom: row.oom,
      containerId: row.container_id,
      sandbox: row.sandbox,
      lastUpdateAt: row.last_update_at,
      unsettledSince: row.unsettled_since,
      startedAt: row.started_at,
      finishedAt: row.finished_at,
    }),
  }
}

/** Column names of a task's changeable part, for a document that `json_to_recordset` reads. */
export function taskDocument(task: TaskCore, timerAt: Date | undefined): object {
  return {
    id: task.id,
    state: task.state,
    attempt: task.attempt,
    failures: task.failures,
    faults: task.faults,
    message: task.message,
    exit_code: task.exitCode,
    caveat: task.caveat,
    kill_requested_at: task.killRequestedAt,
    overran_at: task.overranAt,
    not_before: task.notBefore,
    hold_agent_id: task.hold?.agentId,
    hold_executor_id: task.hold?.executorId,
    hold_generation: task.hold?.generation,
    hold_until: task.hold?.until,
    waited_ms: task.waitedMs,
    queued_at: task.queuedAt,
    timer_at: timerAt,
    started_at: task.startedAt,
  }
}

export function attemptDocument(taskId: number, attempt: Attempt): object {
  return {
    task_id: taskId,
    number: attempt.number,
    mesos_task_id: attempt.mesosTaskId,
    agent_id: attempt.agentId,
    hostname: attempt.hostname,
    agent_url: attempt.agentUrl,
    executor_id: attempt.executorId,
    executor_generation: attempt.executorGeneration,
    state: attempt.state,
    reason: attempt.reason,
    message: attempt.message,
    blame: attempt.blame,
    exit_code: attempt.exitCode,
    signal: attempt.signal,
    oom: attempt.oom,
    container_id: attempt.containerId,
    sandbox: attempt.sandbox,
    launched_at: attempt.launchedAt,
    last_update_at: attempt.lastUpdateAt,
    unsettled_since: attempt.unsettledSince,
    started_at: attempt.startedAt,
    finished_at: attempt.finishedAt,
  }
}
