// When a task runs again. Pure; the clock comes in.
import type { RetryPolicy } from './spec.ts'

/** Backoff before the next attempt after `failures` (≥ 1) that were the task's own, in ms. */
export function retryBackoffMs(policy: RetryPolicy, failures: number): number {
  const seconds = policy.backoffSeconds * policy.backoffFactor ** (failures - 1)
  return Math.round(Math.min(seconds, policy.maxBackoffSeconds) * 1000)
}

const faultBackoffMs = 1_000
const faultBackoffMaxMs = 30_000

/** A fault of the platform is retried at once the first time; more slowly after each further one, against hot loops. */
export function faultDelayMs(faultsSoFar: number): number {
  if (faultsSoFar <= 1) return 0
  return Math.min(faultBackoffMs * 2 ** (faultsSoFar - 2), faultBackoffMaxMs)
}
