// A status update as the domain reads it: Mesos' state and reason sorted into what they mean for an attempt. Pure.

/** What our executor says of an attempt (TaskStatus.data), already decoded. */
export interface AttemptReport {
  readonly sandbox?: string
  readonly containerId?: string
  readonly exitCode?: number
  readonly signal?: number
  readonly oom?: boolean
  readonly startedAtMs?: number
  readonly finishedAtMs?: number
  /** `FAILURE_…` of executor.proto. */
  readonly failure?: string
  readonly resultJson?: string
  readonly resultError?: string
}

export interface MesosUpdate {
  /** `TASK_…` */
  readonly state: string
  /** Without `REASON_`, by its newer name (AGENT, not SLAVE). */
  readonly reason?: string
  readonly source?: 'MASTER' | 'AGENT' | 'EXECUTOR'
  readonly message?: string
  readonly healthy?: boolean
  readonly timestampMs?: number
  readonly report?: AttemptReport
  readonly isReconciliation: boolean
  /** Where its executor died: is it known that no container of it runs any more? */
  readonly containersGone: boolean
  /** The executor ran no other task of ours when it died: a limit that it hit was this task's. */
  readonly aloneInExecutor: boolean
  /** Where its executor died: the generation of those that start afterwards. */
  readonly nextGeneration: number
}

/**
 * `alive`: Mesos has it, it does not run yet or is being killed. `nothingRuns`: surely not there. `away`: out of sight, may
 * come back (S56). `goneByOperator`: out of sight, and somebody promised that it stays so. `unknown`: a word of a newer Mesos.
 */
export type UpdateKind =
  | 'alive'
  | 'running'
  | 'finished'
  | 'failed'
  | 'killed'
  | 'error'
  | 'nothingRuns'
  | 'away'
  | 'goneByOperator'
  | 'unknown'

const kinds: ReadonlyMap<string, UpdateKind> = new Map(
  Object.entries({
    TASK_STAGING: 'alive',
    TASK_STARTING: 'alive',
    TASK_KILLING: 'alive',
    TASK_RUNNING: 'running',
    TASK_FINISHED: 'finished',
    TASK_FAILED: 'failed',
    TASK_KILLED: 'killed',
    TASK_ERROR: 'error',
    TASK_DROPPED: 'nothingRuns',
    TASK_GONE: 'nothingRuns',
    TASK_LOST: 'away',
    TASK_UNREACHABLE: 'away',
    TASK_UNKNOWN: 'away',
    TASK_GONE_BY_OPERATOR: 'goneByOperator',
  } as const),
)

export function updateKind(update: Pick<MesosUpdate, 'state' | 'reason'>): UpdateKind {
  // The master lost nothing here: it never launched it (S39).
  if (update.state === 'TASK_LOST' && update.reason === 'INVALID_OFFERS') return 'nothingRuns'
  return kinds.get(update.state) ?? 'unknown'
}

/** Does the task's process (or its launch) go on, so that it must be killed where it is not wanted (S51)? */
export function isAlive(kind: UpdateKind): boolean {
  return kind === 'alive' || kind === 'running'
}

const ranks: ReadonlyMap<string, number> = new Map(
  Object.entries({
    INTENT: 0,
    TASK_STAGING: 1,
    TASK_STARTING: 2,
    TASK_RUNNING: 3,
    TASK_KILLING: 4,
  }),
)

/** The order in which an attempt goes through the living states; a resent update does not take it back. */
export function rank(state: string): number {
  return ranks.get(state) ?? 0
}

/** Reasons with which an agent ends a task whose executor never got as far as to start it. */
const neverStarted = new Set([
  'CONTAINER_LAUNCH_FAILED',
  'EXECUTOR_REGISTRATION_TIMEOUT',
  'GC_ERROR',
  'RESOURCES_UNKNOWN',
  'TASK_KILLED_DURING_LAUNCH',
])

const executorDeaths = new Set(['EXECUTOR_TERMINATED', 'EXECUTOR_REREGISTRATION_TIMEOUT'])

/** Did the executor of an attempt that had begun die, so that its container may have outlived it? */
export function executorDied(update: MesosUpdate, attemptHadBegun: boolean): boolean {
  const { reason } = update
  const byAgent = update.source === 'AGENT'
  switch (update.state) {
    case 'TASK_FAILED':
    case 'TASK_KILLED':
      return byAgent && !neverStarted.has(reason ?? '')
    case 'TASK_GONE':
    case 'TASK_LOST':
      return executorDeaths.has(reason ?? '')
    case 'TASK_DROPPED':
      // A launch or kill met a dead executor. What was never delivered cannot have left anything behind.
      return attemptHadBegun && executorDeaths.has(reason ?? '')
    default:
      return false
  }
}

/** `REASON_SLAVE_RESTARTED` → `AGENT_RESTARTED`. */
export function normaliseReason(reason: string | undefined): string | undefined {
  return reason?.replace(/^REASON_/, '').replace(/^SLAVE_/, 'AGENT_')
}

export function normaliseSource(source: string | undefined): MesosUpdate['source'] {
  switch (source) {
    case 'SOURCE_MASTER':
      return 'MASTER'
    case 'SOURCE_AGENT':
    case 'SOURCE_SLAVE':
      return 'AGENT'
    case 'SOURCE_EXECUTOR':
      return 'EXECUTOR'
    default:
      return undefined
  }
}
