// A SchedulerClient that is told its master by a real ZooKeeper (S17).
import { expect } from 'chai'
import { TestZooKeeper, installMs } from '../../../test/support/zookeeper.ts'
import type { FakeMesos } from '../testing/fake-mesos.ts'
import { closers, schedulerHarness } from '../testing/scheduler-harness.ts'

describe('SchedulerClient: masters that ZooKeeper names (S17)', () => {
  const { fakeMaster, clientOf, accept } = schedulerHarness()
  const toClose = closers()
  let zooKeeper: TestZooKeeper
  let paths = 0
  let path = ''

  before(async function () {
    this.timeout(installMs)
    zooKeeper = await TestZooKeeper.start()
  })
  after(() => zooKeeper[Symbol.asyncDispose]())
  beforeEach(() => {
    paths += 1
    path = `/mesos${paths}`
  })

  /** Takes part in the election, until the connection that comes back is closed. */
  async function contend(master: FakeMesos) {
    const connection = zooKeeper.connect()
    toClose.push(() => connection.close())
    await connection.create(path, Buffer.alloc(0), 'persistent')
    const info = JSON.stringify({ address: { ip: '127.0.0.1', port: master.port } })
    await connection.create(`${path}/json.info_`, Buffer.from(info), 'ephemeral_sequential')
    return connection
  }

  const quick = { backoff: { initialMs: 10, maxMs: 20 } }
  const zk = (credentials = '') => `zk://${credentials}${zooKeeper.address}${path}`

  it('waits for a leader, subscribes there, and goes to the next one although the old one still serves it', async () => {
    const [old, next] = [await fakeMaster(), await fakeMaster()]
    const { client, phase, phases, events } = clientOf([zk('u:topsecret@')], quick)
    client.start()
    const waiting = await phase('waiting')
    expect([waiting.untilMs, waiting.cause.code]).to.deep.equal([Number.POSITIVE_INFINITY, 'no_leader'])
    const leadership = await contend(old)
    const stream = await accept(old)
    expect((await phase('subscribed')).url).to.equal(`${old.url}/api/v1/scheduler`)
    await contend(next)
    const before = phases.items.length
    await leadership.close()
    await accept(next)
    const subscribed = await phase('subscribed', before)
    expect(subscribed.url).to.equal(`${next.url}/api/v1/scheduler`)
    const left = await phase('waiting', before)
    expect([left.cause.code, left.cause.message]).to.deep.equal([
      'no_longer_wanted',
      `the leading master is ${next.url} now`,
    ])
    await stream.closed
    expect(events.items.map(({ type }) => type)).to.deep.equal(['SUBSCRIBED', 'SUBSCRIBED'])
    expect(JSON.stringify(phases.items)).not.to.include('topsecret')
  })

  it('keeps its subscription while ZooKeeper is away or names nobody, and comes back to the same master', async () => {
    const master = await fakeMaster()
    const leadership = await contend(master)
    const { client, phases, phase } = clientOf([zk()], quick)
    client.start()
    const stream = await accept(master)
    await phase('subscribed')
    await zooKeeper.stop()
    await leadership.ended
    // the master's stream breaks while nobody can be asked: the last one known is asked again
    stream.cut()
    const again = await accept(master, 1)
    await phases.first(({ name }) => name === 'subscribed', phases.items.length)
    await zooKeeper.start()
    const { id, password } = await leadership.ready
    const resumed = zooKeeper.connect({ session: { id, password } })
    toClose.push(() => resumed.close())
    await resumed.ready
    await resumed.close()
    const before = phases.items.length
    again.cut()
    const waiting = await phases.first(
      each => each.name === 'waiting' && each.cause.code === 'no_leader',
      before,
    )
    expect(waiting.name === 'waiting' && waiting.cause.message).to.include('no master takes part')
    await contend(master)
    await accept(master, 2)
  })

  it('waits out a leader that is dead but still named, then goes to its successor (S8, S13)', async () => {
    const [dead, next] = [await fakeMaster(), await fakeMaster()]
    const leadership = await contend(dead)
    await dead.close()
    const { client, phase } = clientOf([zk()], quick)
    client.start()
    expect((await phase('waiting', 1)).cause.code).to.equal('unreachable')
    await contend(next)
    // its session has expired
    await leadership.close()
    await accept(next)
    await phase('subscribed')
  })

  it('stays where a redirect has led, when ZooKeeper comes to the same opinion', async () => {
    const next = await fakeMaster()
    const old = await fakeMaster(request =>
      request.answer(307, '', { Location: `//127.0.0.1:${next.port}/master/api/v1/scheduler` }),
    )
    const leadership = await contend(old)
    const { client, phase, phases, events } = clientOf([zk()], quick)
    client.start()
    const stream = await accept(next)
    await phase('subscribed')
    const before = phases.items.length
    await contend(next)
    await leadership.close()
    const reader = zooKeeper.connect()
    toClose.push(() => reader.close())
    while ((await reader.getChildren(path))?.length !== 1) await reader.ping()
    stream.send({ type: 'HEARTBEAT' })
    await events.first(({ type }) => type === 'HEARTBEAT')
    expect(phases.items).to.have.length(before)
  })

  it('waits for a leader that is not ready yet (503) (S9)', async () => {
    let isReady = false
    const master = await fakeMaster(request => {
      if (!isReady) request.answer(503, 'Master has not finished recovery')
    })
    await contend(master)
    const { client, phase, phases } = clientOf([zk()], quick)
    client.start()
    await phases.first(each => each.name === 'waiting' && each.cause.code === 'unavailable')
    isReady = true
    await accept(master, master.requests.items.length)
    await phase('subscribed')
  })

  it('stays away while paused for too long, whoever leads (S19)', async () => {
    const [old, next] = [await fakeMaster(), await fakeMaster()]
    const leadership = await contend(old)
    const { client, phase, phases } = clientOf([zk()], { ...quick, pauseLimitMs: 1 })
    client.start()
    await accept(old)
    await phase('subscribed')
    client.pause()
    await phases.first(each => each.name === 'waiting' && each.untilMs === Number.POSITIVE_INFINITY, 3)
    await contend(next)
    await leadership.close()
    // another reader sees it no sooner than our own watch
    const reader = zooKeeper.connect()
    toClose.push(() => reader.close())
    while ((await reader.getChildren(path))?.length !== 1) await reader.ping()
    expect(next.requests.items).to.have.length(0)
    client.resume()
    await accept(next)
  })

  it('ends at once where ZooKeeper refuses its credentials (S9)', async () => {
    const owner = zooKeeper.connect({ credentials: 'owner:x' })
    toClose.push(() => owner.close())
    await owner.create(path, Buffer.alloc(0), 'persistent', 'creator')
    const { client, phase } = clientOf([zk('other:topsecret@')], quick)
    client.start()
    const { cause } = await phase('closed')
    expect([cause?.code, cause?.fatal]).to.deep.equal(['unauthenticated', true])
    expect(cause?.message).to.include(`no permission for ${path}`).and.not.include('topsecret')
  })

  it('closes while it waits, and refuses what makes no sense', async () => {
    const { client, phase } = clientOf([zk()], quick)
    client.start()
    await phase('waiting')
    await client.close()
    expect(client.phase).to.deep.equal({ name: 'closed' })
    expect(() => clientOf(['http://a:1', 'zk://a:1/m'])).to.throw(TypeError, /stands alone/)
    expect(() => clientOf(['zk://u:topsecret@a:1'])).to.throw(
      TypeError,
      /^((?!topsecret).)*path of the masters is missing/,
    )
  })
})
