// All that a client or an event can make happen: the only doorway to domain and store.
export type * from './types.ts'
export type { Channel, Deps, LeaderDeps, LeaseHold } from './deps.ts'
export * from './errors.ts'
export * from './signatures.ts'
