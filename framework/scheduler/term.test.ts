// A term with a recorded connection to Mesos: what is sent when, over subscriptions that come and go.
import { expect } from 'chai'
import { MesosError, type SchedulerCall } from 'mesos-http-client'
import { createLogger } from '../observability/log.ts'
import { createMetrics } from '../observability/metrics.ts'
import { firstFit } from '../placement/first-fit.ts'
import type { FrameworkRecord, PendingTask } from '../usecases/index.ts'
import type { LeaderStore } from './leader-store.ts'
import type { ConnectOptions, MesosConnection, TermEnd } from './settings.ts'
import { Term } from './term.ts'
import { eventually, offer, pendingTask, RecordedCalls } from './testing/support.ts'

class Connection extends RecordedCalls implements MesosConnection {
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

  subscribe(frameworkId = 'f-1'): void {
    this.suppressed.push(this.options.suppressedRoles())
    this.options.onPhase({
      name: 'subscribed',
      streamId: 's',
      frameworkId,
      url: 'http://master',
      masterInfo: undefined,
      heartbeatMs: 15_000,
    })
  }

  lose(): void {
    const cause = new MesosError('disconnected', 'lost')
    this.options.onPhase({ name: 'waiting', untilMs: 0, cause })
  }

  offer(id: string): void {
    this.options.onEvent({ type: 'OFFERS', offers: { offers: [offer(id)] } })
  }

  has(type: NonNullable<SchedulerCall['type']>): boolean {
    return this.of(type).length > 0
  }
}

class Fixture {
  readonly ends: TermEnd[] = []
  readonly saved: FrameworkRecord[] = []
  pending: PendingTask[] = []
  known: FrameworkRecord | undefined
  save: () => Promise<void> = () => Promise.resolve()
  connection: Connection | undefined
  readonly #resolved = Promise.withResolvers<Connection>()

  readonly store: LeaderStore = {
    loadPending: () => Promise.resolve({ tasks: this.pending, horizon: '1' }),
    loadActive: () => Promise.resolve([]),
    loadKills: () => Promise.resolve([]),
    countTasks: () => Promise.resolve({ BLOCKED: 0, QUEUED: 0, LAUNCHING: 0, RUNNING: 0 }),
    loadExecutorGenerations: () =>
      Promise.resolve(new Map([['agent-1', { generation: 7, since: new Date(0) }]])),
    loadFramework: () => Promise.resolve(this.known),
    saveFramework: async record => {
      await this.save()
      this.saved.push(record)
    },
    commitIntents: intents => Promise.resolve(new Set(intents.map(({ mesosTaskId }) => mesosTaskId))),
    withdrawIntents: () => Promise.resolve(new Set()),
    applyStatusUpdates: updates =>
      Promise.resolve(updates.map(({ mesosTaskId }) => ({ mesosTaskId, effect: 'ignored', kill: false }))),
    applyTimers: () => Promise.resolve({ expired: [], abandoned: [], overran: [] }),
    recordExecutorLoss: () => Promise.resolve({ generation: 8, released: [] }),
    growExecutorGeneration: () => Promise.resolve(8),
    maintainStore: () => Promise.resolve(),
  }

  readonly term = new Term(
    {
      settings: {
        framework: {
          name: 'juice',
          user: 'root',
          role: 'juice',
          failoverTimeoutSeconds: 1,
          webuiUrl: 'http://x',
          hostname: 'x',
        },
        executor: { uris: [], source: 'test', settings: {}, cpuMillis: 100, memMb: 32, diskMb: 0 },
        coldAgents: 1,
        launchTimeoutMs: 1000,
        pollMs: 3_600_000,
      },
      store: this.store,
      connect: options => {
        this.connection = new Connection(options)
        this.#resolved.resolve(this.connection)
        return this.connection
      },
      placement: firstFit,
      now: Date.now,
      random: () => 0.5,
      log: createLogger({ level: 'silent', format: 'json', appName: 'juice', instance: 'test' }),
      metrics: createMetrics({ ofProcess: false }),
    },
    end => this.ends.push(end),
  )

  /** Starts the term; resolves when it turns to Mesos. */
  async start(): Promise<Connection> {
    this.term.start()
    return await this.#resolved.promise
  }
}

describe('term', () => {
  let at: Fixture

  beforeEach(() => {
    at = new Fixture()
  })

  afterEach(() => at.term.close())

  it('launches nothing before the framework id is safe (S5)', async () => {
    const saving = Promise.withResolvers<void>()
    at.save = () => saving.promise
    at.pending = [pendingTask(1)]
    const mesos = await at.start()
    mesos.subscribe()
    mesos.offer('o1')
    await new Promise(resolve => setImmediate(resolve))
    expect(mesos.calls).to.deep.equal([])
    saving.resolve()
    await mesos.until('ACCEPT')
    expect(at.saved.map(({ frameworkId }) => frameworkId)).to.deep.equal(['f-1'])
    const [info] = mesos.of('ACCEPT')[0]?.accept?.operations?.[0]?.launch?.task_infos ?? []
    expect(info?.executor?.framework_id).to.deep.equal({ value: 'f-1' })
    expect(info?.executor?.executor_id.value).to.match(/-7$/)
  })

  it('tries again to save it where the store fails', async () => {
    at.save = () => {
      at.save = () => Promise.resolve()
      return Promise.reject(new Error('store'))
    }
    const mesos = await at.start()
    mesos.subscribe()
    await eventually(() => at.term.subscribed)
    expect(at.saved).to.have.length(1)
  })

  it('says at each subscription whether it wants offers (S37)', async () => {
    const mesos = await at.start()
    mesos.subscribe()
    await eventually(() => at.term.subscribed)
    mesos.lose()
    at.pending = [pendingTask(1)]
    at.term.hint('pending')
    await new Promise(resolve => setImmediate(resolve))
    mesos.subscribe()
    expect(mesos.suppressed).to.deep.equal([['juice'], []])
  })

  it('forgets offers with their subscription (S38)', async () => {
    const mesos = await at.start()
    mesos.subscribe()
    await eventually(() => at.term.subscribed)
    mesos.offer('o1')
    mesos.lose()
    mesos.subscribe()
    await eventually(() => at.term.subscribed)
    at.pending = [pendingTask(1)]
    at.term.hint('pending')
    await mesos.until('REVIVE')
    expect(mesos.has('ACCEPT')).to.equal(false)
    mesos.offer('o2')
    await mesos.until('ACCEPT')
    expect(mesos.of('ACCEPT')[0]?.accept?.offer_ids).to.deep.equal([{ value: 'o2' }])
  })

  it('launches nothing on an offer that was rescinded (S39)', async () => {
    const mesos = await at.start()
    mesos.subscribe()
    await eventually(() => at.term.subscribed)
    mesos.offer('o1')
    mesos.options.onEvent({ type: 'RESCIND', rescind: { offer_id: { value: 'o1' } } })
    at.pending = [pendingTask(1)]
    at.term.hint('pending')
    await mesos.until('REVIVE')
    expect(mesos.has('ACCEPT')).to.equal(false)
  })

  it('lets an idle agent go for maintenance (S44)', async () => {
    const mesos = await at.start()
    mesos.subscribe()
    mesos.options.onEvent({
      type: 'INVERSE_OFFERS',
      inverse_offers: {
        inverse_offers: [
          {
            id: { value: 'i1' },
            framework_id: { value: 'f-1' },
            agent_id: { value: 'agent-1' },
            unavailability: { start: { nanoseconds: 0 } },
          },
        ],
      },
    })
    await mesos.until('ACCEPT_INVERSE_OFFERS')
  })

  const ends: [string, MesosError, object][] = [
    ['failed over', new MesosError('failed_over', 'm'), { name: 'failed_over', message: 'm' }],
    ['removed', new MesosError('framework_removed', 'm'), { name: 'removed', frameworkId: 'f-1', live: 0 }],
    ['refused', new MesosError('unauthenticated', 'm'), { name: 'refused', message: 'm' }],
  ]
  for (const [title, cause, end] of ends) {
    it(`ends once where Mesos says: ${title} (S15, S16, S18)`, async () => {
      const mesos = await at.start()
      mesos.subscribe()
      await eventually(() => at.term.subscribed)
      mesos.options.onPhase({ name: 'closed', cause })
      await eventually(() => at.ends.length > 0)
      mesos.options.onPhase({ name: 'closed', cause })
      expect(at.ends).to.deep.equal([end])
    })
  }
})
