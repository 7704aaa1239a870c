// What updates say about executors, written to the schema `scheduling` before the tasks' own transaction: deaths, and refused
// ExecutorInfos. Each is noted once, however often the update comes.
import { executorDied, updateKind } from '../domain/update.ts'
import { raiseGeneration } from '../store/queries/executor-generations.ts'
import { findAttempts } from '../store/queries/find-attempts.ts'
import { fencedTransaction } from '../store/transaction.ts'
import type { LeaderDeps, LeaseHold } from './deps.ts'
import { noteLoss } from './executor-loss.ts'
import { type Consequences, mesosUpdate } from './mesos-update.ts'
import type { StatusUpdate } from './types.ts'

type Concern = 'death' | 'refusal'

/** By Mesos task id; updates without such a consequence, and of tasks that are not live, are left out. */
export async function noteConsequences(
  deps: LeaderDeps,
  lease: LeaseHold,
  updates: readonly StatusUpdate[],
): Promise<ReadonlyMap<string, Consequences>> {
  const concerns = new Map<string, { readonly concern: Concern; readonly update: StatusUpdate }>()
  for (const update of updates) {
    const concern = concernOf(update)
    if (concern) concerns.set(update.mesosTaskId, { concern, update })
  }
  if (concerns.size === 0) return new Map()
  const found = await findAttempts(deps.pool, [...concerns.keys()])
  if (found.size === 0) return new Map()
  const now = deps.now()
  return await fencedTransaction(deps.pool, lease, async db => {
    const noted = new Map<string, Consequences>()
    for (const [mesosTaskId, { agentId, executorId, executorGeneration }] of found) {
      const { concern, update } = concerns.get(mesosTaskId) ?? {}
      if (concern === 'death') {
        const loss = await noteLoss(db, { agentId, executorId, clean: update?.executorGone ?? false }, now)
        const { clean, nextGeneration } = loss
        noted.set(mesosTaskId, {
          clean,
          alone: loss.attempts === 1,
          nextGeneration,
          executorGeneration: { agentId, generation: nextGeneration },
        })
      } else {
        const generation = await raiseGeneration(db, { agentId, atLeast: executorGeneration + 1, now })
        noted.set(mesosTaskId, {
          clean: false,
          alone: false,
          nextGeneration: generation,
          executorGeneration: { agentId, generation },
        })
      }
    }
    return noted
  })
}

function concernOf(update: StatusUpdate): Concern | undefined {
  const seen = mesosUpdate(update, undefined)
  if (updateKind(seen) === 'error') return seen.reason?.endsWith('UNAUTHORIZED') ? undefined : 'refusal'
  if (seen.state === 'TASK_FAILED' && seen.source === 'AGENT') return 'death'
  return executorDied(seen, true) ? 'death' : undefined
}
