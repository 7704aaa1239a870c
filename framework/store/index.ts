// What wiring needs of the store to build it; queries are for use cases only.
export { createPool, type Pool, type PoolOptions } from './pool.ts'
export { migrate, type MigrateOptions } from './migrate.ts'
export { LeaseLost, type LeaseHold } from './transaction.ts'
export { leaderLease, Leadership, type LeadershipOptions, type LeadershipPhase } from './leadership.ts'
export { Listener, type ListenerOptions } from './listener.ts'
export { channels, Notifier, type Channel, type NotifierOptions } from './notifier.ts'
