// An attempt that was given up while its agent was out of sight, and is back before the next one was launched: it goes on, or
// says how it ended, and nothing runs twice. Pure.
import type { Effect } from './effects.ts'
import { update, waited, without } from './endings.ts'
import type { Attempt, TaskCore } from './task.ts'
import { type MesosUpdate, type UpdateKind, updateKind } from './update.ts'

const tellsNothing: ReadonlySet<UpdateKind> = new Set(['away', 'goneByOperator', 'unknown'])

/** What the record says from then on of an attempt that is given up. */
export function outOfSight({ number, hostname }: Attempt): string {
  return `Attempt ${number} was on ${hostname}, which went out of sight: a second run could not be excluded`
}

/** Task and attempt as they were before it was given up, if that is what the update is about (S56). */
export function returned(
  task: TaskCore,
  attempt: Attempt,
  seen: MesosUpdate,
  now: Date,
): { readonly task: TaskCore; readonly attempt: Attempt } | undefined {
  const givenUp = attempt.finishedAt !== undefined && updateKind(attempt) === 'away'
  const newest = task.state === 'QUEUED' && attempt.number === task.attempt
  if (!givenUp || !newest || tellsNothing.has(updateKind(seen))) return undefined
  const caveat = withoutCaveat(task.caveat, outOfSight(attempt))
  return {
    task: {
      ...without(task, 'queuedAt', 'notBefore', 'message', 'caveat'),
      state: attempt.startedAt ? 'RUNNING' : 'LAUNCHING',
      waitedMs: waited(task, now),
      ...(caveat === undefined ? {} : { caveat }),
    },
    attempt: { ...without(attempt, 'finishedAt', 'blame', 'message'), unsettledSince: now },
  }
}

/** The effect on what came before, so that its events tell of the change that a client sees. */
export function since(before: TaskCore, effect: Effect): Effect {
  if (effect.kind !== 'update') return effect
  const { task, attempt, verdict } = effect
  return { ...update(before, task, attempt), ...(verdict ? { verdict } : {}) }
}

function withoutCaveat(caveats: string | undefined, caveat: string): string | undefined {
  if (caveats === undefined || caveats === caveat) return undefined
  return caveats.endsWith(`. ${caveat}`) ? caveats.slice(0, -caveat.length - 2) : caveats
}
