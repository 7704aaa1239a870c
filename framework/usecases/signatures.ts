// Bodies follow, each in a file of its own.
import type { TaskSpec } from '../domain/spec.ts'
import type { LiveState, TaskState } from '../domain/task.ts'
import type { Deps, LeaderDeps, LeaseHold } from './deps.ts'
import type {
  ActiveAttempt,
  CallbackResult,
  DueCallback,
  EventRecord,
  ExecutorGeneration,
  ExecutorLossResult,
  FrameworkRecord,
  Intent,
  KillOrder,
  LogTails,
  PendingTasks,
  StatusUpdate,
  TaskPage,
  TaskView,
  TimerResult,
  UpdateResult,
} from './types.ts'

function unfilled(...args: unknown[]): never {
  throw new Error(`being written (${args.length})`)
}

// For clients (any process)

/** Throws UseCaseError idempotency_key_reused where the key came with another spec before (→ 422). */
export async function submitTask(
  deps: Deps,
  args: { tenant: string; spec: TaskSpec; idempotencyKey?: string },
): Promise<{ task: TaskView; created: boolean }> {
  return unfilled(deps, args)
}
export async function getTask(
  deps: Deps,
  args: { tenant: string; id: number },
): Promise<TaskView | undefined> {
  return unfilled(deps, args)
}
/** Newest first, live and history together. Throws UseCaseError invalid_cursor. */
export async function listTasks(
  deps: Deps,
  args: { tenant: string; state?: TaskState; name?: string; cursor?: string; limit: number },
): Promise<TaskPage> {
  return unfilled(deps, args)
}
/** Undefined: no such task. Terminal: unchanged. Queued: KILLED at once. Else the leader kills it (`loadKills`). */
export async function requestKill(
  deps: Deps,
  args: { tenant: string; id: number },
): Promise<TaskView | undefined> {
  return unfilled(deps, args)
}
/** The last bytes of an attempt's output, kept with the record for when the sandbox is gone; newest attempt by default. */
export async function readLogTails(
  deps: Deps,
  args: { tenant: string; id: number; attempt?: number },
): Promise<LogTails | undefined> {
  return unfilled(deps, args)
}
/** What happened after `after` (from the log's begin where absent), oldest first, missing none. */
export async function readEvents(
  deps: Deps,
  args: { tenant?: string; after?: string; limit: number },
): Promise<readonly EventRecord[]> {
  return unfilled(deps, args)
}
/** Rejects where the store cannot be reached. */
export async function checkStore(deps: Deps): Promise<{ migrated: boolean }> {
  return unfilled(deps)
}
export async function countTasks(deps: Deps): Promise<Record<LiveState, number>> {
  return unfilled(deps)
}
/** Who leads, and at which URL it can be asked. */
export async function readLeader(
  deps: Deps,
  args: { name: string },
): Promise<{ epoch: number; holder: string; address: string } | undefined> {
  return unfilled(deps, args)
}

// For the leader. Those with `lease` write, fenced: they throw LeaseLost.

/** All that waits by `afterId` pages (keep the FIRST page's horizon), later only what came `since` a horizon. */
export async function loadPending(
  deps: Deps,
  args: { since?: string; afterId?: number; limit: number },
): Promise<PendingTasks> {
  return unfilled(deps, args)
}
export async function loadActive(deps: Deps): Promise<readonly ActiveAttempt[]> {
  return unfilled(deps)
}
export async function loadKills(deps: Deps): Promise<readonly KillOrder[]> {
  return unfilled(deps)
}
/** S49. Returns the Mesos task ids that may be launched. */
export async function commitIntents(
  deps: LeaderDeps,
  lease: LeaseHold,
  intents: readonly Intent[],
): Promise<Set<string>> {
  return unfilled(deps, lease, intents)
}
/** For intents whose ACCEPT surely did not reach the master: they wait again at once. Returns those withdrawn. */
export async function withdrawIntents(
  deps: LeaderDeps,
  lease: LeaseHold,
  args: { mesosTaskIds: readonly string[]; message: string },
): Promise<Set<string>> {
  return unfilled(deps, lease, args)
}
/** In the order given, one result each, in one transaction where possible. Acknowledge after it resolved. */
export async function applyStatusUpdates(
  deps: LeaderDeps,
  lease: LeaseHold,
  updates: readonly StatusUpdate[],
): Promise<readonly UpdateResult[]> {
  return unfilled(deps, lease, updates)
}
/** Call it each second or so. */
export async function applyTimers(deps: LeaderDeps, lease: LeaseHold): Promise<TimerResult> {
  return unfilled(deps, lease)
}
/** For each FAILURE event with an executor_id. `clean`: its parent process says that its containers are gone. */
export async function recordExecutorLoss(
  deps: LeaderDeps,
  lease: LeaseHold,
  args: { agentId: string; executorId: string; clean: boolean },
): Promise<ExecutorLossResult> {
  return unfilled(deps, lease, args)
}
/** By agent id; an agent that is not in it has generation 0. */
export async function loadExecutorGenerations(deps: Deps): Promise<Map<string, ExecutorGeneration>> {
  return unfilled(deps)
}
/** Raises it from `from` to `from + 1` (nothing where it is higher already) and returns what it is. */
export async function growExecutorGeneration(
  deps: LeaderDeps,
  lease: LeaseHold,
  args: { agentId: string; from: number },
): Promise<number> {
  return unfilled(deps, lease, args)
}
export async function loadFramework(
  deps: Deps,
  args: { name: string },
): Promise<FrameworkRecord | undefined> {
  return unfilled(deps, args)
}
/** S5. Throws UseCaseError framework_id_conflict where another id is kept under this name (S16). */
export async function saveFramework(
  deps: LeaderDeps,
  lease: LeaseHold,
  record: FrameworkRecord,
): Promise<void> {
  return unfilled(deps, lease, record)
}
/** Once at start and each hour or so: partitions ahead, old deliveries away. */
export async function maintainStore(deps: LeaderDeps, lease: LeaseHold): Promise<void> {
  return unfilled(deps, lease)
}

// For the deliverer of callbacks (runs at the leader)

/** Takes what is in the outbox over into the delivery queue; returns how many. */
export async function ingestOutbox(deps: LeaderDeps, lease: LeaseHold): Promise<number> {
  return unfilled(deps, lease)
}
/** The oldest due one of each task, reserved for `reserveMs`: without a result by then it is due again. */
export async function claimCallbacks(
  deps: LeaderDeps,
  lease: LeaseHold,
  args: { limit: number; reserveMs: number },
): Promise<readonly DueCallback[]> {
  return unfilled(deps, lease, args)
}
export async function recordCallbackResults(
  deps: LeaderDeps,
  lease: LeaseHold,
  results: readonly CallbackResult[],
): Promise<void> {
  return unfilled(deps, lease, results)
}
