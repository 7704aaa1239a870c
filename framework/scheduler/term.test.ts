// A term with a recorded connection to Mesos: what is sent when, over subscriptions that come and go.
import { expect } from 'chai'
import { MesosError } from 'mesos-http-client'
import { eventually, offer, pendingTask, scalar, taskSpec } from './testing/support.ts'
import { TermFixture } from './testing/term-fixture.ts'

describe('term', () => {
  let at: TermFixture

  beforeEach(() => {
    at = new TermFixture()
  })

  afterEach(() => at.term.close())

  it('launches nothing before the framework id is safe (S5)', async () => {
    const saving = Promise.withResolvers<void>()
    at.save = () => saving.promise
    at.pending = [pendingTask(1)]
    const mesos = await at.start()
    mesos.subscribe()
    mesos.offer('o1')
    await new Promise(resolve => setImmediate(resolve))
    expect(mesos.calls).to.deep.equal([])
    saving.resolve()
    await mesos.until('ACCEPT')
    expect(at.saved.map(({ frameworkId }) => frameworkId)).to.deep.equal(['f-1'])
    const [info] = mesos.of('ACCEPT')[0]?.accept?.operations?.[0]?.launch?.task_infos ?? []
    expect(info?.executor?.framework_id).to.deep.equal({ value: 'f-1' })
    expect(info?.executor?.executor_id.value).to.match(/-7$/)
  })

  it('tries again to save it where the store fails', async () => {
    at.save = () => {
      at.save = () => Promise.resolve()
      return Promise.reject(new Error('store'))
    }
    const mesos = await at.start()
    mesos.subscribe()
    await eventually(() => at.term.subscribed)
    expect(at.saved).to.have.length(1)
  })

  it('says at each subscription whether it wants offers (S37)', async () => {
    const mesos = await at.start()
    mesos.subscribe()
    await eventually(() => at.term.subscribed)
    mesos.lose()
    at.pending = [pendingTask(1)]
    at.term.hint('pending')
    await new Promise(resolve => setImmediate(resolve))
    mesos.subscribe()
    expect(mesos.suppressed).to.deep.equal([['juice'], []])
  })

  it('forgets offers with their subscription (S38)', async () => {
    const mesos = await at.start()
    mesos.subscribe()
    await eventually(() => at.term.subscribed)
    mesos.offer('o1')
    mesos.lose()
    mesos.subscribe()
    await eventually(() => at.term.subscribed)
    at.pending = [pendingTask(1)]
    at.term.hint('pending')
    await mesos.until('REVIVE')
    expect(mesos.has('ACCEPT')).to.equal(false)
    mesos.offer('o2')
    await mesos.until('ACCEPT')
    expect(mesos.of('ACCEPT')[0]?.accept?.offer_ids).to.deep.equal([{ value: 'o2' }])
  })

  it('launches nothing on an offer that was rescinded (S39)', async () => {
    const mesos = await at.start()
    mesos.subscribe()
    await eventually(() => at.term.subscribed)
    mesos.offer('o1')
    mesos.options.onEvent({ type: 'RESCIND', rescind: { offer_id: { value: 'o1' } } })
    at.pending = [pendingTask(1)]
    at.term.hint('pending')
    await mesos.until('REVIVE')
    expect(mesos.has('ACCEPT')).to.equal(false)
  })

  it('lets an idle agent go for maintenance (S44)', async () => {
    const mesos = await at.start()
    mesos.subscribe()
    mesos.inverseOffers('agent-1', 'i1')
    await mesos.until('ACCEPT_INVERSE_OFFERS')
  })

  it('speaks for all its roles, and never of two in one ACCEPT (S23, S37, S40)', async () => {
    const roles = ['batch', 'juice']
    const two = new TermFixture(roles)
    const mesos = await two.start()
    mesos.subscribe()
    await eventually(() => two.term.subscribed)
    expect(mesos.options.frameworkInfo.roles).to.deep.equal(roles)
    expect(mesos.suppressed).to.deep.equal([roles])
    two.pending = [1, 2].map(id =>
      pendingTask(id, { spec: taskSpec({ resources: { cpuMillis: 3000, memMb: 64, diskMb: 0, ports: 0 } }) }),
    )
    two.term.hint('pending')
    await mesos.until('REVIVE')
    expect(mesos.of('REVIVE')).to.deep.equal([{ type: 'REVIVE', revive: { roles } }])
    const resources = (role: string) =>
      [scalar('cpus', 4), scalar('mem', 4096)].map(r => ({ ...r, allocation_info: { role } }))
    mesos.play([
      {
        type: 'OFFERS',
        offers: {
          offers: roles.map(role => ({
            ...offer(role, 'agent-1', resources(role)),
            allocation_info: { role },
          })),
        },
      },
    ])
    await mesos.until('ACCEPT', 2)
    const accepts = mesos.of('ACCEPT').map(({ accept }) => ({
      offers: accept?.offer_ids?.map(({ value }) => value),
      roles: accept?.operations
        ?.flatMap(({ launch }) => launch?.task_infos ?? [])
        .flatMap(info => [...(info.resources ?? []), ...(info.executor?.resources ?? [])])
        .map(({ allocation_info: allocation }) => allocation?.role),
    }))
    expect(accepts).to.deep.equal(roles.map(role => ({ offers: [role], roles: [role, role, role, role] })))
    expect(new Set(two.committed.map(({ executorId }) => executorId)).size).to.equal(2)
    await two.term.close()
  })

  it('knows of each subscription where its master stands (S30)', async () => {
    at.pending = [pendingTask(1)]
    const mesos = await at.start()
    const domain = (name: string) => ({ fault_domain: { region: { name }, zone: { name: 'z' } } })
    mesos.subscribe('f-1', 'eu')
    await eventually(() => at.term.subscribed)
    mesos.offer('o1', { domain: domain('us') })
    await mesos.until('DECLINE')
    expect(at.term.whyWaits(1)).to.equal(
      '1 agent: in another region (us), which a constraint on @region permits',
    )
    mesos.lose()
    expect(at.term.whyWaits(1)).to.equal('not subscribed to a Mesos master, so nothing is offered')
    mesos.subscribe('f-1', 'us')
    await eventually(() => at.term.subscribed)
    expect(at.term.whyWaits(1)).to.equal('no agent has offered resources to the role juice yet')
    mesos.offer('o2', { domain: domain('us') })
    await mesos.until('ACCEPT')
  })

  it('does not turn to Mesos where the store belongs to another cluster (S16)', async () => {
    at.refusal = 'elsewhere'
    at.term.start()
    await eventually(() => at.ends.length > 0)
    expect(at.ends).to.deep.equal([{ name: 'origin_refused', message: 'elsewhere' }])
    expect(at.connection).to.equal(undefined)
  })

  const ends: [string, MesosError, object][] = [
    ['failed over', new MesosError('failed_over', 'm'), { name: 'failed_over', message: 'm' }],
    ['removed', new MesosError('framework_removed', 'm'), { name: 'removed', frameworkId: 'f-1', live: 0 }],
    ['refused', new MesosError('unauthenticated', 'm'), { name: 'refused', message: 'm' }],
    [
      'other credentials',
      new MesosError('principal_mismatch', 'm', { status: 400 }),
      {
        name: 'refused',
        message:
          'm: JUICE_MESOS_PRINCIPAL (not set) must be the name that the master knows these credentials by',
      },
    ],
  ]
  for (const [title, cause, end] of ends) {
    it(`ends once where Mesos says: ${title} (S15, S16, S18)`, async () => {
      const mesos = await at.start()
      mesos.subscribe()
      await eventually(() => at.term.subscribed)
      mesos.options.onPhase({ name: 'closed', cause })
      await eventually(() => at.ends.length > 0)
      mesos.options.onPhase({ name: 'closed', cause })
      expect(at.ends).to.deep.equal([end])
    })
  }
})
