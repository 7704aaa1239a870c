import { expect } from 'chai'
import { ManualClock } from '../testing/manual-clock.ts'
import { isCall, schedulerHarness } from '../testing/scheduler-harness.ts'
import { trace } from '../testing/traces.ts'

describe('SchedulerClient: finding the leader (S8)', () => {
  const { fakeMaster, clientOf, accept } = schedulerHarness()

  it('follows the recorded redirect: no scheme, another path', async () => {
    const leader = await fakeMaster()
    const recorded = trace('15').exchanges.find(
      ({ request, response }) => response.status === 307 && request.path === '/api/v1/scheduler',
    )
    const location = recorded?.response.headers['Location'] ?? ''
    expect(location).to.equal('//master.example:5050/master/api/v1/scheduler')
    const follower = await fakeMaster(request =>
      request.answer(307, '', {
        Location: location.replace('master.example:5050', `127.0.0.1:${leader.port}`),
      }),
    )
    const { client, phase } = clientOf([follower.url])
    client.start()
    await accept(leader)
    expect((await phase('subscribed')).url).to.equal(`${leader.url}/master/api/v1/scheduler`)
    expect(leader.requests.items[0]?.path).to.equal('/master/api/v1/scheduler')
    // calls go straight to the leader
    const revived = client.revive(['web'])
    const call = await leader.requests.first(isCall)
    expect(call.path).to.equal('/master/api/v1/scheduler')
    call.answer(202)
    await revived
  })

  it('gives up on two masters that point at each other, waits and asks again', async () => {
    const clock = new ManualClock()
    const master = await fakeMaster(request =>
      request.answer(307, '', { Location: request.path === '/a' ? '/b' : '/a' }),
    )
    const { client, phase } = clientOf([master.url], { clock })
    client.start()
    const { cause } = await phase('waiting')
    expect([cause.code, cause.retryable]).to.deep.equal(['redirect_loop', true])
    expect(master.requests.items).to.have.length(3)
    clock.advance(250)
    await master.requests.take(6)
  })

  it('bounds the hops', async () => {
    let hop = 0
    const master = await fakeMaster(request => request.answer(307, '', { Location: `/${++hop}` }))
    const { client, phase } = clientOf([master.url], { clock: new ManualClock() })
    client.start()
    expect((await phase('waiting')).cause.code).to.equal('redirect_loop')
    expect(master.requests.items).to.have.length(6)
  })

  it('takes a redirect to nowhere for a master in trouble', async () => {
    for (const location of ['ftp://x/', 'http://[', '']) {
      const master = await fakeMaster(request => request.answer(307, '', { Location: location }))
      const { client, phase } = clientOf([master.url], { clock: new ManualClock() })
      client.start()
      expect((await phase('waiting')).cause.retryable).to.equal(true)
    }
  })

  it('backs off when it points at the dead leader, and tries the masters in turn (S17)', async () => {
    // nothing listens there
    const deadUrl = 'http://127.0.0.1:1'
    const clock = new ManualClock()
    const pointing = await fakeMaster(request =>
      request.answer(307, '', { Location: `${deadUrl}/api/v1/scheduler` }),
    )
    const good = await fakeMaster()
    const { client, phase, phases } = clientOf([deadUrl, pointing.url, good.url], { clock })
    client.start()
    for (const tries of [1, 2]) {
      const waiting = await phases.first(({ name }) => name === 'waiting', 2 * tries - 1)
      expect(waiting.name === 'waiting' && waiting.cause.code).to.equal('unreachable')
      clock.advance(250)
    }
    await accept(good)
    expect((await phase('subscribed')).url).to.equal(`${good.url}/api/v1/scheduler`)
  })

  it("goes on to the next master when the leader's name means nothing here, and says who named it (S8, S17)", async () => {
    const nowhere = 'master.invalid:5050'
    const follower = await fakeMaster(request =>
      request.answer(307, '', { Location: `//${nowhere}/master/api/v1/scheduler` }),
    )
    const leader = await fakeMaster()
    const { client, phase } = clientOf([follower.url, leader.url], { backoff: { initialMs: 10, maxMs: 20 } })
    client.start()
    const { cause } = await phase('waiting')
    expect(cause.code).to.equal('unreachable')
    expect(cause.message).to.include(nowhere).and.include(`${follower.url} redirects there`)
    await accept(leader)
    await phase('subscribed')
  })

  it('goes through the recorded take-over: the dead leader, 503, then in (S8, S9)', async () => {
    const recorded = trace('15').exchanges.filter(({ note }) => note === 'resubscribe at the other master')
    const answers = recorded.filter(({ response }) => response.status !== 200)
    expect(answers.map(({ response }) => response.status)).to.deep.equal([307, 503])
    const standby = await fakeMaster(request => {
      const { response } = answers.shift() ?? {}
      // nothing listens where the dead leader was
      const to = response?.headers['Location']?.replace('master.example:5050', '127.0.0.1:1')
      if (response !== undefined)
        request.answer(response.status, String(response.body), to === undefined ? {} : { Location: to })
    })
    const { client, phase, phases } = clientOf([standby.url], { backoff: { initialMs: 10, maxMs: 20 } })
    client.start()
    await accept(standby, 2)
    await phase('subscribed')
    const causes = phases.items.flatMap(each => (each.name === 'waiting' ? [each.cause.code] : []))
    expect(causes).to.deep.equal(['unreachable', 'unavailable'])
  })
})
