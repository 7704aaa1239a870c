// A status update as it came → as the domain reads it; and cleaned of what PostgreSQL would refuse. Pure.
import type { TaskOutcome } from '../../proto/payload.ts'
import { type AttemptReport, type MesosUpdate, normaliseReason, normaliseSource } from '../domain/update.ts'
import type { StatusUpdate } from './types.ts'

/** For an update whose executor is dead or refused. */
export interface Consequences {
  /** Its containers are known to be gone. */
  readonly clean: boolean
  /** It ran this task only. */
  readonly alone: boolean
  readonly nextGeneration: number
  readonly executorGeneration: { readonly agentId: string; readonly generation: number }
}

export function mesosUpdate(update: StatusUpdate, consequences: Consequences | undefined): MesosUpdate {
  const { state, message, healthy, timestampMs, outcome, isReconciliation } = update
  const reason = normaliseReason(update.reason)
  const source = normaliseSource(update.source)
  return {
    state,
    isReconciliation,
    containersGone: update.executorGone ?? consequences?.clean ?? false,
    aloneInExecutor: consequences?.alone ?? false,
    nextGeneration: consequences?.nextGeneration ?? 0,
    ...(reason === undefined ? {} : { reason }),
    ...(source === undefined ? {} : { source }),
    ...(message === undefined ? {} : { message }),
    ...(healthy === undefined ? {} : { healthy }),
    ...(timestampMs === undefined ? {} : { timestampMs }),
    ...(outcome === undefined ? {} : { report: reportOf(outcome) }),
  }
}

function reportOf(outcome: TaskOutcome): AttemptReport {
  const { stdoutTail: _, stderrTail: __, ...report } = outcome
  return report
}

/** Without NUL and halves of surrogate pairs in any text. */
export function clean(update: StatusUpdate): StatusUpdate {
  const { outcome } = update
  return { ...cleanTexts(update), ...(outcome ? { outcome: cleanTexts(outcome) } : {}) }
}

/** Only what the task's state depends on. */
export function bare(update: StatusUpdate): StatusUpdate {
  const { mesosTaskId, state, reason, source, healthy, executorGone, isReconciliation, outcome } =
    clean(update)
  const { exitCode, signal, oom, failure } = outcome ?? {}
  return {
    mesosTaskId,
    state,
    isReconciliation,
    message: 'The message of this update could not be stored',
    ...(reason === undefined ? {} : { reason }),
    ...(source === undefined ? {} : { source }),
    ...(healthy === undefined ? {} : { healthy }),
    ...(executorGone === undefined ? {} : { executorGone }),
    outcome: {
      ...(isInt32(exitCode) ? { exitCode } : {}),
      ...(isInt32(signal) ? { signal } : {}),
      ...(oom === undefined ? {} : { oom }),
      ...(failure === undefined ? {} : { failure }),
    },
  }
}

function isInt32(value: number | undefined): value is number {
  return value !== undefined && (value | 0) === value
}

function cleanTexts<T extends object>(fields: T): T {
  const cleaned = { ...fields }
  for (const key of Object.keys(fields) as (keyof T)[]) {
    const value = fields[key]
    if (typeof value === 'string')
      Object.assign(cleaned, { [key]: value.replaceAll('\0', '').toWellFormed() })
  }
  return cleaned
}
