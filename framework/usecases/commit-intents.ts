// Intent before action (S49): an attempt is committed before its ACCEPT is sent, and taken back where that surely never left.
import { fencedTransaction } from '../store/transaction.ts'
import type { LeaderDeps, LeaseHold } from './deps.ts'
import { inHalves } from './halves.ts'
import type { Intent } from './types.ts'
import { Work } from './work.ts'

/**
 * Returns the Mesos task ids that may be launched: not those of tasks that were killed, launched or ended meanwhile, or that
 * are held back. Throws LeaseLost.
 */
export async function commitIntents(
  deps: LeaderDeps,
  lease: LeaseHold,
  intents: readonly Intent[],
): Promise<Set<string>> {
  const now = deps.now()
  const commit = async (part: readonly Intent[]): Promise<readonly (string | undefined)[]> => {
    const { results, hints } = await fencedTransaction(deps.pool, lease, async db => {
      const work = await Work.lock(
        db,
        part.map(({ taskId }) => taskId),
        now,
        deps.waits,
      )
      const results = part.map(({ taskId, ...intent }) => {
        const effect = work.apply(taskId, work.currentAttempt(taskId), { type: 'launch', intent })
        return effect.kind === 'update' ? intent.mesosTaskId : undefined
      })
      await work.write()
      return { results, hints: work.hints }
    })
    for (const hint of hints) deps.notifier.notify(hint)
    return results
  }
  const committed = await inHalves(intents, commit, () => Promise.resolve(undefined))
  return new Set(committed.filter(id => id !== undefined))
}

/**
 * For intents whose ACCEPT surely did not reach the master: they wait again. Those that were never committed, or that Mesos
 * knows all the same, are left as they are. Returns those withdrawn. Throws LeaseLost.
 */
export async function withdrawIntents(
  deps: LeaderDeps,
  lease: LeaseHold,
  args: { readonly intents: readonly Pick<Intent, 'taskId' | 'mesosTaskId'>[]; readonly message: string },
): Promise<Set<string>> {
  const { intents, message } = args
  const { withdrawn, hints } = await fencedTransaction(deps.pool, lease, async db => {
    const taskIds = intents.map(({ taskId }) => taskId)
    const work = await Work.lock(db, taskIds, deps.now(), deps.waits)
    const withdrawn = intents.filter(({ taskId, mesosTaskId }) => {
      const attempt = work.attemptOf(taskId, mesosTaskId)
      if (!attempt || attempt !== work.currentAttempt(taskId)) return false
      return work.apply(taskId, attempt, { type: 'withdraw', message }).kind === 'update'
    })
    await work.write()
    return { withdrawn, hints: work.hints }
  })
  for (const hint of hints) deps.notifier.notify(hint)
  return new Set(withdrawn.map(({ mesosTaskId }) => mesosTaskId))
}
