// All that a client or an event can make happen: the only doorway to domain and store.
export type * from './types.ts'
export type { Channel, Deps, LeaderDeps, LeaseHold } from './deps.ts'
export * from './errors.ts'

// For clients, in any process
export { submitTask } from './submit-task.ts'
export { getTask, listTasks, readLogTails } from './read-tasks.ts'
export { requestKill } from './request-kill.ts'
export { readEvents } from './read-events.ts'
export { checkStore, loadFramework, saveFramework } from './framework-record.ts'
export { checkOrigin, type OriginCheck } from './framework-origin.ts'
export {
  describeFramework,
  findLeader,
  type FrameworkDescription,
  type Leader,
} from './describe-framework.ts'

// For the leader: those that write are given its lease and throw LeaseLost when that is over
export { countTasks, loadActive, loadKills, loadPending } from './load-queue.ts'
export { commitIntents, withdrawIntents } from './commit-intents.ts'
export { applyStatusUpdates } from './apply-status-updates.ts'
export { applyTimers } from './apply-timers.ts'
export { forgetFramework } from './forget-framework.ts'
export { forsakeFramework } from './forsake-framework.ts'
export { adoptOrigin } from './framework-origin.ts'
export { growExecutorGeneration, loadExecutorGenerations, recordExecutorLoss } from './executor-loss.ts'
export { maintainStore } from './maintain-store.ts'

// For the deliverer of callbacks, at the leader
export { claimCallbacks, ingestOutbox, recordCallbackResults } from './deliver-callbacks.ts'
