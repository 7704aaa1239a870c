import { expect } from 'chai'
import { replay } from '../testing/fake-mesos.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { errorEvent, frameworkInfo, rejection, schedulerHarness } from '../testing/scheduler-harness.ts'
import { trace } from '../testing/traces.ts'
import type { SchedulerClientOptions } from './options.ts'

describe('SchedulerClient: not let in', () => {
  const { fakeMaster, clientOf, accept } = schedulerHarness()

  const cases: readonly [string, number, string][] = [
    ['unavailable', 503, 'Master has not finished recovery'],
    ['not_found', 404, ''],
    ['server_error', 500, 'oops'],
  ]
  for (const [code, status, text] of cases) {
    it(`backs off and tries again after ${status} (S9)`, async () => {
      const clock = new ManualClock()
      const master = await fakeMaster()
      const { client, phase } = clientOf([master.url], { clock })
      client.start()
      const request = await master.requests.first()
      request.answer(status, text)
      expect((await phase('waiting')).cause.code).to.equal(code)
      clock.advance(250)
      await accept(master, 1)
      await phase('subscribed')
    })
  }

  it('goes through the recorded restart of a master: 503, then in (S9)', async () => {
    const recorded = trace('13b')
    const again = recorded.exchanges.findIndex(({ response }) => response.status === 503)
    const master = await fakeMaster(
      replay({ ...recorded, exchanges: recorded.exchanges.slice(again) }, 'master'),
    )
    const { client, phase, events } = clientOf([master.url], { backoff: { initialMs: 1, maxMs: 1 } })
    client.start()
    expect((await phase('waiting')).cause.code).to.equal('unavailable')
    await events.first(({ update }) => update?.status.reason === 'REASON_AGENT_REREGISTERED')
  })

  it('waits longer and longer, with jitter, up to the bound, each time on a new connection (S13)', async () => {
    const clock = new ManualClock()
    const master = await fakeMaster(request => request.answer(503, 'Master has not finished recovery'))
    let random = 0
    const { client, phases } = clientOf([master.url], { clock, random: () => random })
    client.start()
    const waits: number[] = []
    for (let tries = 0; tries < 9; tries++) {
      random = tries % 2 === 0 ? 0 : 1
      const phase = await phases.first(({ name }) => name === 'waiting', 2 * tries + 1)
      const waitMs = phase.name === 'waiting' ? phase.untilMs - clock.now() : 0
      waits.push(waitMs)
      clock.advance(waitMs)
    }
    expect(waits).to.deep.equal([125, 500, 500, 2000, 2000, 8000, 7500, 15_000, 7500])
    await master.requests.take(10)
    expect(new Set(master.requests.items.map(({ connection }) => connection)).size).to.equal(10)
    const attempts = phases.items.flatMap(phase => (phase.name === 'connecting' ? [phase.attempt] : []))
    expect(attempts.slice(0, 3)).to.deep.equal([1, 2, 3])
  })

  it('is no busy loop when each subscription ends at once, and begins anew after a stable one (S10)', async () => {
    const clock = new ManualClock()
    const master = await fakeMaster()
    const { client, phases } = clientOf([master.url], { clock, random: () => 1 })
    client.start()
    const waitAfter = async (tries: number, heldMs: number) => {
      const stream = await accept(master, tries)
      await phases.first(({ name }) => name === 'subscribed', 3 * tries)
      clock.advance(heldMs)
      stream.end()
      const phase = await phases.first(({ name }) => name === 'waiting', 3 * tries)
      const waitMs = phase.name === 'waiting' ? phase.untilMs - clock.now() : 0
      clock.advance(waitMs)
      return waitMs
    }
    expect(await waitAfter(0, 0)).to.equal(250)
    expect(await waitAfter(1, 100)).to.equal(500)
    expect(await waitAfter(2, 0)).to.equal(1000)
    expect(await waitAfter(3, 20_000)).to.equal(250)
  })

  const finals: readonly [string, number, string][] = [
    ['unauthenticated', 401, '401 Unauthorized.'],
    ['invalid_call', 415, "Expecting 'Content-Type' of application/json or application/x-protobuf"],
    [
      'principal_mismatch',
      400,
      "Authenticated principal 'a' does not match principal 'b' set in `FrameworkInfo`",
    ],
  ]
  for (const [code, status, text] of finals) {
    it(`stops at ${status} ${code} and says why (S9, S18)`, async () => {
      const master = await fakeMaster(request => request.answer(status, text))
      const { client, phase } = clientOf([master.url])
      client.start()
      const { cause } = await phase('closed')
      expect([cause?.code, cause?.status]).to.deep.equal([code, status])
      expect(cause?.message).to.contain(text)
      expect((await rejection(client.revive())).code).to.equal('closed')
    })
  }

  it('stops at the recorded answers to a wrong credential (S18)', async () => {
    const master = await fakeMaster(replay(trace('16'), 'master'))
    const credential = { principal: 'framework', secret: 'wrong' }
    const { client, phase } = clientOf([master.url], { credential })
    client.start()
    expect((await phase('closed')).cause?.code).to.equal('unauthenticated')
    const authorization = Buffer.from('framework:wrong').toString('base64')
    expect(master.requests.items[0]?.headers.authorization).to.equal(`Basic ${authorization}`)
  })

  it('stops when the master refuses the FrameworkInfo by an ERROR event (S23)', async () => {
    const master = await fakeMaster()
    const { client, phase, events } = clientOf([master.url])
    client.start()
    const request = await master.requests.first()
    const stream = request.stream('scheduler.Event', { 'Mesos-Stream-Id': 's' })
    stream.send(errorEvent("'FrameworkInfo.roles' contains duplicate items: { b }"))
    stream.end()
    const { cause } = await phase('closed')
    expect([cause?.code, cause?.fatal]).to.deep.equal(['refused', true])
    expect(events.items.map(({ type }) => type)).to.deep.equal(['ERROR'])
  })

  it('never asks with a FrameworkInfo that makes no sense (S4, S5, S18, S20, S23)', () => {
    const wrong: [RegExp, Partial<SchedulerClientOptions>][] = [
      [/no master/, { masters: [] }],
      [/empty frameworkId/, { frameworkId: '' }],
      [/user and name/, { frameworkInfo: { ...frameworkInfo, user: '' } }],
      [/user and name/, { frameworkInfo: { ...frameworkInfo, name: '' } }],
      [/frameworkId/, { frameworkInfo: { ...frameworkInfo, id: { value: 'x' } } }],
      [/role instead of roles/, { frameworkInfo: { ...frameworkInfo, role: 'web' } }],
      [
        /principal is a, the credential is that of b/,
        { frameworkInfo: { ...frameworkInfo, principal: 'a' }, credential: { principal: 'b', secret: '' } },
      ],
    ]
    for (const [message, options] of wrong) {
      expect(() => clientOf(['http://127.0.0.1:1'], options)).to.throw(TypeError, message)
    }
    const { client } = clientOf(['http://127.0.0.1:1'])
    expect(client.phase.name).to.equal('idle')
  })
})
