import { expect } from 'chai'
import type { MesosError } from '../errors.ts'
import { encodeRecord } from '../recordio.ts'
import type { FakeRequest, FakeStream } from '../testing/fake-mesos.ts'
import { FakeMesos } from '../testing/fake-mesos.ts'
import { Log } from '../testing/log.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { closers, rejection } from '../testing/scheduler-harness.ts'
import { textOf, trace } from '../testing/traces.ts'
import type { OperatorClientOptions } from './client.ts'
import { OperatorClient } from './client.ts'
import type { OperatorEvent } from '../messages-by-type.ts'
import type { OperatorEvents, OperatorEventsOptions } from './events.ts'

const subscribed = (heartbeatSeconds?: number) => ({
  type: 'SUBSCRIBED',
  subscribed: {
    get_state: {},
    ...(heartbeatSeconds === undefined ? {} : { heartbeat_interval_seconds: heartbeatSeconds }),
  },
})
const heartbeat = { type: 'HEARTBEAT' }
const removed = (id: string) => ({ type: 'AGENT_REMOVED', agent_removed: { agent_id: { value: id } } })

describe('OperatorClient: events', () => {
  const toClose = closers()

  async function fake(handle?: (request: FakeRequest) => void) {
    const master = await FakeMesos.start(handle)
    toClose.push(() => master.close())
    return master
  }

  function clientOf(url: string, options: Partial<OperatorClientOptions> = {}): OperatorClient {
    const client = new OperatorClient({ url, ...options })
    toClose.push(async () => client.close())
    return client
  }

  /** Reads on and on; what came, and how it ended. */
  function reading(stream: OperatorEvents) {
    const events = new Log<OperatorEvent>()
    const read = async () => {
      for await (const event of stream) events.add(event)
    }
    const ended = read()
    // waited for where it matters
    ended.catch(() => {})
    return { events, ended }
  }

  /** A stream that has begun at a master of its own. */
  async function open(
    options: OperatorEventsOptions = {},
    clientOptions: Partial<OperatorClientOptions> = {},
    first: object = subscribed(15),
  ) {
    const master = await fake()
    const client = clientOf(master.url, clientOptions)
    const events = client.events(options)
    const made = reading(events)
    const stream = (await master.requests.first()).stream('master.Event')
    stream.send(first)
    await made.events.first()
    return { master, client, stream, handle: events, ...made }
  }

  for (const codec of ['json', 'protobuf'] as const) {
    it(`gives out the recorded events in their order, as ${codec}`, async () => {
      const exchange = trace('17d').exchanges.find(({ request }) => request.path === '/api/v1')
      const records = exchange?.response.records ?? []
      const master = await fake()
      const { events } = reading(clientOf(master.url, { codec }).events())
      const request = await master.requests.first()
      expect(request.as('master.Call')).to.deep.equal({ type: 'SUBSCRIBE' })
      expect(request.headers.accept).to.equal(
        codec === 'json' ? 'application/json' : 'application/x-protobuf',
      )
      const stream = request.stream('master.Event')
      for (const { event } of records) stream.send(JSON.parse(textOf(event)))
      const seen = await events.take(records.length)
      expect(seen.map(({ type }) => type)).to.deep.equal([
        'SUBSCRIBED',
        'HEARTBEAT',
        'TASK_ADDED',
        'TASK_UPDATED',
        'TASK_UPDATED',
        'TASK_UPDATED',
        'FRAMEWORK_ADDED',
        'FRAMEWORK_UPDATED',
        'FRAMEWORK_REMOVED',
        'AGENT_REMOVED',
        'AGENT_ADDED',
        'TASK_UPDATED',
        'HEARTBEAT',
      ])
      const states = seen.flatMap(event =>
        event.type === 'TASK_UPDATED'
          ? [`${event.task_updated.status.task_id.value} ${event.task_updated.state}`]
          : [],
      )
      expect(states).to.deep.equal([
        'op-4 TASK_STARTING',
        'op-4 TASK_RUNNING',
        'op-4 TASK_FINISHED',
        'op-1 TASK_FAILED',
      ])
      const [first] = seen
      const tasks = first?.type === 'SUBSCRIBED' ? first.subscribed.get_state?.get_tasks?.tasks : []
      expect(tasks?.map(({ task_id }) => task_id.value)).to.include('op-3')
    })
  }

  it('follows a redirect to the leader, with its credential (S8)', async () => {
    const leader = await fake(request => request.stream('master.Event').send(subscribed()))
    const follower = await fake(request =>
      request.answer(307, '', { Location: `//127.0.0.1:${leader.port}/master/api/v1` }),
    )
    const credential = { principal: 'ops', secret: 's' }
    const { events } = reading(clientOf(follower.url, { credential }).events())
    await events.first()
    const [request] = leader.requests.items
    expect(request?.path).to.equal('/master/api/v1')
    expect(request?.headers.authorization).to.match(/^Basic /)
  })

  it('has a connection of its own, beside the calls', async () => {
    const { master, client, stream, events } = await open()
    const call = client.call({ type: 'GET_HEALTH' })
    const request = await master.requests.first(() => true, 1)
    expect(request.connection).not.to.equal(master.requests.items[0]?.connection)
    request.answer(200, '{"type":"GET_HEALTH","get_health":{"healthy":true}}', {
      'Content-Type': 'application/json',
    })
    expect((await call).get_health.healthy).to.equal(true)
    stream.send(removed('a'))
    await events.first(({ type }) => type === 'AGENT_REMOVED')
  })

  it('breaks the connection when the loop is left', async () => {
    const master = await fake(request => {
      const stream: FakeStream = request.stream('master.Event')
      stream.send(subscribed(), heartbeat, removed('a'))
    })
    const types: string[] = []
    for await (const event of clientOf(master.url).events()) {
      types.push(event.type)
      if (event.type === 'HEARTBEAT') break
    }
    expect(types).to.deep.equal(['SUBSCRIBED', 'HEARTBEAT'])
    await master.disconnected()
  })

  it('ends quietly when it is closed: waiting for an answer, for an event, or with more at hand', async () => {
    const silent = await fake()
    const unanswered = clientOf(silent.url).events()
    const { ended } = reading(unanswered)
    await silent.requests.first()
    unanswered.close()
    await ended
    await silent.disconnected()

    const { master, handle, ended: idle } = await open()
    handle.close()
    await idle
    await master.disconnected()

    const busy = await fake(request => request.stream('master.Event').send(subscribed(), removed('a')))
    const stream = clientOf(busy.url).events()
    const seen: string[] = []
    for await (const { type } of stream) {
      seen.push(type)
      stream.close()
    }
    expect(seen).to.deep.equal(['SUBSCRIBED'])
    await busy.disconnected()
  })

  it('ends quietly when its client is closed', async () => {
    const { master, client, ended } = await open()
    client.close()
    await ended
    await master.disconnected()
  })

  it('can be read once', async () => {
    const { handle, ended, client } = await open()
    expect((await rejection(reading(handle).ended)).code).to.equal('closed')
    client.close()
    await ended
    expect((await rejection(reading(handle).ended)).code).to.equal('closed')
  })

  it('says why it ended', async () => {
    const ends: readonly [(stream: FakeStream) => void, string, string][] = [
      [stream => stream.end(), 'disconnected', 'the stream was ended by the server'],
      [stream => stream.cut(), 'disconnected', ''],
      [stream => stream.raw('no length\n'), 'unreadable', 'no RecordIO'],
      [stream => (stream.raw('20\n{"type":'), stream.end()), 'disconnected', 'inside a record'],
    ]
    for (const [end, code, text] of ends) {
      const { stream, ended, events } = await open()
      end(stream)
      const error = await rejection(ended)
      expect([error.code, error.retryable]).to.deep.equal([code, true])
      expect(error.message).to.contain(text)
      expect(events.items).to.have.length(1)
    }
  })

  it('gives out what came before garbage', async () => {
    const { stream, ended, events } = await open()
    stream.raw(Buffer.concat([encodeRecord(Buffer.from(JSON.stringify(removed('a')))), Buffer.from('x')]))
    expect((await rejection(ended)).code).to.equal('unreadable')
    expect(events.items.map(({ type }) => type)).to.deep.equal(['SUBSCRIBED', 'AGENT_REMOVED'])
  })

  it('is refused as a call is', async () => {
    for (const [status, code] of [
      [401, 'unauthenticated'],
      [403, 'forbidden'],
      [503, 'unavailable'],
    ] as const) {
      const master = await fake(request => request.answer(status, 'no'))
      expect((await rejection(reading(clientOf(master.url).events()).ended)).code).to.equal(code)
    }
    expect((await rejection(reading(clientOf('http://127.0.0.1:1').events()).ended)).code).to.equal(
      'unreachable',
    )
  })

  for (const [heartbeatSeconds, silenceMs] of [
    [2, 6_000],
    [undefined, 45_000],
  ] as const) {
    it(`gives up after so many missed heartbeats of ${heartbeatSeconds ?? 'unsaid'} seconds (S12)`, async () => {
      const clock = new ManualClock()
      const { stream, events, ended } = await open(
        { missedHeartbeats: 3 },
        { clock },
        subscribed(heartbeatSeconds),
      )
      clock.advance(silenceMs - 1)
      stream.send(heartbeat)
      await events.take(2)
      clock.advance(silenceMs - 1)
      expect(clock.timers).to.equal(1)
      clock.advance(1)
      const error = await rejection(ended)
      expect([error.code, error.retryable]).to.deep.equal(['heartbeat_lost', true])
      expect(clock.timers).to.equal(0)
    })
  }

  it('waits for SUBSCRIBED no longer than for an answer', async () => {
    const clock = new ManualClock()
    const master = await fake()
    const { ended } = reading(clientOf(master.url, { clock, callTimeoutMs: 3_000 }).events())
    const stream = (await master.requests.first()).stream('master.Event')
    stream.raw('1')
    let waiting = true
    const failed = rejection(ended).finally(() => (waiting = false))
    while (waiting) {
      await new Promise(resolve => setImmediate(resolve))
      clock.advance(100)
    }
    expect((await failed).code).to.equal('heartbeat_lost')
  })

  it('skips events that it does not know or can not read, and says so (S11)', async () => {
    const skipped = new Log<MesosError>()
    const { stream, events } = await open({ onSkipped: skipped.add })
    for (const text of ['{"type":"DANCE"}', '{"type":"AGENT_REMOVED"}', '{"type":', '{}']) {
      stream.raw(encodeRecord(Buffer.from(text)))
    }
    stream.send(removed('a'))
    await events.first(({ type }) => type === 'AGENT_REMOVED')
    expect(events.items).to.have.length(2)
    expect(skipped.items.map(({ code }) => code)).to.deep.equal(Array(4).fill('unreadable'))
    expect(skipped.items[0]?.message).to.contain('DANCE')
    expect(skipped.items[1]?.message).to.contain('AGENT_REMOVED')
  })

  it('takes no more from the master than is read', async () => {
    const master = await fake()
    const iterator = clientOf(master.url).events()[Symbol.asyncIterator]()
    const first = iterator.next()
    const stream = (await master.requests.first()).stream('master.Event')
    stream.send(subscribed())
    await first
    const large = encodeRecord(Buffer.from(JSON.stringify(removed('x'.repeat(1_000_000)))))
    let sent = 0
    // the sockets hold some; then the master is left with the rest
    for (; stream.unsentBytes < 4_000_000 && sent < 100; sent += 1) {
      stream.raw(large)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(sent).to.be.below(100)
    for (let index = 0; index < sent; index += 1) {
      expect((await iterator.next()).value?.type).to.equal('AGENT_REMOVED')
    }
    await iterator.return()
    await master.disconnected()
  })
})
