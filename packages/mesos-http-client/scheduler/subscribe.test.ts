import { expect } from 'chai'
import { replay } from '../testing/fake-mesos.ts'
import { encodeRecord } from '../recordio.ts'
import {
  frameworkInfo,
  heartbeat,
  isSubscribe,
  rejection,
  rescind,
  schedulerHarness,
} from '../testing/scheduler-harness.ts'
import { textOf, trace } from '../testing/traces.ts'

describe('SchedulerClient: subscribing', () => {
  const { fakeMaster, clientOf, accept } = schedulerHarness()

  for (const [codec, number] of [
    ['json', '01'],
    ['protobuf', '02'],
  ] as const) {
    it(`subscribes and gives out the recorded events in their order, as ${codec} (S1-S4)`, async () => {
      const recorded = trace(number)
      const master = await fakeMaster(replay(recorded, 'master'))
      const { client, phase, events } = clientOf([master.url], { codec })
      expect(client.phase).to.deep.equal({ name: 'idle' })
      client.start()

      const expected = (recorded.exchanges[0]?.response.records ?? []).map(({ event }) =>
        JSON.parse(textOf(event)),
      )
      const got = await events.take(expected.length)
      expect(got.map(({ type }) => type)).to.deep.equal(expected.map(({ type }) => type))
      const { url, frameworkId, heartbeatMs, streamId, masterInfo } = await phase('subscribed')
      expect(url).to.equal(`${master.url}/api/v1/scheduler`)
      expect([frameworkId, heartbeatMs]).to.deep.equal([expected[0].subscribed.framework_id.value, 15_000])
      expect(streamId).to.equal(recorded.exchanges[0]?.response.headers['Mesos-Stream-Id'])
      expect(masterInfo?.hostname).to.equal('master.example')
      expect(new Set(got.map(event => event.streamId))).to.deep.equal(new Set([streamId]))

      const [request] = await master.requests.take(1)
      const type = codec === 'json' ? 'application/json' : 'application/x-protobuf'
      expect(request?.headers['content-type']).to.equal(type)
      expect(request?.headers.accept).to.equal(type)
      expect(request?.headers).not.to.have.property('mesos-stream-id')
      expect(request?.as('scheduler.Call')).to.deep.equal({
        type: 'SUBSCRIBE',
        subscribe: { framework_info: frameworkInfo },
      })
    })
  }

  it('subscribes again with the assigned id, twice in the call, on a new connection (S4, S5, S13)', async () => {
    const master = await fakeMaster()
    const { client, phase, phases } = clientOf([master.url], { backoff: { initialMs: 1, maxMs: 1 } })
    client.start()
    const first = await accept(master)
    await phase('subscribed')
    first.end()
    const seen = master.requests.items.length
    await accept(master, seen)
    await phases.first(({ name }) => name === 'subscribed', 2)
    const [one, two] = master.requests.items
    expect(two?.as('scheduler.Call')).to.deep.equal({
      type: 'SUBSCRIBE',
      framework_id: { value: 'f-1' },
      subscribe: { framework_info: { ...frameworkInfo, id: { value: 'f-1' } } },
    })
    expect(two?.headers).not.to.have.property('mesos-stream-id')
    expect(two?.connection).not.to.equal(one?.connection)
    expect(client.frameworkId).to.equal('f-1')
  })

  it('begins with the id that was persisted, and takes no other (S5, S16)', async () => {
    const master = await fakeMaster()
    const { client, phase } = clientOf([master.url], { frameworkId: 'known' })
    client.start()
    const request = await master.requests.first()
    expect(request.as('scheduler.Call').framework_id).to.deep.equal({ value: 'known' })
    await accept(master, 0, 'another')
    const { cause } = await phase('closed')
    expect(cause?.code).to.equal('refused')
    expect(cause?.message).to.contain('known').and.to.contain('another')
  })

  it('asks for the suppressed roles at each SUBSCRIBE (S37)', async () => {
    const master = await fakeMaster()
    let roles: string[] = []
    const { client, phase } = clientOf([master.url], {
      suppressedRoles: () => roles,
      backoff: { initialMs: 1, maxMs: 1 },
    })
    client.start()
    const stream = await accept(master)
    await phase('subscribed')
    roles = ['web']
    stream.cut()
    await master.requests.first(isSubscribe, 1)
    const asked = master.requests.items.map(
      request => request.as('scheduler.Call').subscribe?.suppressed_roles,
    )
    expect(asked).to.deep.equal([undefined, ['web']])
  })

  it('subscribes with the FrameworkInfo that was updated meanwhile, but not with one that was refused (S25)', async () => {
    const master = await fakeMaster()
    const { client, phase } = clientOf([master.url], { backoff: { initialMs: 1, maxMs: 1 } })
    client.start()
    const stream = await accept(master)
    await phase('subscribed')
    const updateTo = (roles: string[]) =>
      client.call({
        type: 'UPDATE_FRAMEWORK',
        update_framework: { framework_info: { ...frameworkInfo, roles, id: { value: 'f-1' } } },
      })
    const updated = updateTo(['web', 'batch'])
    ;(await master.requests.first(() => true, 1)).answer(200)
    await updated
    const refused = rejection(updateTo(['a b']))
    ;(await master.requests.first(() => true, 2)).answer(409, 'conflict')
    expect((await refused).code).to.equal('conflict')
    stream.end()
    const again = await master.requests.first(() => true, 3)
    expect(again.as('scheduler.Call').subscribe?.framework_info.roles).to.deep.equal(['web', 'batch'])
  })

  it('reads the encoding that the master answers in, whatever it asked in (S2)', async () => {
    const recorded = trace('02').exchanges.find(
      ({ note }) => note?.startsWith('Content-Type protobuf') === true,
    )
    if (recorded === undefined) throw new Error('not recorded')
    const master = await fakeMaster(request => {
      const stream = request.stream('scheduler.Event', { ...recorded.response.headers }, 'application/json')
      for (const { event } of recorded.response.records ?? [])
        stream.raw(encodeRecord(Buffer.from(textOf(event))))
    })
    const { client, events } = clientOf([master.url], { codec: 'protobuf' })
    client.start()
    await events.first(({ type }) => type === 'OFFERS')
  })

  it('uses the interval of SUBSCRIBED, 15 s if there is none (S12)', async () => {
    const master = await fakeMaster()
    const { client, phase } = clientOf([master.url])
    client.start()
    const request = await master.requests.first()
    const stream = request.stream('scheduler.Event', { 'Mesos-Stream-Id': 's' })
    stream.send({ type: 'SUBSCRIBED', subscribed: { framework_id: { value: 'f' } } })
    expect((await phase('subscribed')).heartbeatMs).to.equal(15_000)
  })

  it('skips events that it does not know or can not read, and says so (S11)', async () => {
    const master = await fakeMaster()
    const { client, events, skipped } = clientOf([master.url])
    client.start()
    const stream = await accept(master)
    const raw = (text: string) => stream.raw(encodeRecord(Buffer.from(text)))
    raw('{"type":"FUTURE","future":{}}')
    raw('{"typo":')
    raw('{"type":"RESCIND","rescind":{}}')
    stream.send(heartbeat, rescind('o-1'))
    await events.first(({ type }) => type === 'RESCIND')
    expect(events.items.map(({ type }) => type)).to.deep.equal(['SUBSCRIBED', 'HEARTBEAT', 'RESCIND'])
    expect(skipped.items.map(({ code }) => code)).to.deep.equal(['unreadable', 'unreadable', 'unreadable'])
    expect(skipped.items[0]?.message).to.contain('FUTURE')
    expect(client.phase.name).to.equal('subscribed')
  })
})
