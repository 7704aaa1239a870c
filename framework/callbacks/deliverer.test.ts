// The deliverer over a store and a receiver in memory.
import { expect } from 'chai'
import { pino } from 'pino'
import { Compile } from 'typebox/compile'
import { CallbackBody } from '../http/schemas/answers.ts'
import { callbackJson } from '../http/task-json.ts'
import { exampleTask } from '../http/test-support.ts'
import { createMetrics } from '../observability/metrics.ts'
import type { CallbackResult, DueCallback } from '../usecases/types.ts'
import { Deliverer, type CallbackStore, type DelivererOptions } from './deliverer.ts'
import { mostTries } from './retry.ts'
import type { CallbackRequest, SendOutcome } from './send.ts'

const now = new Date('2026-05-01T00:00:00Z')

function due(outboxId: number, tries = 1): DueCallback {
  const { spec: _, ...task } = exampleTask({ id: outboxId + 100, state: 'FINISHED' })
  return { outboxId, tenant: 'default', url: 'http://hook.example/', task, tries, createdAt: now }
}

/** A store that gives what is in `waiting` and tells what it was asked for. */
class MemoryStore implements CallbackStore {
  waiting: DueCallback[] = []
  failure: Error | undefined
  readonly recorded: CallbackResult[] = []
  readonly limits: number[] = []
  ingested = 0
  #watchers: { condition: () => boolean; resolve: () => void }[] = []

  async ingest(): Promise<number> {
    this.ingested++
    this.#changed()
    if (this.failure !== undefined) throw this.failure
    return 0
  }

  async claim(args: { limit: number }): Promise<readonly DueCallback[]> {
    this.limits.push(args.limit)
    const claimed = this.waiting.slice(0, args.limit)
    this.waiting = this.waiting.slice(args.limit)
    return claimed
  }

  async record(results: readonly CallbackResult[]): Promise<void> {
    this.#changed()
    if (this.failure !== undefined) throw this.failure
    this.recorded.push(...results)
    this.#changed()
  }

  async until(condition: () => boolean): Promise<void> {
    if (condition()) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#watchers.push({ condition, resolve })
    await promise
  }

  #changed(): void {
    for (const watcher of this.#watchers) if (watcher.condition()) watcher.resolve()
  }
}

describe('deliverer of callbacks', function () {
  this.timeout(20_000)
  let store: MemoryStore
  let sent: CallbackRequest[]
  let send: (callback: CallbackRequest, signal: AbortSignal) => Promise<SendOutcome>
  let deliverer: Deliverer
  let metrics: ReturnType<typeof createMetrics>

  const create = (options: Partial<DelivererOptions> = {}): Deliverer =>
    new Deliverer({
      store,
      send: (callback, signal) => {
        sent.push(callback)
        return send(callback, signal)
      },
      bodyOf: callback => callbackJson(callback, 'http://juice.example'),
      now: () => now,
      random: () => 0.5,
      logger: pino({ level: 'silent' }),
      metrics,
      pollMs: 1,
      ...options,
    })

  beforeEach(() => {
    store = new MemoryStore()
    sent = []
    send = async () => ({ name: 'delivered', status: 200 })
    metrics = createMetrics({ ofProcess: false })
    deliverer = create()
  })
  afterEach(() => deliverer.close())

  it('sends what is due and records that it arrived', async () => {
    store.waiting = [due(1), due(2)]
    deliverer.start()
    await store.until(() => store.recorded.length === 2)
    expect(sent.map(({ eventId, url }) => [eventId, url])).to.deep.equal([
      [1, 'http://hook.example/'],
      [2, 'http://hook.example/'],
    ])
    expect(store.recorded.map(({ outboxId, outcome }) => [outboxId, outcome])).to.deep.equal([
      [1, { name: 'delivered', status: 200 }],
      [2, { name: 'delivered', status: 200 }],
    ])
    expect(store.recorded[0]?.startedAt).to.equal(now)
  })

  it('sends the event, the state and the task', async () => {
    store.waiting = [due(7)]
    deliverer.start()
    await store.until(() => store.recorded.length === 1)
    const body: unknown = JSON.parse(sent[0]?.body ?? '')
    expect(Compile(CallbackBody).Errors(body)).to.deep.equal([])
    expect(body).to.include({ id: 7, taskId: 107, state: 'FINISHED' })
  })

  const outcomes: [string, SendOutcome, number, CallbackResult['outcome']][] = [
    [
      'a first failure',
      { name: 'failed', status: 500, error: 'answered 500' },
      1,
      { name: 'retry', at: new Date(now.getTime() + 1000), status: 500, error: 'answered 500' },
    ],
    [
      'a fourth failure',
      { name: 'failed', error: 'refused' },
      4,
      { name: 'retry', at: new Date(now.getTime() + 8000), error: 'refused' },
    ],
    ['the last failure', { name: 'failed', error: 'refused' }, mostTries, { name: 'dead', error: 'refused' }],
    [
      'an address that is not allowed',
      { name: 'refused', error: 'loopback' },
      1,
      { name: 'dead', error: 'loopback' },
    ],
    [
      '410',
      { name: 'refused', status: 410, error: 'answered 410' },
      1,
      { name: 'dead', status: 410, error: 'answered 410' },
    ],
  ]
  for (const [title, outcome, tries, result] of outcomes) {
    it(`after ${title}: ${result.name}`, async () => {
      send = async () => outcome
      store.waiting = [due(1, tries)]
      deliverer.start()
      await store.until(() => store.recorded.length === 1)
      expect(store.recorded[0]?.outcome).to.deep.equal(result)
      expect(await metrics.registry.metrics()).to.contain(`juice_callbacks_total{outcome="${result.name}"} 1`)
    })
  }

  it('looks at once when it is told to', async () => {
    deliverer = create({ pollMs: 3_600_000 })
    deliverer.start()
    await store.until(() => store.ingested === 1)
    store.waiting = [due(1)]
    deliverer.hint()
    await store.until(() => store.recorded.length === 1)
  })

  it('claims the next one of a task as soon as one arrived', async () => {
    deliverer = create({ pollMs: 3_600_000 })
    send = async () => {
      if (sent.length === 1) store.waiting.push(due(2))
      return { name: 'delivered', status: 200 }
    }
    store.waiting = [due(1)]
    deliverer.start()
    await store.until(() => store.recorded.length === 2)
  })

  it('has no more under way than it may', async () => {
    deliverer = create({ concurrency: 3 })
    const releases: (() => void)[] = []
    send = () => new Promise(resolve => releases.push(() => resolve({ name: 'delivered', status: 200 })))
    store.waiting = Array.from({ length: 5 }, (_, index) => due(index + 1))
    deliverer.start()
    const polls = store.ingested + 3
    await store.until(() => store.ingested >= polls)
    expect(sent).to.have.lengthOf(3)
    releases[1]?.()
    await store.until(() => store.recorded.length === 1)
    const more = store.ingested + 2
    await store.until(() => store.ingested >= more)
    expect(sent).to.have.lengthOf(4)
    for (let index = 0; index < 5; index++) {
      while (releases[index] === undefined) await new Promise(resolve => setImmediate(resolve))
      releases[index]?.()
    }
    await store.until(() => store.recorded.length === 5)
  })

  it('keeps results that could not be recorded', async () => {
    store.waiting = [due(1)]
    send = async () => {
      store.failure = new Error('ECONNREFUSED')
      return { name: 'delivered', status: 200 }
    }
    deliverer.start()
    const failing = (): boolean => store.failure !== undefined
    await store.until(failing)
    store.failure = undefined
    await store.until(() => store.recorded.length === 1)
    expect(sent).to.have.lengthOf(1)
  })

  it('keeps results that come while others are recorded', async () => {
    const recording = Promise.withResolvers<void>()
    const arrived = Promise.withResolvers<void>()
    const record = store.record.bind(store)
    store.record = async results => {
      store.record = record
      const given = [...results]
      recording.resolve()
      await arrived.promise
      await record(given)
    }
    send = async ({ eventId }) => {
      if (eventId === 2) {
        await recording.promise
        setImmediate(arrived.resolve)
      }
      return { name: 'delivered', status: 200 }
    }
    store.waiting = [due(1), due(2)]
    deliverer.start()
    await store.until(() => store.recorded.length === 2)
    expect(store.recorded.map(({ outboxId }) => outboxId)).to.deep.equal([1, 2])
  })

  it('stops by itself once the lease is over', async () => {
    store.failure = Object.assign(new Error('epoch 1 is over'), { code: 'lease_lost' })
    deliverer.start()
    await store.until(() => store.ingested === 1)
    store.failure = undefined
    await deliverer.close()
    expect(store.ingested).to.equal(1)
  })

  it('lets what is under way end, and records it, when it is closed', async () => {
    const started = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    send = async () => {
      started.resolve()
      await release.promise
      return { name: 'delivered', status: 200 }
    }
    store.waiting = [due(1)]
    deliverer.start()
    await started.promise
    const closed = deliverer.close()
    release.resolve()
    await closed
    expect(store.recorded).to.have.lengthOf(1)
  })
})
