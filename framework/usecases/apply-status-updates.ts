// What Mesos says of tasks becomes their record: many updates in one transaction, and only then may they be acknowledged (S52).
import type { Effect } from '../domain/effects.ts'
import { isAlive, type MesosUpdate, rank, updateKind } from '../domain/update.ts'
import { findAttempts } from '../store/queries/find-attempts.ts'
import { insertLogTails, type LogTail } from '../store/queries/insert-log-tails.ts'
import { fencedTransaction } from '../store/transaction.ts'
import type { LeaderDeps, LeaseHold } from './deps.ts'
import { releaseHolds } from './executor-loss.ts'
import { inHalves, isDataError } from './halves.ts'
import { bare, clean, type Consequences, mesosUpdate } from './mesos-update.ts'
import { noteConsequences } from './note-consequences.ts'
import type { StatusUpdate, UpdateResult } from './types.ts'
import { Work } from './work.ts'

const tailBytes = 16 * 1024

/**
 * In the order given, one result each, in one transaction where the data allows it; what PostgreSQL refuses is stored cleaned,
 * at worst not at all (`rejected`). Acknowledge all of them after it resolved. Throws LeaseLost and connection errors: then
 * nothing may be acknowledged, and the same updates may come again.
 */
export async function applyStatusUpdates(
  deps: LeaderDeps,
  lease: LeaseHold,
  updates: readonly StatusUpdate[],
): Promise<readonly UpdateResult[]> {
  const run = (part: readonly StatusUpdate[]) => applyBatch(deps, lease, part)
  return await inHalves(updates, run, async (update, error): Promise<UpdateResult> => {
    const { mesosTaskId } = update
    // First without the characters that PostgreSQL has no place for, then without all that nobody needs.
    for (const smaller of [clean(update), bare(update)]) {
      try {
        const [result] = await applyBatch(deps, lease, [smaller])
        if (result) return { ...result, mesosTaskId, sanitised: true }
      } catch (again) {
        if (!isDataError(again)) throw again
      }
    }
    return { mesosTaskId, effect: 'rejected', kill: false, error: error.message }
  })
}

async function applyBatch(
  deps: LeaderDeps,
  lease: LeaseHold,
  updates: readonly StatusUpdate[],
): Promise<readonly UpdateResult[]> {
  const now = deps.now()
  const consequences = await noteConsequences(deps, lease, updates)
  const begun = new Map<string, number>()
  const { results, hints } = await fencedTransaction(deps.pool, lease, async db => {
    const ids = updates.map(({ mesosTaskId }) => mesosTaskId)
    const found = await findAttempts(db, ids)
    const taskIds = new Set([...found.values()].map(({ taskId }) => taskId))
    const work = await Work.lock(db, [...taskIds], now, deps.waits)
    const tails: LogTail[] = []
    const results = updates.map(update => {
      const taskId = found.get(update.mesosTaskId)?.taskId
      const seen = mesosUpdate(update, consequences.get(update.mesosTaskId))
      if (taskId === undefined || !work.task(taskId)) return unknownTask(update, seen)
      const { result, tail } = applyOne(work, taskId, update, seen, begun)
      if (tail) tails.push(tail)
      return { ...result, ...generationOf(consequences.get(update.mesosTaskId)) }
    })
    await work.write()
    if (tails.length > 0) await insertLogTails(db, now, tails)
    return { results, hints: work.hints }
  })
  for (const hint of hints) deps.notifier.notify(hint)
  // The first sign of a younger executor says that it has swept its agent (E42).
  if (begun.size > 0) {
    await releaseHolds(
      deps,
      lease,
      [...begun.keys()],
      hold => (begun.get(hold.agentId) ?? 0) >= hold.generation,
    )
  }
  return results
}

/** Nothing of ours that lives: an ended task, or none at all. Acknowledged (S54), and killed where it is alive (S65). */
function unknownTask(update: StatusUpdate, seen: MesosUpdate): UpdateResult {
  return { mesosTaskId: update.mesosTaskId, effect: 'ignored', kill: isAlive(updateKind(seen)) }
}

function applyOne(
  work: Work,
  taskId: number,
  update: StatusUpdate,
  seen: MesosUpdate,
  begun: Map<string, number>,
): { readonly result: UpdateResult; readonly tail: LogTail | undefined } {
  const { mesosTaskId, outcome } = update
  const before = work.task(taskId)
  const attempt = work.attemptOf(taskId, mesosTaskId)
  const effect = work.apply(taskId, attempt, { type: updateKind(seen), update: seen })
  const after = work.task(taskId)
  const changed = effect.kind === 'update' ? effect.attempt : undefined
  if (attempt && changed && hasBegun(seen) && rank(attempt.state) < rank('TASK_STARTING')) {
    const known = begun.get(attempt.agentId) ?? 0
    begun.set(attempt.agentId, Math.max(known, attempt.executorGeneration))
  }
  const tail =
    changed?.finishedAt && (outcome?.stdoutTail || outcome?.stderrTail)
      ? {
          taskId,
          attempt: changed.number,
          stdout: outcome.stdoutTail?.subarray(-tailBytes),
          stderr: outcome.stderrTail?.subarray(-tailBytes),
        }
      : undefined
  return {
    tail,
    result: {
      mesosTaskId,
      taskId,
      ...outcomeOf(effect),
      ...(before ? { tenant: before.tenant, name: before.name, previousTaskState: before.state } : {}),
      ...(after ? { taskState: after.state } : {}),
    },
  }
}

function hasBegun(seen: MesosUpdate): boolean {
  return seen.source === 'EXECUTOR' && (seen.state === 'TASK_STARTING' || seen.state === 'TASK_RUNNING')
}

function outcomeOf(effect: Effect): Pick<UpdateResult, 'effect' | 'kill'> & Partial<UpdateResult> {
  switch (effect.kind) {
    case 'update': {
      const { verdict } = effect
      const { fault, unknownReason } = verdict ?? {}
      return {
        effect: 'applied',
        kill: false,
        ...(verdict ? { blame: verdict.blame } : {}),
        ...(fault ? { fault: fault.name } : {}),
        ...(unknownReason === undefined ? {} : { unknownReason }),
      }
    }
    case 'ignore':
      return { effect: 'ignored', kill: effect.kill }
    case 'reject':
      return { effect: 'rejected', kill: false, error: effect.why }
  }
}

function generationOf(consequences: Consequences | undefined): Partial<UpdateResult> {
  const { executorGeneration } = consequences ?? {}
  return executorGeneration ? { executorGeneration } : {}
}
