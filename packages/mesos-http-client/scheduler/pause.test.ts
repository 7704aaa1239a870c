import { expect } from 'chai'
import type { SchedulerEvent } from '../generated/messages.ts'
import { Log } from '../testing/log.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { isCall, rejection, rescind, schedulerHarness } from '../testing/scheduler-harness.ts'

const offer = (id: string) => ({ offer_ids: [{ value: id }] })

describe('SchedulerClient: pausing and closing', () => {
  const { fakeMaster, clientOf, accept, subscribed } = schedulerHarness()
  const filler = rescind('x'.repeat(100_000))

  it('stops reading while paused: the bytes stay with the master; calls still go out (S19)', async () => {
    const { client, master, stream, events } = await subscribed()
    client.pause()
    for (let index = 0; index < 200; index++) stream.send(filler)
    const suppressed = client.suppress()
    ;(await master.requests.first(isCall)).answer(202)
    await suppressed
    // 20 MB are far beyond what sockets hold
    expect(stream.unsentBytes).to.be.above(5_000_000)
    expect(events.items.filter(({ type }) => type === 'RESCIND')).to.have.length(0)
    client.resume()
    await events.take(201)
    expect(stream.unsentBytes).to.equal(0)
  })

  it('pauses between two events of one chunk, too', async () => {
    const events = new Log<SchedulerEvent>()
    const { client, stream, phase } = await subscribed({
      backoff: { initialMs: 1e6, maxMs: 1e6 },
      onEvent: event => {
        if (event.rescind?.offer_id.value === '1') client.pause()
        events.add(event)
      },
    })
    stream.send(rescind('1'), rescind('2'), rescind('3'))
    stream.end()
    await events.first(({ rescind: each }) => each?.offer_id.value === '1')
    await stream.closed
    expect(events.items.filter(({ type }) => type === 'RESCIND')).to.have.length(1)
    expect(client.phase.name).to.equal('subscribed')
    client.resume()
    expect(events.items.filter(({ type }) => type === 'RESCIND')).to.have.length(3)
    // and only then the end counts
    expect((await phase('waiting')).cause.code).to.equal('disconnected')
  })

  it('does not miss heartbeats while paused (S12, S19)', async () => {
    const clock = new ManualClock()
    const { client } = await subscribed({ clock, pauseLimitMs: 1e9 })
    client.pause()
    clock.advance(10_000_000)
    expect(client.phase.name).to.equal('subscribed')
    client.resume()
    clock.advance(74_999)
    expect(client.phase.name).to.equal('subscribed')
    clock.advance(1)
    expect(client.phase.name).to.equal('waiting')
  })

  it('gives the subscription up after 30 s of pause, and takes it up again with resume (S19)', async () => {
    const clock = new ManualClock()
    const { client, master, stream, phase } = await subscribed({ clock })
    client.pause()
    clock.advance(29_999)
    expect(client.phase.name).to.equal('subscribed')
    clock.advance(1)
    const waiting = await phase('waiting')
    expect([waiting.untilMs, waiting.cause.message]).to.deep.equal([
      Number.POSITIVE_INFINITY,
      'paused for too long',
    ])
    await stream.closed
    clock.advance(1e9)
    expect(master.requests.items).to.have.length(1)
    client.resume()
    await accept(master, 1)
    await phase('subscribed', 3)
    clock.advance(60_000)
    expect(client.phase.name).to.equal('subscribed')
  })

  it('closes: calls fail, nothing is told any more, no connection remains', async () => {
    const { client, master, stream, phases, events } = await subscribed()
    const call = rejection(client.accept(offer('o')))
    await master.requests.first(isCall)
    stream.send(rescind('late'))
    const told = events.items.length
    await client.close()
    expect((await call).code).to.equal('disconnected')
    expect(phases.items.at(-1)).to.deep.equal({ name: 'closed' })
    expect((await rejection(client.revive())).code).to.equal('closed')
    await master.disconnected()
    expect(events.items).to.have.length(told)
    await client.close()
    client.start()
    client.resubscribe('no')
    client.pause()
    expect(client.phase.name).to.equal('closed')
    expect(phases.items.filter(({ name }) => name === 'closed')).to.have.length(1)
  })

  it('closes in every phase, also from within its own callbacks', async () => {
    const master = await fakeMaster()
    const connecting = clientOf([master.url])
    connecting.client.start()
    await master.requests.first()
    await connecting.client.close()
    expect(connecting.phases.items.map(({ name }) => name)).to.deep.equal(['connecting', 'closed'])

    const clock = new ManualClock()
    const waiting = clientOf(['http://127.0.0.1:1'], { clock })
    waiting.client.start()
    await waiting.phase('waiting')
    await waiting.client.close()
    expect(clock.timers).to.equal(0)

    const within = clientOf([master.url], {
      onPhase: phase => {
        if (phase.name === 'subscribed') void within.client.close()
      },
    })
    within.client.start()
    const stream = await accept(master, 1)
    await stream.closed
    expect(within.client.phase.name).to.equal('closed')
    expect(within.events.items).to.have.length(0)
  })
})
