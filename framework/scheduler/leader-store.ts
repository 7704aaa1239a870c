// The leader's use cases with their dependencies and its lease bound: all that the loop knows of the store.
// Each writing one runs fenced and throws LeaseLost once another process leads (S78).
import type { Cluster } from '../domain/origin.ts'
import * as useCases from '../usecases/index.ts'
import type { LeaderDeps, LeaseHold } from '../usecases/index.ts'

/** What is left of a use case's parameters when `deps` and `lease` are bound. */
type Rest<T> = T extends (deps: LeaderDeps, lease: LeaseHold, ...rest: infer R) => infer P
  ? (...rest: R) => P
  : never

export interface LeaderStore {
  readonly loadPending: (
    args: Parameters<typeof useCases.loadPending>[1],
  ) => ReturnType<typeof useCases.loadPending>
  readonly loadActive: () => ReturnType<typeof useCases.loadActive>
  readonly countTasks: () => ReturnType<typeof useCases.countTasks>
  readonly loadKills: () => ReturnType<typeof useCases.loadKills>
  readonly loadExecutorGenerations: () => ReturnType<typeof useCases.loadExecutorGenerations>
  readonly loadFramework: (
    args: Parameters<typeof useCases.loadFramework>[1],
  ) => ReturnType<typeof useCases.loadFramework>
  readonly saveFramework: Rest<typeof useCases.saveFramework>
  readonly commitIntents: Rest<typeof useCases.commitIntents>
  readonly withdrawIntents: Rest<typeof useCases.withdrawIntents>
  readonly applyStatusUpdates: Rest<typeof useCases.applyStatusUpdates>
  readonly applyTimers: Rest<typeof useCases.applyTimers>
  readonly recordExecutorLoss: Rest<typeof useCases.recordExecutorLoss>
  readonly growExecutorGeneration: Rest<typeof useCases.growExecutorGeneration>
  readonly maintainStore: Rest<typeof useCases.maintainStore>
}

/** `cluster`: the one that assigns framework ids; kept with them. */
export function leaderStore(deps: LeaderDeps, lease: LeaseHold, cluster: Cluster): LeaderStore {
  return {
    loadPending: args => useCases.loadPending(deps, args),
    loadActive: () => useCases.loadActive(deps),
    countTasks: () => useCases.countTasks(deps),
    loadKills: () => useCases.loadKills(deps),
    loadExecutorGenerations: () => useCases.loadExecutorGenerations(deps),
    loadFramework: args => useCases.loadFramework(deps, args),
    saveFramework: record => useCases.saveFramework(deps, lease, { ...record, cluster }),
    commitIntents: intents => useCases.commitIntents(deps, lease, intents),
    withdrawIntents: args => useCases.withdrawIntents(deps, lease, args),
    applyStatusUpdates: updates => useCases.applyStatusUpdates(deps, lease, updates),
    applyTimers: whyWaits => useCases.applyTimers(deps, lease, whyWaits),
    recordExecutorLoss: args => useCases.recordExecutorLoss(deps, lease, args),
    growExecutorGeneration: args => useCases.growExecutorGeneration(deps, lease, args),
    maintainStore: () => useCases.maintainStore(deps, lease),
  }
}
