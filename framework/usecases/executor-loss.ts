// Executors that died (FAILURE event, or an update that says so): the next generation, and what their tasks wait for.
import { type Queryable } from '../store/pool.ts'
import { type Loss, insertLoss, selectExecutorUse, updateLoss } from '../store/queries/executor-losses.ts'
import { raiseGeneration, selectGenerations, stepGeneration } from '../store/queries/executor-generations.ts'
import { type HoldRow, selectHolds } from '../store/queries/select-holds.ts'
import { fencedTransaction } from '../store/transaction.ts'
import type { LeaderDeps, LeaseHold, Deps } from './deps.ts'
import type { ExecutorGeneration, ExecutorLossResult } from './types.ts'
import { Work } from './work.ts'

/**
 * For each FAILURE event with an executor id, before the status updates that follow it (S76). `clean`: its parent process says
 * that its containers are gone. Repeating it changes nothing more. Throws LeaseLost.
 */
export async function recordExecutorLoss(
  deps: LeaderDeps,
  lease: LeaseHold,
  args: { readonly agentId: string; readonly executorId: string; readonly clean: boolean },
): Promise<ExecutorLossResult> {
  const loss = await fencedTransaction(deps.pool, lease, db => noteLoss(db, args, deps.now()))
  const released = loss.clean
    ? await releaseHolds(deps, lease, [args.agentId], hold => hold.executorId === args.executorId)
    : []
  return { generation: loss.nextGeneration, released }
}

/** Writes the schema `scheduling` only. The first report of an executor's death raises the generation of its agent. */
export async function noteLoss(
  db: Queryable,
  executor: { readonly agentId: string; readonly executorId: string; readonly clean: boolean },
  now: Date,
): Promise<Loss> {
  const known = await updateLoss(db, executor)
  if (known) return known
  const { attempts, generation } = await selectExecutorUse(db, executor)
  const nextGeneration = await stepGeneration(db, { agentId: executor.agentId, above: generation, now })
  const loss: Loss = { nextGeneration, attempts, clean: executor.clean }
  await insertLoss(db, { ...executor, ...loss, now })
  return loss
}

/** Lets tasks go that wait for containers on these agents, where `gone` knows that theirs is no more. */
export async function releaseHolds(
  deps: LeaderDeps,
  lease: LeaseHold,
  agentIds: readonly string[],
  gone: (hold: HoldRow) => boolean,
): Promise<readonly number[]> {
  const holds = (await selectHolds(deps.pool, agentIds)).filter(gone)
  if (holds.length === 0) return []
  const { released, hints } = await fencedTransaction(deps.pool, lease, async db => {
    const taskIds = holds.map(({ taskId }) => taskId)
    const work = await Work.lock(db, taskIds, deps.now(), deps.waits)
    const released = holds.filter(({ taskId, generation, executorId }) => {
      const hold = work.task(taskId)?.hold
      if (hold?.generation !== generation || hold.executorId !== executorId) return false
      return work.apply(taskId, work.currentAttempt(taskId), { type: 'released' }).kind === 'update'
    })
    await work.write()
    return { released, hints: work.hints }
  })
  for (const hint of hints) deps.notifier.notify(hint)
  return released.map(({ taskId }) => taskId)
}

/** By agent id; an agent that is not in it has generation 0. */
export async function loadExecutorGenerations(deps: Deps): Promise<Map<string, ExecutorGeneration>> {
  const rows = await selectGenerations(deps.pool)
  return new Map(rows.map(({ agentId, ...generation }) => [agentId, generation]))
}

/** Raises it from `from` to `from + 1`, leaves it where it is higher already, and returns what it is. Throws LeaseLost. */
export async function growExecutorGeneration(
  deps: LeaderDeps,
  lease: LeaseHold,
  args: { readonly agentId: string; readonly from: number },
): Promise<number> {
  const { agentId, from } = args
  return await fencedTransaction(deps.pool, lease, db =>
    raiseGeneration(db, { agentId, atLeast: from + 1, now: deps.now() }),
  )
}
