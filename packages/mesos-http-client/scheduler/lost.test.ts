import { expect } from 'chai'
import { replay } from '../testing/fake-mesos.ts'
import type { FakeStream } from '../testing/fake-mesos.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import {
  errorEvent,
  heartbeat,
  isCall,
  isSubscribe,
  rejection,
  rescind,
  schedulerHarness,
} from '../testing/scheduler-harness.ts'
import { trace } from '../testing/traces.ts'

describe('SchedulerClient: when the subscription is lost', () => {
  const { fakeMaster, clientOf, accept } = schedulerHarness()

  it('steps down when another instance subscribed, and does not fight back (S15)', async () => {
    const recorded = trace('14')
    const master = await fakeMaster(replay(recorded, 'master'))
    const { client, phase, events } = clientOf([master.url])
    client.start()
    const { cause } = await phase('closed')
    expect([cause?.code, cause?.fatal]).to.deep.equal(['failed_over', true])
    expect(events.items.at(-1)?.type).to.equal('ERROR')
    expect(master.requests.items.filter(isSubscribe)).to.have.length(1)
  })

  it('steps down as well when a call is refused before the stream says why (S15)', async () => {
    const clock = new ManualClock()
    const master = await fakeMaster()
    const { client, phase } = clientOf([master.url], { clock })
    client.start()
    const stream = await accept(master)
    await phase('subscribed')
    const reconciled = rejection(client.reconcile([]))
    const request = await master.requests.first(isCall)
    request.answer(
      400,
      "The stream ID 'a' included in this request didn't match the stream ID currently associated",
    )
    expect((await reconciled).code).to.equal('stale_stream')
    stream.send(errorEvent('Framework failed over'))
    expect((await phase('closed')).cause?.code).to.equal('failed_over')
    clock.advance(60_000)
    expect(master.requests.items).to.have.length(2)
  })

  it('stops loudly when the framework was removed (S16)', async () => {
    const master = await fakeMaster()
    const { client, phase } = clientOf([master.url], { frameworkId: 'gone' })
    client.start()
    const request = await master.requests.first()
    const stream = request.stream('scheduler.Event', { 'Mesos-Stream-Id': 's' })
    stream.send(errorEvent('Framework has been removed'))
    stream.end()
    const { cause } = await phase('closed')
    expect([cause?.code, cause?.fatal]).to.deep.equal(['framework_removed', true])
  })

  for (const [status, text, code] of [
    [403, 'Framework is not subscribed', 'not_subscribed'],
    [400, 'Framework cannot be found', 'unknown_framework'],
    [307, '', 'not_leader'],
  ] as const) {
    it(`subscribes again when a call is answered ${status} ${text} (S9)`, async () => {
      const clock = new ManualClock()
      const master = await fakeMaster()
      const { client, phase, phases } = clientOf([master.url], { clock })
      client.start()
      const stream = await accept(master)
      await phase('subscribed')
      const killed = rejection(client.kill({ task_id: { value: 't' } }))
      const request = await master.requests.first(isCall)
      request.answer(status, text, status === 307 ? { Location: '//elsewhere:5050/x' } : {})
      const error = await killed
      expect([error.code, error.subscriptionLost]).to.deep.equal([code, true])
      clock.advance(1000)
      const waiting = await phases.first(({ name }) => name === 'waiting')
      expect(waiting.name === 'waiting' && waiting.cause.code).to.equal(code)
      await stream.closed
      clock.advance(250)
      await accept(master, 2)
      await phases.first(({ name }) => name === 'subscribed', 3)
    })
  }

  const ends: readonly [string, string, (stream: FakeStream) => void][] = [
    ['ended properly', 'disconnected', stream => stream.end()],
    ['cut', 'disconnected', stream => stream.cut()],
    [
      'ended inside a record',
      'disconnected',
      stream => {
        stream.raw('100\n{"type"')
        stream.end()
      },
    ],
    ['garbage', 'unreadable', stream => void stream.raw('<html>')],
    ['a length beyond the cap', 'unreadable', stream => void stream.raw('99999999\n{')],
    ['an ERROR that nobody knows', 'ended_by_peer', stream => stream.send(errorEvent('Try again'))],
  ]
  for (const [name, code, end] of ends) {
    it(`reconnects after a stream that is ${name} (S10)`, async () => {
      const clock = new ManualClock()
      const master = await fakeMaster()
      const { client, phase, events } = clientOf([master.url], { clock, maxRecordBytes: 10_000 })
      client.start()
      const stream = await accept(master)
      await phase('subscribed')
      stream.send(rescind('o-1'))
      await events.first(({ type }) => type === 'RESCIND')
      end(stream)
      expect((await phase('waiting')).cause.code).to.equal(code)
      clock.advance(250)
      await accept(master, 1)
    })
  }

  it('gives up on a stream after five missed heartbeats; any event counts (S12)', async () => {
    const clock = new ManualClock()
    const master = await fakeMaster()
    const { client, phase, events } = clientOf([master.url], { clock })
    client.start()
    const stream = await accept(master)
    await phase('subscribed')
    clock.advance(74_000)
    stream.send(rescind('o-1'))
    await events.first(({ type }) => type === 'RESCIND')
    clock.advance(74_000)
    stream.send(heartbeat)
    await events.first(({ type }) => type === 'HEARTBEAT')
    clock.advance(74_999)
    expect(client.phase.name).to.equal('subscribed')
    clock.advance(1)
    const { cause } = await phase('waiting')
    expect([cause.code, cause.subscriptionLost]).to.deep.equal(['heartbeat_lost', true])
    await stream.closed
  })

  it('gives up on a master that takes the connection and says nothing (S12)', async () => {
    const clock = new ManualClock()
    const master = await fakeMaster()
    const { client, phase, phases } = clientOf([master.url], { clock, callTimeoutMs: 5000 })
    client.start()
    await master.requests.first()
    clock.advance(5000)
    expect((await phase('waiting')).cause.code).to.equal('timeout')
    clock.advance(250)
    // and on one that answers 200 without SUBSCRIBED
    const request = await master.requests.first(isSubscribe, 1)
    const stream = request.stream('scheduler.Event', { 'Mesos-Stream-Id': 's' })
    await phases.first(({ name }) => name === 'connecting', 2)
    await new Promise<void>(resolve => {
      const untilWatched = () => (clock.timers > 0 ? resolve() : setImmediate(untilWatched))
      untilWatched()
    })
    clock.advance(5000)
    const waiting = await phases.first(({ name }) => name === 'waiting', 3)
    expect(waiting.name === 'waiting' && ['heartbeat_lost', 'timeout']).to.include(
      waiting.name === 'waiting' ? waiting.cause.code : '',
    )
    await stream.closed
  })

  it('ignores what an old connection still says, and calls of the old subscription fail (S14)', async () => {
    const clock = new ManualClock()
    const master = await fakeMaster()
    const { client, phases, phase, events } = clientOf([master.url], { clock })
    client.start()
    const old = await accept(master)
    await phase('subscribed')
    const pending = rejection(client.accept({ offer_ids: [{ value: 'o' }] }))
    const waiting = rejection(client.decline({ offer_ids: [{ value: 'o' }] }))
    await master.requests.first(isCall)
    client.resubscribe('a test wants it')
    old.send(rescind('old'))
    expect((await phase('waiting')).cause.message).to.equal('a test wants it')
    // the one under way may have been carried out, the other one was never sent
    expect([(await pending).code, (await pending).maybeDone]).to.deep.equal(['disconnected', true])
    expect([(await waiting).code, (await waiting).maybeDone]).to.deep.equal(['not_subscribed', false])
    expect((await rejection(client.revive())).code).to.equal('not_subscribed')
    await old.closed
    clock.advance(250)
    const stream = await accept(master, 2)
    await phases.first(({ name }) => name === 'subscribed', 3)
    stream.send(rescind('new'))
    await events.first(({ rescind: each }) => each?.offer_id.value === 'new')
    expect(events.items.filter(({ type }) => type === 'RESCIND')).to.have.length(1)
    expect(master.requests.items.filter(isCall)).to.have.length(1)
  })
})
