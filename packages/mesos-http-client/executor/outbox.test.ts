import { expect } from 'chai'
import {
  callOf,
  executorHarness,
  isCall,
  isSubscribe,
  subscribedEvent,
  update,
} from '../testing/executor-harness.ts'
import type { ExecutorCallBody } from '../messages-by-type.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { rejection } from '../testing/scheduler-harness.ts'

const recovering = 'Agent has not finished recovery'
const taskOf = (request: Parameters<typeof callOf>[0]) => callOf(request).update?.status.task_id.value

describe('ExecutorClient: calls', () => {
  const { fakeAgent, clientOf, accept, subscribed } = executorHarness()

  it('leave one after the other, in their order, on one connection (E21)', async () => {
    const { client, agent } = await subscribed()
    const sent = Array.from({ length: 20 }, (_, index) => client.update(update(String(index))))
    for (let index = 0; index < 20; index++) {
      const request = (await agent.requests.take(index + 2)).at(-1)
      expect(agent.requests.items).to.have.length(index + 2)
      expect(request && taskOf(request)).to.equal(String(index))
      request?.answer(202)
    }
    await Promise.all(sent)
    const connections = agent.requests.items.slice(1).map(({ connection }) => connection)
    expect(new Set(connections).size).to.equal(1)
  })

  it('are repeated while the agent recovers, in their order, also after SUBSCRIBED (E10)', async () => {
    const clock = new ManualClock()
    const { client, agent } = await subscribed({ clock })
    const first = client.update(update('1', 'TASK_STARTING'))
    const second = client.update(update('1', 'TASK_RUNNING'))
    const message = client.message(Uint8Array.of(1))
    // the recorded window was 2 s; the longest there is 15 s
    for (let tries = 0; tries < 150; tries++) {
      const request = await agent.requests.first(isCall, tries + 1)
      const answered = new Promise(resolve => request.connection.once('data', resolve))
      request.answer(503, recovering)
      while (clock.nextInMs !== 100) await new Promise(resolve => setImmediate(resolve))
      clock.advance(100)
      await answered
    }
    ;(await agent.requests.first(isCall, 151)).answer(202)
    await first
    ;(await agent.requests.first(isCall, 152)).answer(202)
    await second
    ;(await agent.requests.first(isCall, 153)).answer(202)
    await message
    const states = agent.requests.items.slice(151).map(request => callOf(request).update?.status.state)
    expect(states).to.deep.equal(['TASK_STARTING', 'TASK_RUNNING', undefined])
    expect(client.phase.name).to.equal('subscribed')
  })

  it('are given up on when an agent never gets out of recovery', async () => {
    const clock = new ManualClock()
    const { client, agent } = await subscribed({ clock })
    const call = rejection(client.update(update('t')))
    ;(await agent.requests.first(isCall)).answer(503, recovering)
    while (clock.nextInMs !== 100) await new Promise(resolve => setImmediate(resolve))
    clock.advance(40_000)
    ;(await agent.requests.first(isCall, 2)).answer(503, recovering)
    expect((await call).code).to.equal('unavailable')
  })

  it('wait for a subscription if they are UPDATEs, and fail if not (E36)', async () => {
    const agent = await fakeAgent()
    const { client, phase } = clientOf(agent)
    const sent = client.update(update('early'))
    expect((await rejection(client.message(Uint8Array.of(1)))).code).to.equal('not_subscribed')
    const subscribe: ExecutorCallBody = JSON.parse('{"type":"SUBSCRIBE"}')
    expect((await rejection(client.call(subscribe))).code).to.equal('invalid_call')
    client.start()
    await accept(agent)
    await phase('subscribed')
    const request = await agent.requests.first(isCall)
    expect(taskOf(request)).to.equal('early')
    request.answer(202)
    await sent
  })

  it('outlive a subscription if they are UPDATEs: again with the same uuid, unless SUBSCRIBE listed them (E19)', async () => {
    const clock = new ManualClock()
    const { client, agent, stream, phase, phases, unacknowledged } = await subscribed({ clock })
    const listed = update('listed')
    const other = update('other')
    const first = client.update(listed)
    const second = client.update(other)
    const message = rejection(client.message(Uint8Array.of(1)))
    await agent.requests.first(isCall)
    unacknowledged.updates.push({ status: listed })
    stream.cut()
    const { untilMs } = await phase('waiting')
    expect((await message).code).to.equal('disconnected')
    clock.advance(untilMs - clock.now())
    await accept(agent, 2)
    await phases.first(({ name }) => name === 'subscribed', 2)
    await first
    while (clock.nextInMs === 100) clock.advance(100)
    const request = await agent.requests.first(isCall, 2)
    expect(callOf(request).update?.status).to.deep.equal(other)
    request.answer(202)
    await second
    expect(agent.requests.items.filter(isCall)).to.have.length(2)
  })

  it('are repeated when their fate is unknown and the stream goes on; a MESSAGE is not', async () => {
    const clock = new ManualClock()
    const { client, agent } = await subscribed({ clock })
    const status = update('t')
    const sent = client.update(status)
    ;(await agent.requests.first(isCall)).cut()
    while (clock.nextInMs !== 100) await new Promise(resolve => setImmediate(resolve))
    clock.advance(100)
    const again = await agent.requests.first(isCall, 2)
    expect(callOf(again).update?.status).to.deep.equal(status)
    again.answer(202)
    await sent
    const message = rejection(client.message(Uint8Array.of(1)))
    ;(await agent.requests.first(isCall, 3)).cut()
    expect([(await message).code, (await message).maybeDone]).to.deep.equal(['disconnected', true])
  })

  it('have a time-out', async () => {
    const clock = new ManualClock()
    const { client, agent } = await subscribed({ clock, callTimeoutMs: 2000 })
    const message = rejection(client.message(Uint8Array.of(1)))
    await agent.requests.first(isCall)
    clock.advance(2000)
    expect((await message).code).to.equal('timeout')
  })

  it('that the agent refuses fail alone', async () => {
    const { client, agent } = await subscribed()
    const wrong = rejection(client.update(update('t')))
    const right = client.update(update('u'))
    ;(await agent.requests.first(isCall)).answer(400, 'Failed to validate Executor::Call: Not a valid UUID')
    const error = await wrong
    expect([error.code, error.message]).to.deep.equal([
      'invalid_call',
      'UPDATE: HTTP 400: Failed to validate Executor::Call: Not a valid UUID',
    ])
    ;(await agent.requests.first(isCall, 2)).answer(202)
    await right
    expect(client.phase.name).to.equal('subscribed')
  })

  it('subscribe again when the agent says that we are not subscribed (E10)', async () => {
    const { client, agent, phases } = await subscribed({ subscriptionBackoffMaxMs: 1 })
    const sent = client.update(update('t'))
    ;(await agent.requests.first(isCall)).answer(403, 'Executor is not subscribed')
    await accept(agent, 2)
    await phases.first(({ name }) => name === 'subscribed', 2)
    ;(await agent.requests.first(isCall, 3)).answer(202)
    await sent
  })

  it('find out that the agent has forgotten us, even if it lets us subscribe (E10)', async () => {
    const agent = await fakeAgent(request => {
      if (isSubscribe(request)) request.stream('executor.Event').send(subscribedEvent)
      else request.answer(400, 'Executor cannot be found')
    })
    const { client, phase } = clientOf(agent, { subscriptionBackoffMaxMs: 1 })
    client.start()
    const sent = rejection(client.update(update('t')))
    expect((await phase('lost')).cause.code).to.equal('unknown_executor')
    expect((await sent).code).to.equal('unknown_executor')
    expect(agent.requests.items.filter(isCall)).to.have.length(3)
  })
})
