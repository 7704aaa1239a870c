// One turn of the leader with recorded calls: what is committed, what is sent, and what happens where either fails.
import { expect } from 'chai'
import { MesosError, type SchedulerCall } from 'mesos-http-client'
import { createMetrics } from '../observability/metrics.ts'
import { firstFit } from '../placement/first-fit.ts'
import type { Intent } from '../usecases/index.ts'
import { Agents } from './agents.ts'
import { executorInfo } from './executor-info.ts'
import { LaunchCycle } from './launch-cycle.ts'
import { LaunchWatch } from './launch-watch.ts'
import { OfferBook } from './offer-book.ts'
import { PendingQueue } from './pending-queue.ts'
import { offer, pendingTask, RecordedCalls, scalar, taskSpec, TestClock } from './testing/support.ts'
import { WaitReasons } from './wait-reasons.ts'

class Fixture {
  readonly clock = new TestClock()
  readonly calls = new RecordedCalls()
  readonly queue = new PendingQueue({ executorBytes: 500 })
  readonly book = new OfferBook()
  readonly watch = new LaunchWatch({ timeoutMs: 20_000 })
  readonly reasons = new WaitReasons(['juice'])
  readonly agents = new Agents({
    roles: ['juice'],
    coldLimit: 10,
    makeExecutor: (generation, resources) =>
      executorInfo({
        template: { uris: [], settings: {}, source: '' },
        frameworkId: 'f',
        resources,
        generation,
      }),
  })
  readonly committed: Intent[] = []
  readonly withdrawn: string[] = []
  readonly errors: unknown[] = []
  queued = 0
  storeFails = false
  /** Which intents come back. */
  commit: (intents: readonly Intent[]) => Promise<Set<string>> = intents =>
    Promise.resolve(new Set(intents.map(({ mesosTaskId }) => mesosTaskId)))

  readonly cycle = new LaunchCycle({
    store: {
      commitIntents: async intents => {
        const came = await this.commit(intents)
        this.committed.push(...intents.filter(({ mesosTaskId }) => came.has(mesosTaskId)))
        return came
      },
      withdrawIntents: async ({ intents }) => {
        const ids = intents.map(({ mesosTaskId }) => mesosTaskId)
        if (this.storeFails) throw new Error('store')
        this.withdrawn.push(...ids)
        return new Set(ids)
      },
    },
    calls: this.calls,
    queue: this.queue,
    book: this.book,
    agents: this.agents,
    watch: this.watch,
    reasons: this.reasons,
    placement: firstFit,
    policy: {
      executor: { cpuMillis: 100, memMb: 64, diskMb: 0 },
      maxTasks: 3,
      maxLaunchBytes: 3_500_000,
      assumedRuntimeMs: 3_600_000,
      refuse: { noFitSeconds: 60, soonSeconds: 1 },
    },
    roles: ['juice'],
    agentScheme: 'http',
    now: this.clock.now,
    random: () => 0.5,
    onLaunching: () => {},
    onQueued: () => (this.queued += 1),
    onError: error => this.errors.push(error),
    metrics: createMetrics({ ofProcess: false }),
  })

  put(...taskIds: number[]): void {
    for (const taskId of taskIds) this.queue.put(pendingTask(taskId), this.clock.now())
  }

  /** As the term does: offers come, then the cycle looks. */
  async offers(...offers: Parameters<OfferBook['add']>[0]): Promise<number | undefined> {
    this.book.add(offers)
    this.cycle.offersCame()
    return await this.cycle.run()
  }
}

function launched(call: SchedulerCall | undefined): string[] {
  return (call?.accept?.operations ?? []).flatMap(o => o.launch?.task_infos ?? []).map(t => t.task_id.value)
}

const types = (calls: readonly SchedulerCall[]): unknown[] => calls.map(({ type }) => type)

describe('launch cycle', () => {
  let at: Fixture

  beforeEach(() => {
    at = new Fixture()
  })

  it('asks for offers when something waits, launches, holds the rest a moment, then suppresses (S32)', async () => {
    at.cycle.subscribed(true)
    expect(await at.cycle.run()).to.equal(undefined)
    expect(at.calls.calls).to.deep.equal([])
    at.put(1)
    await at.cycle.run()
    expect(at.calls.calls).to.deep.equal([{ type: 'REVIVE', revive: { roles: ['juice'] } }])
    expect(await at.offers(offer('o1'), offer('o2', 'agent-2'))).to.equal(2000)
    expect(types(at.calls.calls)).to.deep.equal(['REVIVE', 'ACCEPT'])
    at.clock.pass(2000)
    await at.cycle.run()
    expect(at.calls.calls.slice(2)).to.deep.equal([
      { type: 'DECLINE', decline: { offer_ids: [{ value: 'o2' }], filters: { refuse_seconds: 3600 } } },
      { type: 'SUPPRESS', suppress: { roles: ['juice'] } },
    ])
    expect(await at.cycle.run()).to.equal(undefined)
    expect(at.calls.calls).to.have.length(4)
  })

  it('sends a complete ACCEPT (S40–S42, S47, S48)', async () => {
    at.cycle.subscribed(false)
    at.put(1)
    await at.offers(offer('o1'))
    const [call] = at.calls.of('ACCEPT')
    expect(call?.accept).to.deep.include({
      offer_ids: [{ value: 'o1' }],
      filters: { refuse_seconds: 0 },
    })
    const [info] = call?.accept?.operations?.[0]?.launch?.task_infos ?? []
    expect(info?.agent_id).to.deep.equal({ value: 'agent-1' })
    expect(info?.resources).to.deep.equal([scalar('cpus', 0.5), scalar('mem', 64)])
    expect(info?.executor?.resources).to.deep.equal([scalar('cpus', 0.1), scalar('mem', 64)])
    expect(at.committed).to.deep.equal([
      {
        taskId: 1,
        attempt: 1,
        mesosTaskId: info?.task_id.value,
        agentId: 'agent-1',
        hostname: 'agent-1.example',
        agentUrl: 'http://10.0.0.1:5051',
        executorId: info?.executor?.executor_id.value,
        executorGeneration: 0,
      },
    ])
  })

  it('commits first, and sends only what came back (S49)', async () => {
    const commit = Promise.withResolvers<void>()
    at.commit = async intents => {
      await commit.promise
      return new Set(intents.slice(1).map(({ mesosTaskId }) => mesosTaskId))
    }
    at.cycle.subscribed(false)
    at.put(1, 2)
    const run = at.offers(offer('o1'))
    await Promise.resolve()
    expect(at.calls.calls).to.deep.equal([])
    commit.resolve()
    await run
    expect(launched(at.calls.of('ACCEPT')[0])).to.deep.equal([at.committed[0]?.mesosTaskId])
    expect(at.committed.map(({ taskId }) => taskId)).to.deep.equal([2])
    expect(at.queue.size).to.equal(0)
  })

  it('gives the offers back at once where nothing came back', async () => {
    at.commit = () => Promise.resolve(new Set())
    at.cycle.subscribed(false)
    at.put(1)
    await at.offers(offer('o1'))
    expect(at.calls.calls).to.deep.equal([
      { type: 'DECLINE', decline: { offer_ids: [{ value: 'o1' }], filters: { refuse_seconds: 0 } } },
    ])
    expect(at.agents.states(at.clock.now()).get('agent-1')?.executors.get('juice')).to.equal('absent')
  })

  it('keeps tasks and offers where the store fails', async () => {
    at.cycle.subscribed(false)
    at.put(1)
    const commit = at.commit
    at.commit = () => Promise.reject(new Error('store'))
    const failed = await at.offers(offer('o1')).catch((error: unknown) => error)
    expect(failed).to.be.instanceOf(Error)
    expect([at.queue.size, at.book.size, at.calls.calls.length]).to.deep.equal([1, 1, 0])
    at.commit = commit
    await at.cycle.run()
    expect(at.calls.of('ACCEPT')).to.have.length(1)
  })

  it('takes back what a store that did not answer may have committed, before it launches anything (S49)', async () => {
    const lost: string[] = []
    const commit = at.commit
    at.commit = intents => {
      lost.push(...intents.map(({ mesosTaskId }) => mesosTaskId))
      return Promise.reject(new Error('the connection broke during the commit'))
    }
    at.cycle.subscribed(false)
    at.put(1)
    await at.offers(offer('o1')).catch(() => {})
    at.commit = commit
    at.storeFails = true
    const failed = await at.cycle.run().catch((error: unknown) => error)
    expect(failed).to.be.instanceOf(Error)
    expect([at.committed.length, at.calls.calls.length]).to.deep.equal([0, 0])
    at.storeFails = false
    await at.cycle.run()
    expect(at.withdrawn).to.deep.equal(lost)
    expect(at.queued).to.equal(1)
    expect(at.calls.of('ACCEPT')).to.have.length(1)
    at.put(2)
    await at.offers(offer('o2'))
    expect(at.withdrawn).to.deep.equal(lost)
  })

  it('withdraws what can no longer be sent because the subscription ended meanwhile (S38)', async () => {
    at.commit = intents => {
      at.cycle.unsubscribed()
      at.cycle.subscribed(false)
      return Promise.resolve(new Set(intents.map(({ mesosTaskId }) => mesosTaskId)))
    }
    at.cycle.subscribed(false)
    at.put(1)
    await at.offers(offer('o1'))
    expect(at.calls.calls).to.deep.equal([])
    expect(at.withdrawn).to.deep.equal(at.committed.map(({ mesosTaskId }) => mesosTaskId))
    expect(at.queued).to.equal(1)
  })

  it('withdraws what surely was not sent, and lets the master be asked for the rest', async () => {
    for (const [code, withdrawn, asked] of [
      ['not_subscribed', 1, 0],
      ['timeout', 0, 1],
    ] as const) {
      at = new Fixture()
      at.calls.fail = call => (call.type === 'ACCEPT' ? new MesosError(code, 'no') : undefined)
      at.cycle.subscribed(false)
      at.put(1)
      await at.offers(offer('o1'))
      await at.cycle.close()
      expect(at.withdrawn).to.have.length(withdrawn)
      expect(at.watch.overdue(at.clock.now() + 1000)).to.have.length(asked)
    }
  })

  it('says "being sent" of a launch until Mesos has it', async () => {
    const sent = Promise.withResolvers<void>()
    at.calls.call = () => sent.promise
    at.cycle.subscribed(false)
    at.put(1)
    await at.offers(offer('o1'))
    const id = at.committed[0]?.mesosTaskId ?? ''
    expect(at.watch.isSending(id)).to.equal(true)
    sent.resolve()
    await at.cycle.close()
    expect(at.watch.isSending(id)).to.equal(false)
    expect(at.watch.overdue(at.clock.now() + 20_000)).to.deep.equal([{ mesosTaskId: id, agentId: 'agent-1' }])
  })

  it('plans on at once while a plan is full', async () => {
    at.cycle.subscribed(false)
    at.put(1, 2, 3, 4, 5)
    expect(await at.offers(offer('o1'), offer('o2', 'agent-2'))).to.equal(0)
    await at.cycle.run()
    expect(at.calls.calls.map(call => launched(call).length)).to.deep.equal([3, 2])
  })

  it('refuses what does not fit for long, says why, and asks again only for newcomers (S33, S34)', async () => {
    at.cycle.subscribed(false)
    at.queue.put(
      pendingTask(1, {
        spec: taskSpec({ resources: { cpuMillis: 64_000, memMb: 64, diskMb: 0, ports: 0 } }),
      }),
      at.clock.now(),
    )
    await at.offers(offer('o1'))
    expect(at.calls.calls).to.deep.equal([
      { type: 'DECLINE', decline: { offer_ids: [{ value: 'o1' }], filters: { refuse_seconds: 60 } } },
    ])
    expect(at.reasons.reason(at.queue.shapeKey(1) ?? '')).to.equal(
      '1 agent: not enough cpus (largest free 3.9 of 64)',
    )
    at.clock.pass(10)
    await at.cycle.run()
    expect(at.calls.calls).to.have.length(1)
    at.put(2)
    await at.cycle.run()
    expect(types(at.calls.calls.slice(1))).to.deep.equal(['REVIVE'])
  })

  it('limits REVIVE (S35)', async () => {
    at.cycle.subscribed(true)
    let next: number | undefined
    for (let taskId = 1; taskId <= 7; taskId += 1) {
      at.put(taskId)
      next = await at.cycle.run()
      await at.offers(offer(`o${taskId}`, 'agent-1', [scalar('cpus', 0.05)]))
      at.clock.pass(10)
    }
    expect(at.calls.of('REVIVE')).to.have.length(5)
    expect(next).to.be.closeTo(940, 1)
  })

  it('takes a REVIVE that failed for not sent', async () => {
    at.calls.fail = call => (call.type === 'REVIVE' ? new MesosError('timeout', 'no') : undefined)
    at.cycle.subscribed(true)
    at.put(1)
    await at.cycle.run()
    await Promise.resolve()
    await at.cycle.run()
    expect(at.calls.of('REVIVE')).to.have.length(2)
  })

  it('waits for a task whose time has not come without asking for offers', async () => {
    at.cycle.subscribed(true)
    at.queue.put(pendingTask(1, { notBefore: new Date(at.clock.now() + 500) }), at.clock.now())
    expect(at.cycle.wantsOffers).to.equal(false)
    expect(await at.cycle.run()).to.equal(500)
    at.clock.pass(500)
    await at.cycle.run()
    expect(types(at.calls.calls)).to.deep.equal(['REVIVE'])
  })
})
