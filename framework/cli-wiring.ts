// The map of how `juice …` is built: a small pool, and the lease for as long as a command needs it.
import { hostname } from 'node:os'
import type { StoreConfig } from './config.ts'
import type { FrameworkCommands } from './cli/framework.ts'
import { createPool, leaderLease, Leadership, Notifier, type LeaseHold } from './store/index.ts'
import * as useCases from './usecases/index.ts'
import type { LeaderDeps } from './usecases/index.ts'

/** How long a lease that looks free may take to become ours. */
const leadWaitMs = 5_000

export interface WiredCommands extends FrameworkCommands, AsyncDisposable {}

export function wireCommands(config: StoreConfig): WiredCommands {
  const pool = createPool({ url: config.databaseUrl, max: 4, applicationName: 'juice command' })
  const notifier = new Notifier({ pool })
  const deps: LeaderDeps = {
    pool,
    notifier,
    now: () => new Date(),
    waits: { orphanWaitMs: config.orphanWaitMs, unreachableWaitMs: config.unreachableWaitMs },
  }
  const name = config.frameworkName
  return {
    checkStore: () => useCases.checkStore(deps),
    describe: () => useCases.describeFramework(deps, { name, lease: leaderLease }),
    whileLeading: work => whileLeading(config.databaseUrl, work),
    forsake: (hold, why) => useCases.forsakeFramework(deps, hold, { name, why }),
    async [Symbol.asyncDispose]() {
      await notifier.close()
      await pool.end()
    },
  }
}

async function whileLeading<T>(url: string, work: (hold: LeaseHold) => Promise<T>): Promise<T | undefined> {
  const won = Promise.withResolvers<LeaseHold | undefined>()
  const leadership = new Leadership({
    url,
    name: leaderLease,
    holder: `juice framework reset on ${hostname()}, process ${process.pid}`,
    // Nobody is answered here.
    address: '',
    pollMs: 100,
    onPhase: phase => {
      if (phase.name === 'leading') won.resolve(phase.hold)
    },
  })
  const timer = setTimeout(() => won.resolve(undefined), leadWaitMs)
  leadership.start()
  try {
    const hold = await won.promise
    return hold && (await work(hold))
  } finally {
    clearTimeout(timer)
    await leadership.close()
  }
}
