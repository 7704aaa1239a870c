// Tasks, attempts and updates for tests of the domain, with everything that a test does not care about filled in.
import type { Attempt, TaskCore, TaskPolicy } from './task.ts'
import type { MesosUpdate } from './update.ts'

export const start = new Date('2026-03-01T12:00:00Z')
export const waits = { orphanWaitMs: 60_000, unreachableWaitMs: 60_000 }

export function later(ms: number, from: Date = start): Date {
  return new Date(from.getTime() + ms)
}

export function policy(changes: Partial<TaskPolicy> = {}): TaskPolicy {
  return {
    killGraceSeconds: 10,
    retry: { max: 0, backoffSeconds: 1, backoffFactor: 2, maxBackoffSeconds: 300 },
    ...changes,
  }
}

export function retries(max: number): TaskPolicy {
  return policy({ retry: { max, backoffSeconds: 1, backoffFactor: 2, maxBackoffSeconds: 300 } })
}

export function queued(changes: Partial<TaskCore> = {}): TaskCore {
  return {
    id: 1,
    tenant: 'default',
    name: 'transcode',
    state: 'QUEUED',
    spec: policy(),
    attempt: 0,
    failures: 0,
    faults: {},
    waitedMs: 0,
    queuedAt: start,
    submittedAt: start,
    ...changes,
  }
}

export function intent(number = 1) {
  return {
    attempt: number,
    mesosTaskId: `transcode-1-${number}-abcd`,
    agentId: 'agent-1',
    hostname: 'host1',
    agentUrl: 'http://host1:5051',
    executorId: 'executor-1',
    executorGeneration: 0,
  }
}

export function attempt(changes: Partial<Attempt> = {}): Attempt {
  const { attempt: number, ...place } = intent()
  return { number, ...place, state: 'INTENT', launchedAt: start, ...changes }
}

export function running(changes: Partial<TaskCore> = {}): TaskCore {
  const { queuedAt: _, ...task } = queued()
  return { ...task, state: 'RUNNING', attempt: 1, startedAt: start, ...changes }
}

export function update(state: string, changes: Partial<MesosUpdate> = {}): MesosUpdate {
  return {
    state,
    isReconciliation: false,
    containersGone: false,
    aloneInExecutor: false,
    nextGeneration: 1,
    ...changes,
  }
}
