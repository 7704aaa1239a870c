// From how a task ended, and why it was killed if it was, to the update that says so. Pure.
import { constants } from 'node:os'
import type { Labels, TaskState, TaskStatus, TaskStatusReason } from 'mesos-http-client'
import { taskOutcome, type FailureClass, type TaskOutcome, type TaskPayload } from '../../proto/payload.ts'
import { taskFolder } from '../sandbox.ts'
import type { TaskEnd } from '../types.ts'
import type { Findings, Kill, MachineConfig, PendingUpdate, Surroundings, Work } from './state.ts'

export interface Verdict {
  readonly state: TaskState
  readonly message: string
  readonly failure?: FailureClass
  /** Only what an executor may send (E23); the rest is told by `failure` in the outcome. */
  readonly reason?: TaskStatusReason
}

/** The first line that fits decides. */
export function judge(end: TaskEnd, kill: Kill | undefined, work: Work): Verdict {
  // Not even a kill that was asked for is claimed where the engine can't tell whether the container is gone.
  if (end.failure === 'FAILURE_ENGINE' || end.failure === 'FAILURE_EXECUTOR')
    return failed(end.failure, end, work)
  if (kill?.cause === 'requested') return { state: 'TASK_KILLED', message: `Killed on request${ending(end)}` }
  if (kill?.cause === 'shutdown')
    return { state: 'TASK_KILLED', message: `Killed because Mesos told the executor to end${ending(end)}` }
  if (kill?.cause === 'max_runtime')
    return {
      state: 'TASK_FAILED',
      message: `Ran longer than the ${work.limitMs / 1000} s that it may${ending(end)}`,
      failure: 'FAILURE_MAX_RUNTIME',
      reason: 'REASON_MAX_COMPLETION_TIME_REACHED',
    }
  if (end.oom) return failed('FAILURE_OOM', end, work)
  if (end.failure) return failed(end.failure, end, work)
  if (end.exitCode === 0) return { state: 'TASK_FINISHED', message: 'Exited with code 0' }
  return failed(
    end.exitCode === undefined && end.signal === undefined ? 'FAILURE_UNKNOWN' : 'FAILURE_EXIT',
    end,
    work,
  )
}

function failed(failure: FailureClass, end: TaskEnd, work: Work): Verdict {
  return { state: 'TASK_FAILED', failure, message: end.message ?? defaultMessage(failure, end, work.payload) }
}

function defaultMessage(failure: FailureClass, end: TaskEnd, payload: TaskPayload): string {
  if (failure === 'FAILURE_OOM') return `Out of memory: the limit is ${payload.memMb ?? 0} MB`
  if (end.exitCode !== undefined) return `Exited with code ${end.exitCode}`
  if (end.signal !== undefined) return `Killed by ${signalName(end.signal)}`
  return 'Ended in an unknown way'
}

function ending(end: TaskEnd): string {
  if (end.exitCode !== undefined) return ` (exit code ${end.exitCode})`
  return end.signal === undefined ? '' : ` (by ${signalName(end.signal)})`
}

function signalName(signal: number): string {
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0]
  return name === undefined ? `signal ${signal}` : `signal ${signal} (${name})`
}

/** The terminal update's outcome. */
export function endOutcome(end: TaskEnd, verdict: Verdict, findings: Findings): TaskOutcome {
  return defined({
    containerId: end.containerId,
    exitCode: end.exitCode,
    signal: end.signal,
    oom: end.oom ? true : undefined,
    startedAtMs: whole(end.startedAtMs),
    finishedAtMs: whole(end.finishedAtMs),
    failure: verdict.failure,
    resultJson: findings.resultJson,
    resultError: findings.resultError,
    stdoutTail: findings.stdoutTail?.length ? findings.stdoutTail : undefined,
    stderrTail: findings.stderrTail?.length ? findings.stderrTail : undefined,
  })
}

/** What people see in the Mesos UI (E24). */
export function endLabels(end: TaskEnd): Labels | undefined {
  const labels = [
    ['exit_code', end.exitCode],
    ['signal', end.signal],
    ['oom', end.oom ? true : undefined],
  ]
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({ key: String(key), value: String(value) }))
  return labels.length > 0 ? { labels } : undefined
}

/** Characters; what a registry or a kernel has to say can be long, and Mesos keeps every message in memory. */
const maxMessage = 4000

/** A new update, to be kept until it is acknowledged (E19). agent_id is left out: a wrong one vanishes silently (E15). */
export function newUpdate(
  surroundings: Surroundings,
  config: MachineConfig,
  o: {
    readonly taskId: string
    readonly state: TaskState
    readonly message?: string | undefined
    readonly reason?: TaskStatusReason | undefined
    readonly labels?: Labels | undefined
    readonly outcome?: TaskOutcome
  },
): PendingUpdate {
  const uuid = surroundings.newUuid()
  const status: TaskStatus = {
    task_id: { value: o.taskId },
    state: o.state,
    source: 'SOURCE_EXECUTOR',
    executor_id: { value: config.executorId },
    timestamp: surroundings.wallMs / 1000,
    uuid,
    ...defined({ message: o.message?.slice(0, maxMessage), reason: o.reason, labels: o.labels }),
    data: taskOutcome.encode({ sandbox: taskFolder(config.tasksDir, o.taskId), ...o.outcome }),
  }
  return { uuid: Buffer.from(uuid).toString('hex'), status, taken: 0, delivery: { name: 'queued' } }
}

function whole(timeMs: number | undefined): number | undefined {
  return timeMs === undefined ? undefined : Math.round(timeMs)
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** Without the fields that are undefined. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>
}
