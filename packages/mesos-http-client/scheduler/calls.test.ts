import { expect } from 'chai'
import type { SchedulerCall, TaskStatus } from '../generated/messages.ts'
import type { SchedulerCallBody } from '../messages-by-type.ts'
import type { FakeRequest } from '../testing/fake-mesos.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { isCall, rejection, schedulerHarness } from '../testing/scheduler-harness.ts'

const offer = (id: string) => ({ offer_ids: [{ value: id }] })
/** What TypeScript would refuse, such as input that was parsed elsewhere. */
const parsed = (text: string): SchedulerCallBody => JSON.parse(text)
const callOf = (request: FakeRequest) => request.as('scheduler.Call')

describe('SchedulerClient: calls', () => {
  const { fakeMaster, clientOf, accept, subscribed } = schedulerHarness()

  for (const codec of ['json', 'protobuf'] as const) {
    it(`carry stream id and framework id, on another connection than the stream, as ${codec} (S3, S6)`, async () => {
      const { client, master, stream } = await subscribed({ codec })
      const done = client.kill({ task_id: { value: 't' }, agent_id: { value: 'a' } })
      const request = await master.requests.first(isCall)
      expect(request.headers['mesos-stream-id']).to.equal(stream.id)
      expect(request.headers['content-type']).to.equal(
        codec === 'json' ? 'application/json' : 'application/x-protobuf',
      )
      expect(callOf(request)).to.deep.equal({
        type: 'KILL',
        framework_id: { value: 'f-1' },
        kill: { task_id: { value: 't' }, agent_id: { value: 'a' } },
      })
      expect(request.connection).not.to.equal(master.requests.items[0]?.connection)
      request.answer(202)
      await done
    })
  }

  it('are what their helpers say', async () => {
    const master = await fakeMaster(request => {
      if (isCall(request)) request.answer(202)
    })
    const { client, phase } = clientOf([master.url])
    client.start()
    await accept(master)
    await phase('subscribed')
    const agent_id = { value: 'a' }
    const task_id = { value: 't' }
    const uuid = Uint8Array.of(1, 2)
    await client.accept({ ...offer('o'), filters: { refuse_seconds: 0 } })
    await client.decline(offer('o'))
    await client.revive()
    await client.revive(['web'])
    await client.suppress(['web'])
    await client.acknowledge({ task_id, agent_id, uuid, state: 'TASK_RUNNING' })
    await client.reconcile([{ task_id, agent_id }])
    await client.shutdown('e', agent_id)
    await client.call({ type: 'MESSAGE', message: { agent_id, executor_id: { value: 'e' }, data: uuid } })
    const framework_id = { value: 'f-1' }
    const expected: SchedulerCall[] = [
      { type: 'ACCEPT', accept: { ...offer('o'), filters: { refuse_seconds: 0 } } },
      { type: 'DECLINE', decline: offer('o') },
      { type: 'REVIVE', revive: {} },
      { type: 'REVIVE', revive: { roles: ['web'] } },
      { type: 'SUPPRESS', suppress: { roles: ['web'] } },
      { type: 'ACKNOWLEDGE', acknowledge: { task_id, agent_id, uuid } },
      { type: 'RECONCILE', reconcile: { tasks: [{ task_id, agent_id }] } },
      { type: 'SHUTDOWN', shutdown: { executor_id: { value: 'e' }, agent_id } },
      { type: 'MESSAGE', message: { agent_id, executor_id: { value: 'e' }, data: uuid } },
    ]
    expect(master.requests.items.slice(1).map(callOf)).to.deep.equal(
      expected.map(call => ({ ...call, framework_id })),
    )
  })

  it('never acknowledge an update without uuid (S52, S53)', async () => {
    const { client, master } = await subscribed()
    const update: TaskStatus = { task_id: { value: 't' }, agent_id: { value: 'a' }, state: 'TASK_GONE' }
    await client.acknowledge(update)
    expect(master.requests.items).to.have.length(1)
  })

  it('wait for a subscription on nobody: not sent before SUBSCRIBED (S6)', async () => {
    const master = await fakeMaster()
    const { client, phase } = clientOf([master.url])
    expect((await rejection(client.revive())).code).to.equal('not_subscribed')
    client.start()
    await master.requests.first()
    const error = await rejection(client.revive())
    expect([error.code, error.maybeDone]).to.deep.equal(['not_subscribed', false])
    expect((await rejection(client.call(parsed('{"type":"SUBSCRIBE"}')))).code).to.equal('invalid_call')
    await accept(master)
    await phase('subscribed')
    expect(master.requests.items).to.have.length(1)
  })

  it('for offers leave in their order, each after the answer to the one before, on one connection (S36)', async () => {
    const { client, master } = await subscribed()
    const calls = Array.from({ length: 40 }, (_, index) => {
      const id = String(index)
      if (index % 4 === 0) return client.accept(offer(id))
      if (index % 4 === 1) return client.decline(offer(id))
      return index % 4 === 2 ? client.revive([id]) : client.suppress([id])
    })
    const seen: string[] = []
    for (let index = 0; index < calls.length; index++) {
      await master.requests.take(index + 2)
      // nothing else was sent before this one is answered
      expect(master.requests.items).to.have.length(index + 2)
      const request = master.requests.items[index + 1]
      if (request === undefined) throw new Error('no request')
      const { accept: accepted, decline, revive, suppress } = callOf(request)
      seen.push((accepted ?? decline)?.offer_ids?.[0]?.value ?? (revive ?? suppress)?.roles?.[0] ?? '')
      request.answer(202)
    }
    await Promise.all(calls)
    expect(seen).to.deep.equal(calls.map((_, index) => String(index)))
    expect(new Set(master.requests.items.slice(1).map(({ connection }) => connection)).size).to.equal(1)
  })

  it('of other kinds overtake those that wait, a few at once', async () => {
    const { client, master } = await subscribed()
    const slow = client.accept(offer('o'))
    await master.requests.take(2)
    const others = Array.from({ length: 10 }, (_, index) =>
      client.kill({ task_id: { value: String(index) } }),
    )
    await master.requests.take(6)
    await new Promise(resolve => setImmediate(resolve))
    expect(master.requests.items).to.have.length(6)
    for (let index = 2; index < 12; index++) (await master.requests.take(index + 1)).at(-1)?.answer(202)
    await Promise.all(others)
    master.requests.items[1]?.answer(202)
    await slow
  })

  it('go on after one that was refused, which tells why', async () => {
    const { client, master } = await subscribed()
    const refused = rejection(client.call(parsed('{"type":"ACCEPT"}')))
    const next = client.decline(offer('o'))
    const text = "Failed to validate scheduler::Call: Expecting 'accept' to be present"
    ;(await master.requests.first(isCall)).answer(400, text)
    const error = await refused
    expect([error.code, error.retryable, error.message]).to.deep.equal([
      'invalid_call',
      false,
      `ACCEPT: HTTP 400: ${text}`,
    ])
    ;(await master.requests.first(isCall, 2)).answer(202)
    await next
    expect(client.phase.name).to.equal('subscribed')
  })

  it('are never sent a second time: neither cut before an answer, nor on a stale connection (S36)', async () => {
    const { client, master } = await subscribed()
    const first = rejection(client.accept(offer('1')))
    ;(await master.requests.first(isCall)).cut()
    const error = await first
    expect([error.code, error.maybeDone, error.subscriptionLost]).to.deep.equal(['disconnected', true, false])
    // an answer, then the connection dies while it is idle
    const second = client.accept(offer('2'))
    const request = await master.requests.first(isCall, 2)
    request.answer(202)
    await second
    const gone = new Promise(resolve => request.connection.once('close', resolve))
    request.connection.destroy()
    await gone
    const third = client.accept(offer('3')).catch((thrown: unknown) => thrown)
    const answered = master.requests.first(isCall, 3).then(each => each.answer(202))
    await Promise.race([third, answered])
    const ids = master.requests.items.filter(isCall).map(each => callOf(each).accept?.offer_ids?.[0]?.value)
    expect(ids.length).to.equal(new Set(ids).size)
    expect(client.phase.name).to.equal('subscribed')
  })

  it('have a time-out, after which their fate is unknown (S12)', async () => {
    const clock = new ManualClock()
    const { client, master } = await subscribed({ clock, callTimeoutMs: 4000 })
    const call = rejection(client.accept(offer('o')))
    const request = await master.requests.first(isCall)
    const cut = new Promise(resolve => request.connection.once('close', resolve))
    clock.advance(4000)
    const error = await call
    expect([error.code, error.maybeDone, error.message]).to.deep.equal([
      'timeout',
      true,
      'ACCEPT: no answer within 4000 ms',
    ])
    await cut
    // the next one takes a new connection
    const next = client.decline(offer('o'))
    const another = await master.requests.first(isCall, 2)
    expect(another.connection).not.to.equal(request.connection)
    another.answer(202)
    await next
  })

  it('that can not be encoded say why, and nothing is sent', async () => {
    const { client, master } = await subscribed()
    const error = await rejection(client.call(parsed('{"type":"KILL","kill":{}}')))
    expect([error.code, error.message]).to.deep.equal([
      'unsendable',
      'scheduler.Call: kill.task_id is missing',
    ])
    expect(master.requests.items).to.have.length(1)
  })

  it('end with TEARDOWN: the client closes instead of coming back (S77)', async () => {
    const { client, master, stream, phases } = await subscribed()
    const done = client.call({ type: 'TEARDOWN' })
    ;(await master.requests.first(isCall)).answer(202)
    await done
    expect(phases.items.at(-1)).to.deep.equal({ name: 'closed' })
    await stream.closed
  })

  it('end with TEARDOWN also where the stream ends before the answer', async () => {
    const { client, master, stream, phases, phase } = await subscribed()
    const done = client.call({ type: 'TEARDOWN' })
    await master.requests.first(isCall)
    stream.end()
    await phase('closed')
    await done
    expect(phases.items.map(({ name }) => name)).to.deep.equal(['connecting', 'subscribed', 'closed'])
  })

  it('go on after a TEARDOWN that was refused', async () => {
    const { client, master, stream, phase } = await subscribed({ clock: new ManualClock() })
    const refused = rejection(client.call({ type: 'TEARDOWN' }))
    ;(await master.requests.first(isCall)).answer(400, 'no')
    expect((await refused).code).to.equal('invalid_call')
    expect(client.phase.name).to.equal('subscribed')
    stream.end()
    await phase('waiting')
  })
})
