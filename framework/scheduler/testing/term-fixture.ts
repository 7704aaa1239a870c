// A term with a store in memory and a connection that a test plays.
import {
  MesosError,
  type InverseOffer,
  type Offer,
  type SchedulerCall,
  type SchedulerEvent,
} from 'mesos-http-client'
import type { CurrentAttempt } from '../../domain/task.ts'
import { createLogger } from '../../observability/log.ts'
import { createMetrics } from '../../observability/metrics.ts'
import { firstFit } from '../../placement/first-fit.ts'
import type { FrameworkRecord, Intent, PendingTask, StatusUpdate } from '../../usecases/index.ts'
import type { LeaderStore } from '../leader-store.ts'
import type { ConnectOptions, MesosConnection, TermEnd } from '../settings.ts'
import { Term } from '../term.ts'
import { offer, RecordedCalls } from './support.ts'

export class Connection extends RecordedCalls implements MesosConnection {
  readonly options: ConnectOptions
  /** What each SUBSCRIBE said of suppressed roles. */
  readonly suppressed: (readonly string[])[] = []

  constructor(options: ConnectOptions) {
    super()
    this.options = options
  }

  start(): void {}
  pause(): void {}
  resume(): void {}
  close(): Promise<void> {
    return Promise.resolve()
  }

  /** `region`: where the master stands. */
  subscribe(frameworkId = 'f-1', region?: string): void {
    this.suppressed.push(this.options.suppressedRoles())
    this.options.onPhase({
      name: 'subscribed',
      streamId: 's',
      frameworkId,
      url: 'http://master',
      masterInfo: region === undefined ? undefined : masterIn(region),
      heartbeatMs: 15_000,
    })
  }

  lose(): void {
    const cause = new MesosError('disconnected', 'lost')
    this.options.onPhase({ name: 'waiting', untilMs: 0, cause })
  }

  offer(id: string, more: Partial<Offer> = {}): void {
    this.options.onEvent({ type: 'OFFERS', offers: { offers: [{ ...offer(id), ...more }] } })
  }

  /** Several at once; what one of the ids is asked is whether `agentId` may go for maintenance. */
  inverseOffers(agentId: string, ...ids: string[]): void {
    const inverse = ids.map((id): InverseOffer => ({
      id: { value: id },
      framework_id: { value: 'f-1' },
      agent_id: { value: agentId },
      unavailability: { start: { nanoseconds: 0 } },
    }))
    this.options.onEvent({ type: 'INVERSE_OFFERS', inverse_offers: { inverse_offers: inverse } })
  }

  /** Plays recorded events, but for those of the connection itself. */
  play(events: readonly SchedulerEvent[]): void {
    for (const event of events) {
      if (event.type !== 'SUBSCRIBED' && event.type !== 'HEARTBEAT') this.options.onEvent(event)
    }
  }

  has(type: NonNullable<SchedulerCall['type']>): boolean {
    return this.of(type).length > 0
  }
}

export class TermFixture {
  readonly ends: TermEnd[] = []
  readonly saved: FrameworkRecord[] = []
  pending: PendingTask[] = []
  active: CurrentAttempt[] = []
  readonly committed: Intent[] = []
  readonly heard: StatusUpdate[] = []
  now = Date.now
  known: FrameworkRecord | undefined
  save: () => Promise<void> = () => Promise.resolve()
  connection: Connection | undefined
  /** Why the term must not begin. */
  refusal: string | undefined
  readonly #resolved = Promise.withResolvers<Connection>()

  readonly store: LeaderStore = {
    loadPending: () => Promise.resolve({ tasks: this.pending, horizon: '1' }),
    loadActive: () => Promise.resolve(this.active),
    loadKills: () => Promise.resolve([]),
    countTasks: () => Promise.resolve({ BLOCKED: 0, QUEUED: 0, LAUNCHING: 0, RUNNING: 0 }),
    loadExecutorGenerations: () =>
      Promise.resolve(new Map([['agent-1', { generation: 7, since: new Date(0) }]])),
    loadFramework: () => Promise.resolve(this.known),
    saveFramework: async record => {
      await this.save()
      this.saved.push(record)
    },
    commitIntents: intents => {
      this.committed.push(...intents)
      return Promise.resolve(new Set(intents.map(({ mesosTaskId }) => mesosTaskId)))
    },
    withdrawIntents: () => Promise.resolve(new Set()),
    applyStatusUpdates: updates => {
      this.heard.push(...updates)
      return Promise.resolve(
        updates.map(({ mesosTaskId }) => ({ mesosTaskId, effect: 'ignored', kill: false })),
      )
    },
    applyTimers: () => Promise.resolve({ expired: [], abandoned: [], overran: [] }),
    recordExecutorLoss: () => Promise.resolve({ generation: 8, released: [] }),
    growExecutorGeneration: () => Promise.resolve(8),
    maintainStore: () => Promise.resolve(),
  }

  readonly #roles: readonly string[]
  readonly term: Term

  constructor(roles: readonly string[] = ['juice']) {
    this.#roles = roles
    this.term = this.#build()
  }

  #build(): Term {
    return new Term(
      {
        settings: {
          framework: {
            name: 'juice',
            user: 'root',
            roles: this.#roles,
            failoverTimeoutSeconds: 1,
            webuiUrl: 'http://x',
            hostname: 'x',
          },
          executor: { uris: [], source: 'test', settings: {}, cpuMillis: 100, memMb: 32, diskMb: 0 },
          agentScheme: 'http',
          coldAgents: 10,
          launchTimeoutMs: 1000,
          pollMs: 3_600_000,
        },
        store: this.store,
        settleOrigin: () => Promise.resolve(this.refusal),
        connect: options => {
          this.connection = new Connection(options)
          this.#resolved.resolve(this.connection)
          return this.connection
        },
        placement: firstFit,
        now: () => this.now(),
        random: () => 0.5,
        log: createLogger({ level: 'silent', format: 'json', appName: 'juice', instance: 'test' }),
        metrics: createMetrics({ ofProcess: false }),
      },
      end => this.ends.push(end),
    )
  }

  /** Starts the term; resolves when it turns to Mesos. */
  async start(): Promise<Connection> {
    this.term.start()
    return await this.#resolved.promise
  }
}

function masterIn(region: string) {
  const domain = { fault_domain: { region: { name: region }, zone: { name: 'z' } } }
  return { id: 'm', ip: 0, port: 5050, domain }
}
