// The leader's half of the map: lease, store, Mesos and hints, tied to the scheduler. See wiring.ts for the rest.
import { SchedulerClient } from 'mesos-http-client'
import type { Config } from './config.ts'
import { clusterOf, type Confirmed } from './domain/origin.ts'
import { partLogger, type Logger } from './observability/log.ts'
import type { Metrics } from './observability/metrics.ts'
import { firstFit } from './placement/first-fit.ts'
import { leaderStore } from './scheduler/leader-store.ts'
import { OriginGuard } from './scheduler/origin.ts'
import { agentSchemeOf } from './scheduler/offer-snapshot.ts'
import { Scheduler, type FatalCause } from './scheduler/scheduler.ts'
import type { ConnectOptions, MesosConnection, SchedulerSettings } from './scheduler/settings.ts'
import { Term } from './scheduler/term.ts'
import { leaderLease, Leadership, Listener } from './store/index.ts'
import {
  adoptOrigin,
  checkOrigin,
  forgetFramework,
  forsakeFramework,
  type LeaderDeps,
  type LeaseHold,
} from './usecases/index.ts'

export interface SchedulerWiringOptions {
  readonly config: Config
  readonly deps: LeaderDeps
  readonly metrics: Metrics
  readonly log: Logger
  /** Where agents fetch the executor's archives from. */
  readonly executorUris: readonly string[]
  /** What else runs only at the leader begins with a hold, and ends without one. */
  readonly onLeading?: (hold: LeaseHold | undefined) => void
  /** A hint for it: the outbox has something. */
  readonly onOutbox?: () => void
  readonly onFatal: (cause: FatalCause, message: string) => void
  /** What the operator confirmed at the start; nothing if absent. */
  readonly confirmed?: Confirmed | undefined
  /** Else the usual ones; for tests that must not wait, or that come between us and Mesos. */
  readonly pollMs?: number
  readonly takeoverMs?: number
  readonly failoverGraceMs?: number
  readonly connect?: (options: ConnectOptions) => MesosConnection
}

export interface WiredScheduler {
  readonly scheduler: Scheduler
  start(): void
  close(): Promise<void>
}

/** How an executor of this configuration looks, and what the loop may take its time for. */
function schedulerSettings(
  config: Config,
  executorUris: readonly string[],
  pollMs?: number,
): SchedulerSettings {
  const { mesos, framework, executor, publicUrl } = config
  const { registryAuthFile } = executor
  return {
    framework: {
      name: framework.name,
      user: framework.user,
      roles: mesos.roles,
      failoverTimeoutSeconds: framework.failoverTimeoutSeconds,
      webuiUrl: publicUrl,
      hostname: config.hostname,
      ...(mesos.principal === undefined ? {} : { principal: mesos.principal }),
    },
    executor: {
      uris: executorUris,
      source: framework.name,
      cpuMillis: executor.cpusMillis,
      memMb: executor.memMb,
      diskMb: executor.diskMb,
      settings: {
        dockerHost: executor.dockerHost,
        commandUser: executor.commandUser,
        sandboxRetentionMs: executor.sandboxRetentionMs,
        ...(registryAuthFile === undefined ? {} : { registryAuthFile }),
      },
    },
    agentScheme: agentSchemeOf(mesos),
    coldAgents: 20,
    launchTimeoutMs: 20_000,
    pollMs: pollMs ?? 1250,
  }
}

/** For people who ask who leads. */
function holderOf({ hostname, marathonAppId }: Config): string {
  const app = marathonAppId === undefined ? '' : `, Marathon app ${marathonAppId}`
  return `${hostname} process ${process.pid}${app}`
}

export function wireScheduler(options: SchedulerWiringOptions): WiredScheduler {
  const { config, deps, metrics, onFatal } = options
  const log = partLogger(options.log, 'scheduler')
  const settings = schedulerSettings(config, options.executorUris, options.pollMs)
  const { name } = config.framework
  const cluster = clusterOf(config.mesos.masters)
  const origin = new OriginGuard(options.confirmed, log)
  const onError = (error: Error): void => log.warn({ err: error }, 'store connection')
  const scheduler = new Scheduler({
    candidacy: onPhase =>
      new Leadership({
        url: config.databaseUrl,
        name: leaderLease,
        holder: holderOf(config),
        address: config.advertiseUrl,
        onPhase,
        onError,
        ...(options.takeoverMs === undefined ? {} : { pollMs: options.takeoverMs }),
      }),
    term: (hold, onEnd) =>
      new Term(
        {
          settings,
          store: leaderStore(deps, hold, cluster),
          settleOrigin: () =>
            origin.settle({
              check: said => checkOrigin(deps, { name, cluster, said }),
              adopt: present => adoptOrigin(deps, hold, { name, origin: present }),
              forsake: why => forsakeFramework(deps, hold, { name, why }),
            }),
          connect: options.connect ?? (to => connectToMesos(config, to, log)),
          placement: firstFit,
          now: () => deps.now().getTime(),
          random: Math.random,
          log,
          metrics,
        },
        onEnd,
      ),
    forgetFramework: hold => forgetFramework(deps, hold, { name }),
    onFatal,
    onLeading: hold => {
      metrics.leader.set(hold ? 1 : 0)
      options.onLeading?.(hold)
    },
    log,
    ...(options.failoverGraceMs === undefined ? {} : { failoverGraceMs: options.failoverGraceMs }),
  })
  const listener = new Listener({
    url: config.databaseUrl,
    channels: ['pending', 'kills', 'outbox'],
    onHint: channel => (channel === 'outbox' ? options.onOutbox?.() : scheduler.hint(channel)),
    onError,
  })
  return {
    scheduler,
    start() {
      listener.start()
      scheduler.start()
    },
    async close() {
      await listener.close()
      await scheduler.close()
    },
  }
}

/** The scheduler's connection as configured. */
export function connectToMesos(config: Config, options: ConnectOptions, log: Logger): MesosConnection {
  const { masters, codec, principal, secret, ca } = config.mesos
  return new SchedulerClient({
    masters,
    codec,
    ca,
    credential: principal === undefined || secret === undefined ? undefined : { principal, secret },
    frameworkInfo: options.frameworkInfo,
    frameworkId: options.frameworkId,
    suppressedRoles: options.suppressedRoles,
    onEvent: options.onEvent,
    onPhase: options.onPhase,
    onBlind: cause => {
      if (cause === undefined) log.info('ZooKeeper answers again')
      else
        log.warn(
          { cause: cause.message },
          'ZooKeeper does not answer: another leading master would not be noticed',
        )
    },
    onSkipped: reason => log.warn({ err: reason }, 'an event of Mesos that is not understood'),
  })
}
