// The one map of how a framework process is built: each part is given what it needs, and put on a list that is closed in
// reverse. With scheduler-wiring.ts the only place that knows everyone.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packExecutor } from '../executor/pack.ts'
import { WiredCallbacks } from './callbacks-wiring.ts'
import { atPort, withoutCredentials, type Config } from './config.ts'
import { clusterOf, unconfirmed, type Confirmation, type Confirmed } from './domain/origin.ts'
import { buildApp } from './http/app.ts'
import type { TaskUseCases } from './http/routes/tasks.ts'
import { AllAgentFiles } from './logs/agent-files.ts'
import { partLogger, type Logger } from './observability/log.ts'
import { createMetrics } from './observability/metrics.ts'
import type { FatalCause, Scheduler } from './scheduler/scheduler.ts'
import { wireScheduler } from './scheduler-wiring.ts'
import { createPool, leaderLease, migrate, Notifier } from './store/index.ts'
import * as useCases from './usecases/index.ts'
import type { Deps, LeaderDeps } from './usecases/index.ts'

export interface FrameworkOptions {
  readonly config: Config
  readonly log: Logger
  /** Where the executor's archives are packed, and found again by the next process. */
  readonly packDir: string
  /** What the operator said on the command line. */
  readonly confirmation: Confirmation
  /** Only an operator can help: the process should end. */
  readonly onFatal: (cause: FatalCause, message: string) => void
}

export interface Framework extends AsyncDisposable {
  /** Where this process listens. */
  readonly url: string
}

/**
 * Starts everything; resolves when the API answers. Throws after it has closed again what was started; UseCaseError
 * `origin_refused` where the store belongs to another Mesos cluster or is a copy, and nobody confirmed it.
 */
export async function startFramework(options: FrameworkOptions): Promise<Framework> {
  const { log, packDir, onFatal } = options
  const { databaseUrl, http } = options.config
  await using resources = new AsyncDisposableStack()

  const archives = await packExecutor({ outDir: packDir })
  const applied = await migrated(databaseUrl)
  if (applied.length > 0) log.info({ migrations: applied }, 'database migrated')
  const pool = createPool({
    url: databaseUrl,
    onError: error => log.warn({ err: error }, 'idle store connection'),
  })
  resources.defer(() => pool.end())
  const notifier = new Notifier({ pool })
  resources.defer(() => notifier.close())
  const metrics = createMetrics({ ofProcess: true })
  const { orphanWaitMs, unreachableWaitMs } = options.config
  const deps: LeaderDeps = {
    pool,
    notifier,
    now: () => new Date(),
    waits: { orphanWaitMs, unreachableWaitMs },
  }

  const confirmed = await confirmedAtStart(options, deps)

  // Built after the API, since agents fetch the executor from the port on which that listens.
  const scheduler: { current?: Scheduler } = {}
  const own = { advertiseUrl: options.config.advertiseUrl }
  const agentFiles = allAgentFiles(options.config)
  resources.defer(() => agentFiles.close())
  const files = [archives.runtime, archives.bundle]
  const app = await buildApp({
    tasks: taskUseCases(deps, id => scheduler.current?.whyWaits(id)),
    logs: {
      getTask: args => useCases.getTask(deps, args),
      readLogTails: args => useCases.readLogTails(deps, args),
      filesOf: agentUrl => agentFiles.of(agentUrl),
      sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {}),
    },
    checkStore: () => useCases.checkStore(deps),
    metrics,
    executorArtifacts: new Map(files.map(({ file, path }) => [file, path])),
    leaderElsewhere: async () => {
      const leader = await useCases.findLeader(deps, { lease: leaderLease })
      return leader && leader.address !== '' && leader.address !== own.advertiseUrl
        ? leader.address
        : undefined
    },
    publicUrl: options.config.publicUrl,
    logger: partLogger(log, 'http'),
  })
  resources.defer(() => app.close())
  const url = await app.listen({ host: http.host, port: http.port })
  const config = atPort(options.config, Number(new URL(url).port))
  own.advertiseUrl = config.advertiseUrl

  const callbacks = new WiredCallbacks({ config, deps, metrics, log })
  resources.defer(() => callbacks.close())
  const wired = wireScheduler({
    config,
    deps,
    metrics,
    log,
    executorUris: files.map(({ file }) => `${config.publicUrl}/executor/${file}`),
    onLeading: hold => callbacks.leading(hold),
    onOutbox: () => callbacks.hint(),
    onFatal,
    confirmed,
  })
  scheduler.current = wired.scheduler
  // Closed first: the lease is free before the API ends, so another process may lead at once.
  resources.defer(() => wired.close())
  wired.start()

  const { publicUrl, marathonAppId } = config
  const masters = config.mesos.masters.map(withoutCredentials)
  log.info({ url, publicUrl, masters, marathonAppId }, 'framework process is up')
  const owned = resources.move()
  return { url, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Migrates; whoever reads the error of a start that failed is to know that it was the database, and which. */
async function migrated(databaseUrl: string): ReturnType<typeof migrate> {
  try {
    return await migrate(databaseUrl)
  } catch (error) {
    const { host, pathname } = new URL(databaseUrl)
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`the database ${host}${pathname} can't be used: ${why}`, { cause: error })
  }
}

/**
 * A process that only stands by says at once that it could not lead (S16), and not when it is needed. What was confirmed
 * without need counts for nothing, so that it does not confirm something else later.
 */
async function confirmedAtStart(options: FrameworkOptions, deps: Deps): Promise<Confirmed | undefined> {
  const { config, log, confirmation } = options
  const question = { name: config.framework.name, cluster: clusterOf(config.mesos.masters) }
  const { present, problem } = await useCases.checkOrigin(deps, { ...question, said: unconfirmed })
  if (!present.database) {
    log.warn(
      'the database does not tell its system identifier (pg_control_system): a copied database would not be noticed',
    )
  }
  const { yes, sameCluster } = confirmation
  if (problem === undefined) {
    if (yes || sameCluster) log.warn('nothing had to be confirmed: leave out --yes and --same-cluster')
    return undefined
  }
  const left = await useCases.checkOrigin(deps, { ...question, said: confirmation })
  if (left.problem !== undefined) throw new useCases.UseCaseError('origin_refused', left.problem)
  log.warn({ yes, sameCluster }, 'confirmed; carried out once this process leads')
  return { said: confirmation, problem }
}

/** `whyWaits`: only the leader knows it, so only its answers say it. */
function taskUseCases(deps: Deps, whyWaits: (taskId: number) => string | undefined): TaskUseCases {
  return {
    submit: args => useCases.submitTask(deps, args),
    async get(args) {
      const task = await useCases.getTask(deps, args)
      const why = task?.state === 'QUEUED' ? whyWaits(task.id) : undefined
      if (!task || why === undefined) return task
      return { ...task, message: `${task.message === undefined ? '' : `${task.message}. `}Waiting: ${why}` }
    },
    list: args => useCases.listTasks(deps, args),
    kill: args => useCases.requestKill(deps, args),
  }
}

/** Agents may ask for credentials of their own. */
function allAgentFiles({ mesos }: Config): AllAgentFiles {
  const { agentPrincipal: principal, agentSecret: secret, ca } = mesos
  return new AllAgentFiles({
    credential: principal === undefined || secret === undefined ? undefined : { principal, secret },
    ca,
  })
}

/** Beside the sources: what was packed stays until the sources change. */
export const defaultPackDir = join(import.meta.dirname, '../build/executor')
