// What an update adds to what is known of an attempt. Pure. Nothing that is known is erased by an update without it (S58).
import { clip, without } from './endings.ts'
import type { Attempt } from './task.ts'
import { type AttemptReport, type MesosUpdate, rank } from './update.ts'

/** The attempt as it is after an update that says it lives; undefined where that is nothing new (S55, S60). */
export function fold(attempt: Attempt, update: MesosUpdate, now: Date): Attempt | undefined {
  // A resent update does not take the attempt back, but any sign of life settles a doubt.
  const forward = attempt.unsettledSince !== undefined || rank(update.state) > rank(attempt.state)
  const state = forward ? update.state : attempt.state
  const startedAt = startOf(attempt, update, now)
  const details = { ...reported(update.report), ...(startedAt ? { startedAt } : {}) }
  const same =
    !forward &&
    (Object.keys(details) as (keyof typeof details)[]).every(key => equal(attempt[key], details[key]))
  if (same) return undefined
  const base = attempt.unsettledSince ? without(attempt, 'unsettledSince', 'reason') : attempt
  return { ...base, ...details, state, lastUpdateAt: now }
}

/** The attempt as it is after the update that ends it. `finishedAt` is the agent's clock where that is plausible. */
export function settled(attempt: Attempt, update: MesosUpdate, now: Date): Attempt {
  const { reason, message, report } = update
  const startedAt = startOf(attempt, update, now)
  return {
    ...without(attempt, 'unsettledSince', 'reason'),
    ...reported(report),
    ...(startedAt ? { startedAt } : {}),
    state: update.state,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message: clip(message) }),
    lastUpdateAt: now,
    finishedAt: plausible(report?.finishedAtMs, now) ?? plausible(update.timestampMs, now) ?? now,
  }
}

type Details = Partial<Pick<Attempt, 'sandbox' | 'containerId' | 'exitCode' | 'signal' | 'oom' | 'startedAt'>>

function reported(report: AttemptReport | undefined): Details {
  if (!report) return {}
  const { sandbox, containerId, exitCode, signal, oom } = report
  return {
    ...(sandbox === undefined ? {} : { sandbox }),
    ...(containerId === undefined ? {} : { containerId }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(oom === undefined ? {} : { oom }),
  }
}

function startOf(attempt: Attempt, update: MesosUpdate, now: Date): Date | undefined {
  const exact = plausible(update.report?.startedAtMs, now)
  if (exact || attempt.startedAt || update.state !== 'TASK_RUNNING') return exact ?? attempt.startedAt
  return plausible(update.timestampMs, now) ?? now
}

/** An agent's clock may be wrong, but not by years: then ours is better. */
function plausible(ms: number | undefined, now: Date): Date | undefined {
  if (ms === undefined || !Number.isFinite(ms)) return undefined
  const yearMs = 365 * 86_400_000
  return Math.abs(ms - now.getTime()) < yearMs ? new Date(ms) : undefined
}

function equal(left: unknown, right: unknown): boolean {
  return left instanceof Date && right instanceof Date ? left.getTime() === right.getTime() : left === right
}
