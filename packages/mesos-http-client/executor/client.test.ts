import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { callOf, executorHarness, isCall, isSubscribe, launch, update } from '../testing/executor-harness.ts'
import { FakeMesos, replay } from '../testing/fake-mesos.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { rejection } from '../testing/scheduler-harness.ts'
import { trace } from '../testing/traces.ts'

const recovering = 'Agent has not finished recovery'

describe('ExecutorClient: subscription', () => {
  const { fakeAgent, clientOf, accept, subscribed, toClose } = executorHarness()

  for (const [codec, number] of [
    ['json', '04'],
    ['protobuf', '04c'],
  ] as const) {
    it(`subscribes, updates and gives out the recorded events, as ${codec} (E8, E9)`, async () => {
      const agent = await fakeAgent(replay(trace(number), 'agent'))
      const { client, phase, events } = clientOf(agent, { codec, executorId: 'ex-pb' })
      client.start()
      const { agentInfo, executorInfo, frameworkInfo, containerId } = await phase('subscribed')
      expect(agentInfo.hostname).to.match(/^agent\d\.example$/)
      expect(executorInfo.type).to.equal('CUSTOM')
      expect(frameworkInfo.name).to.equal(`trace-${number}`)
      expect(containerId?.value).to.be.a('string')
      await events.first(({ type }) => type === 'LAUNCH')
      await events.first(({ type }) => type === 'ACKNOWLEDGED')
      await client.update(update('pb-1', 'TASK_STARTING'))
      const [subscribe, call] = await agent.requests.take(2)
      const contentType = codec === 'json' ? 'application/json' : 'application/x-protobuf'
      expect(subscribe?.headers['content-type']).to.equal(contentType)
      expect(subscribe?.headers.accept).to.equal(contentType)
      expect(subscribe && callOf(subscribe)).to.deep.equal({
        executor_id: { value: 'ex-pb' },
        framework_id: { value: 'f' },
        type: 'SUBSCRIBE',
        subscribe: {},
      })
      expect(call && callOf(call)).to.deep.include({
        executor_id: { value: 'ex-pb' },
        framework_id: { value: 'f' },
      })
      // not on the stream's connection (E11)
      expect(call?.connection).not.to.equal(subscribe?.connection)
    })
  }

  it('sends its token with everything (E4)', async () => {
    const { client, agent } = await subscribed({ token: 'a.b.c' })
    const sent = client.update(update('t'))
    ;(await agent.requests.first(isCall)).answer(202)
    await sent
    expect(agent.requests.items.map(({ headers }) => headers.authorization)).to.deep.equal([
      'Bearer a.b.c',
      'Bearer a.b.c',
    ])
  })

  it('goes over a unix socket if the agent names one (E5)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mesos-'))
    toClose.push(async () => rmSync(folder, { recursive: true }))
    const path = join(folder, 's')
    const agent = await fakeAgent(undefined, { path })
    const { client, phase } = clientOf('agent.example:5051', {
      domainSocket: path,
      agentProcess: 'slave(2)',
    })
    client.start()
    await accept(agent)
    await phase('subscribed')
    const sent = client.update(update('t'))
    ;(await agent.requests.first(isCall)).answer(202)
    await sent
    // An agent forbids every other path on its socket.
    expect(agent.requests.items.map(({ path: asked }) => asked)).to.deep.equal([
      '/slave(2)/api/v1/executor',
      '/slave(2)/api/v1/executor',
    ])
  })

  it('comes back over the socket of an agent that restarts, with its token (E4, E5, E33)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mesos-'))
    toClose.push(async () => rmSync(folder, { recursive: true }))
    const path = join(folder, 's')
    const agent = await fakeAgent(undefined, { path })
    const { client, phases, phase } = clientOf('agent.example:5051', { domainSocket: path, token: 'a.b.c' })
    client.start()
    await accept(agent)
    await phase('subscribed')
    const from = phases.items.length
    // which takes the socket's file away as well
    await agent.close()
    const { cause } = await phase('waiting', from)
    expect(cause.retryable).to.equal(true)
    const refused = await phases.first(
      each => each.name === 'waiting' && each.cause.code === 'unreachable',
      from,
    )
    expect(refused.name === 'waiting' && refused.cause.message).to.contain(path)
    const back = await fakeAgent(undefined, { path })
    await accept(back)
    await phase('subscribed', from)
    const sent = client.update(update('t'))
    ;(await back.requests.first(isCall)).answer(202)
    await sent
    expect(back.requests.items.map(({ headers }) => headers.authorization)).to.deep.equal([
      'Bearer a.b.c',
      'Bearer a.b.c',
    ])
  })

  it('lists what is not acknowledged, each time anew, with the same uuid (E9, E19)', async () => {
    const clock = new ManualClock()
    const pending = update('t')
    const task = { name: 't', task_id: { value: 't' }, agent_id: { value: 'a' } }
    let known = { tasks: [task], updates: [{ status: pending }] }
    const { agent, stream, phase } = await subscribed({ clock, unacknowledged: () => known })
    known = { tasks: [], updates: [{ status: pending }] }
    stream.cut()
    const { untilMs } = await phase('waiting')
    clock.advance(untilMs - clock.now())
    await accept(agent, 1)
    const lists = agent.requests.items.map(request => callOf(request).subscribe)
    expect(lists).to.deep.equal([
      { unacknowledged_tasks: [task], unacknowledged_updates: [{ status: pending }] },
      { unacknowledged_updates: [{ status: pending }] },
    ])
  })

  it('skips events that it does not know (E11)', async () => {
    const { stream, events, skipped } = await subscribed()
    stream.raw('16\n{"type":"DANCE"}')
    stream.send(launch('t'))
    await events.first(({ type }) => type === 'LAUNCH')
    expect(events.items.map(({ type }) => type)).to.deep.equal(['SUBSCRIBED', 'LAUNCH'])
    expect(skipped.items[0]?.message).to.contain('DANCE')
  })

  it('gives out SHUTDOWN also where no SUBSCRIBED came before', async () => {
    const agent = await fakeAgent()
    const { client, events } = clientOf(agent)
    client.start()
    const request = await agent.requests.first()
    request.stream('executor.Event').send({ type: 'SHUTDOWN' })
    await events.first(({ type }) => type === 'SHUTDOWN')
    expect(client.phase.name).to.equal('connecting')
  })

  it('takes silence for nothing, since heartbeats come each 30 min (E13)', async () => {
    const clock = new ManualClock()
    const { client, stream, events } = await subscribed({ clock })
    clock.advance(86_400_000)
    expect(client.phase.name).to.equal('subscribed')
    stream.send({ type: 'HEARTBEAT' })
    await events.first(({ type }) => type === 'HEARTBEAT')
  })

  it('subscribes again after an ERROR, and hears nothing of the old stream (E12, E14)', async () => {
    const clock = new ManualClock()
    const { agent, stream, phase, events } = await subscribed({ clock })
    stream.send({ type: 'ERROR', error: { message: 'Something' } }, launch('stale'))
    const { cause, untilMs } = await phase('waiting')
    expect([cause.code, cause.message]).to.deep.equal(['ended_by_peer', 'Something'])
    await stream.closed
    clock.advance(untilMs - clock.now())
    const next = await accept(agent, 1)
    next.send(launch('new'))
    await events.first(({ launch: each }) => each?.task.task_id.value === 'new')
    expect(events.items.filter(({ type }) => type === 'LAUNCH')).to.have.length(1)
    expect(agent.requests.items[1]?.connection).not.to.equal(agent.requests.items[0]?.connection)
  })

  it('goes through the recorded restart of an agent: refused, then in, with its updates (E33)', async () => {
    const recorded = trace('11')
    const ofBack = recorded.exchanges.filter(
      ({ request }) =>
        request.path === '/api/v1/executor' && JSON.stringify(request.body).includes('"value":"ex-back"'),
    )
    const agent = await fakeAgent(replay({ ...recorded, exchanges: ofBack }, 'agent'))
    const { client, events, phases } = clientOf(agent, { subscriptionBackoffMaxMs: 1 })
    client.start()
    await phases.first(({ name }) => name === 'subscribed', 3)
    await events.first(({ acknowledged }) => acknowledged?.task_id.value === 'back-1')
    expect(phases.items.slice(0, 5).map(({ name }) => name)).to.deep.equal([
      'connecting',
      'subscribed',
      'waiting',
      'connecting',
      'subscribed',
    ])
  })

  it('is back within the two seconds that a returning agent waits (E34)', async () => {
    const { agent, phase, phases, client } = await subscribed({ random: Math.random })
    const { port } = agent
    await agent.close()
    await phase('waiting')
    await phases.first(({ name }) => name === 'waiting', 4)
    const back = await FakeMesos.start(() => {}, { port })
    toClose.push(() => back.close())
    const since = performance.now()
    await accept(back)
    await phases.first(({ name }) => name === 'subscribed', 2)
    expect(performance.now() - since).to.be.below(2000)
    expect(client.phase.name).to.equal('subscribed')
  })

  it('waits at random, 50 to 750 ms, less if the agent says so (E33)', async () => {
    const waitOf = async (random: number, subscriptionBackoffMaxMs: number) => {
      const clock = new ManualClock()
      const { client, phase } = clientOf('127.0.0.1:1', {
        clock,
        random: () => random,
        subscriptionBackoffMaxMs,
      })
      client.start()
      return (await phase('waiting')).untilMs - clock.now()
    }
    expect(await waitOf(0, 2000)).to.equal(50)
    expect(await waitOf(0.5, 2000)).to.equal(375)
    expect(await waitOf(1, 2000)).to.equal(750)
    expect(await waitOf(1, 250)).to.equal(250)
  })

  it('gives up on a connection below the two seconds that an agent waits (E34)', async () => {
    const clock = new ManualClock()
    const agent = await fakeAgent()
    const { client, phase } = clientOf(agent, { clock })
    client.start()
    await agent.requests.first()
    // an agent that takes the connection and hangs
    clock.advance(5000)
    expect((await phase('waiting')).cause.code).to.equal('timeout')
  })

  describe('lost', () => {
    it('without checkpoint at the first disconnection (E32)', async () => {
      const { client, stream, phase, phases } = await subscribed({ checkpoint: false, recoveryTimeoutMs: 0 })
      const waiting = rejection(client.update(update('t')))
      stream.cut()
      expect((await phase('lost')).cause.code).to.equal('disconnected')
      expect((await waiting).code).to.equal('disconnected')
      expect(phases.items.map(({ name }) => name)).to.deep.equal(['connecting', 'subscribed', 'lost'])
      expect((await rejection(client.update(update('t')))).code).to.equal('closed')
    })

    it('without checkpoint when there is no agent at all (E32)', async () => {
      const { client, phase } = clientOf('127.0.0.1:1', { checkpoint: false })
      client.start()
      expect((await phase('lost')).cause.code).to.equal('unreachable')
    })

    it('after the recovery time-out, which begins once per disconnection (E35)', async () => {
      const clock = new ManualClock()
      const agent = await fakeAgent()
      const { client, phase, phases } = clientOf(agent, { clock, recoveryTimeoutMs: 10_000 })
      client.start()
      const stream = await accept(agent)
      await phase('subscribed')
      clock.advance(60_000)
      expect(client.phase.name).to.equal('subscribed')
      stream.cut()
      await phase('waiting')
      // each try is answered, yet none succeeds
      let tries = 1
      while (clock.now() < 1_000_000 + 60_000 + 9_000) {
        clock.advance(375)
        const request = await agent.requests.first(isSubscribe, tries)
        tries = agent.requests.items.length
        const seen = phases.items.length
        request.answer(503, recovering)
        await phases.first(({ name }) => name === 'waiting', seen)
      }
      expect(client.phase.name).to.equal('waiting')
      clock.advance(1375)
      expect((await phase('lost')).cause.message).to.equal('no agent within 10000 ms')
      expect(clock.timers).to.equal(0)
    })

    for (const text of ['Executor cannot be found', 'Framework cannot be found']) {
      it(`when the agent says thrice: ${text} (E10)`, async () => {
        const agent = await fakeAgent(request => request.answer(400, text))
        const { client, phase } = clientOf(agent, { subscriptionBackoffMaxMs: 1 })
        client.start()
        expect((await phase('lost')).cause.message).to.contain(text)
        expect(agent.requests.items).to.have.length(3)
      })
    }

    it('at once when the token is refused or the call is wrong', async () => {
      for (const [status, code] of [
        [401, 'unauthenticated'],
        [400, 'invalid_call'],
      ] as const) {
        const agent = await fakeAgent(request => request.answer(status, 'no'))
        const { client, phase } = clientOf(agent)
        client.start()
        expect((await phase('lost')).cause.code).to.equal(code)
        expect(agent.requests.items).to.have.length(1)
      }
    })
  })

  it('closes in every phase and leaves no connection', async () => {
    const { client, agent, stream, phases } = await subscribed()
    const waiting = rejection(client.update(update('t')))
    await agent.requests.first(isCall)
    await client.close()
    expect((await waiting).code).to.equal('closed')
    await stream.closed
    await agent.disconnected()
    await client.close()
    client.start()
    expect(phases.items.map(({ name }) => name)).to.deep.equal(['connecting', 'subscribed', 'closed'])

    const other = clientOf(agent)
    other.client.start()
    await agent.requests.first(isSubscribe, 2)
    await other.client.close()
    await agent.disconnected()
    const last = clientOf(agent, {
      onPhase: phase => {
        if (phase.name === 'subscribed') void last.client.close()
      },
    })
    last.client.start()
    await accept(agent, 3)
    await agent.disconnected()
    expect(last.events.items).to.deep.equal([])
  })
})
