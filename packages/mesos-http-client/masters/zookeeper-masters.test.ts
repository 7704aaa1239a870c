// Finding the leader through a real ZooKeeper that restarts, freezes, and forgets (S17).
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect } from 'chai'
import { TestZooKeeper, installMs } from '../../../test/support/zookeeper.ts'
import { systemClock, type Clock } from '../clock.ts'
import { Log } from '../testing/log.ts'
import { closers } from '../testing/scheduler-harness.ts'
import { recordedMasterInfos } from '../testing/znodes.ts'
import type { ZooKeeperConnection } from '../zookeeper/connection.ts'
import { parseZooKeeperUrl } from '../zookeeper/url.ts'
import { ZooKeeperMasters } from './zookeeper-masters.ts'

const RETRY_MS = 20
const masterInfo = (port: number) =>
  Buffer.from(JSON.stringify({ address: { hostname: 'm.example', ip: '127.0.0.1', port }, port }))

describe('ZooKeeperMasters (S17)', () => {
  const toClose = closers()
  let zooKeeper: TestZooKeeper
  let paths = 0

  before(async function () {
    this.timeout(installMs)
    zooKeeper = await TestZooKeeper.start()
  })
  after(() => zooKeeper[Symbol.asyncDispose]())

  /** A connection of a test, such as that of a master. */
  async function connection(options: Parameters<TestZooKeeper['connect']>[0] = {}) {
    const made = zooKeeper.connect(options)
    toClose.push(() => made.close())
    await made.ready
    return made
  }

  /** A path of its own, with nothing in it. */
  async function election(by: ZooKeeperConnection): Promise<string> {
    paths += 1
    const path = `/mesos${paths}`
    await by.create(path, Buffer.alloc(0), 'persistent')
    return path
  }

  function mastersOf(text: string, clock: Clock = systemClock) {
    const leaders = new Log<string>()
    const masters = new ZooKeeperMasters({
      url: parseZooKeeperUrl(text),
      scheme: 'http',
      clock,
      random: () => 0,
      retryMs: () => RETRY_MS,
    })
    toClose.push(() => masters.close())
    const blind = new Log<string>()
    masters.start({
      onChange: leader => leaders.add(leader?.origin ?? masters.trouble.message),
      onBlind: trouble => blind.add(trouble?.message ?? 'sees again'),
    })
    return { masters, leaders, blind }
  }

  const contend = (by: ZooKeeperConnection, path: string, port: number) =>
    by.create(`${path}/json.info_`, masterInfo(port), 'ephemeral_sequential')

  it('names the lowest json.info_ node, as recorded, and its successor', async () => {
    const [first, second] = [await connection(), await connection()]
    const path = await election(first)
    await first.create(`${path}/log_replicas`, Buffer.alloc(0), 'persistent')
    const infos = recordedMasterInfos()
    for (const by of [first, second]) {
      await by.create(`${path}/json.info_`, infos.shift() ?? Buffer.alloc(0), 'ephemeral_sequential')
    }
    const { leaders } = mastersOf(`zk://${zooKeeper.address}${path}`)
    expect(await leaders.take(1)).to.deep.equal(['http://127.0.0.1:5050'])
    await first.close()
    expect(await leaders.take(2)).to.deep.equal(['http://127.0.0.1:5050', 'http://127.0.0.1:5060'])
  })

  it('waits for a path that is not there, then for a master, and tells when none is left', async () => {
    const master = await connection()
    const path = `/absent/mesos`
    const { leaders } = mastersOf(`zk://${zooKeeper.address}${path}`)
    await leaders.first(text => text.endsWith('/absent/mesos is not there yet'))
    await master.create('/absent', Buffer.alloc(0), 'persistent')
    await master.create(path, Buffer.alloc(0), 'persistent')
    await leaders.first(text => text.includes('no master takes part'))
    await contend(master, path, 1)
    await leaders.first(text => text === 'http://127.0.0.1:1')
    await master.close()
    await leaders.first(text => text.includes('no master takes part'), 3)
  })

  it('says that the leading node is garbage, and goes on when it is gone', async () => {
    const [bad, good] = [await connection(), await connection()]
    const path = await election(good)
    await bad.create(`${path}/json.info_`, Buffer.from('<html>'), 'ephemeral_sequential')
    await contend(good, path, 2)
    const { leaders } = mastersOf(`zk://${zooKeeper.address}${path}`)
    await leaders.first(text => text.includes('/json.info_0000000000 is not to be understood'))
    await bad.close()
    await leaders.first(text => text === 'http://127.0.0.1:2')
  })

  it('shows its credentials, and says what is wrong without telling them', async () => {
    const master = await connection({ credentials: 'reader:topsecret' })
    paths += 1
    const path = `/guarded${paths}`
    await master.create(path, Buffer.alloc(0), 'persistent', 'creator')
    await contend(master, path, 3)
    const { leaders } = mastersOf(`zk://reader:topsecret@${zooKeeper.address}${path}`)
    expect(await leaders.take(1)).to.deep.equal(['http://127.0.0.1:3'])
    const other = mastersOf(`zk://reader:another@${zooKeeper.address}${path}`)
    const refused = await other.leaders.first()
    expect(refused).to.include('no permission')
    expect(refused).not.to.match(/another|topsecret/)
    expect([other.masters.trouble.code, other.masters.trouble.fatal]).to.deep.equal(['unauthenticated', true])
  })

  it('survives the end of its session, and a restart of the server, without a word', async () => {
    const master = await connection()
    const path = await election(master)
    await contend(master, path, 4)
    const { leaders, masters } = mastersOf(`zk://${zooKeeper.address}${path}`)
    await leaders.take(1)
    await zooKeeper.stop()
    expect((await master.ended).code).to.equal('disconnected')
    await zooKeeper.start()
    // another client's nodes outlive a restart while its session does
    const { id, password } = await master.ready
    const again = await connection({ session: { id, password } })
    await contend(again, path, 5)
    expect(masters.next()?.origin).to.equal('http://127.0.0.1:4')
    await again.close()
    await leaders.first(text => text.includes('no master takes part'))
    expect(leaders.items).to.have.length(2)
  })

  it('gives up a server that freezes, and asks another one (watchdog)', async () => {
    const master = await connection()
    const path = await election(master)
    await contend(master, path, 6)
    const accepted: Socket[] = []
    // takes every connection, answers nothing
    const frozen = createServer(socket => accepted.push(socket)).listen(0, '127.0.0.1')
    await once(frozen, 'listening')
    toClose.push(async () => {
      for (const socket of accepted) socket.destroy()
      frozen.close()
    })
    const address = frozen.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const startedAt = Date.now()
    const { leaders } = mastersOf(`zk://127.0.0.1:${port},${zooKeeper.address}${path}`)
    await leaders.first(text => text === 'http://127.0.0.1:6')
    expect(Date.now() - startedAt).to.be.within(2900, 10_000)
  })

  it('notices a server that freezes under its connection, keeps the leader, and sees the next when it thaws', async () => {
    const master = await connection({ sessionTimeoutMs: 60_000 })
    const path = await election(master)
    await contend(master, path, 7)
    const { leaders, masters, blind } = mastersOf(`zk://${zooKeeper.address}${path}`)
    await leaders.take(1)
    zooKeeper.freeze()
    try {
      // no change: somebody leads as far as we know
      expect(await blind.first()).to.include('no answer within 3000 ms')
      expect(masters.next()?.origin).to.equal('http://127.0.0.1:7')
    } finally {
      zooKeeper.thaw()
    }
    const { id, password } = await master.ready
    const again = await connection({ session: { id, password } })
    await contend(again, path, 8)
    await again.close()
    await leaders.first(text => text.includes('no master takes part'))
    expect(leaders.items).to.have.lengthOf(2)
    expect(blind.items.slice(1)).to.deep.equal(['sees again'])
  })

  it('is blind only when no server answers: one that ends is left for the next without a word', async () => {
    const master = await connection()
    const path = await election(master)
    await contend(master, path, 11)
    // the first server of two is a proxy that ends
    const proxied: Socket[] = []
    const [host, port] = zooKeeper.address.split(':')
    const proxy = createServer(socket => {
      const server = connect(Number(port), host)
      proxied.push(socket, server)
      socket.on('error', () => {}).pipe(server)
      server.on('error', () => {}).pipe(socket)
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const end = async () => {
      proxy.close()
      for (const socket of proxied) socket.destroy()
    }
    toClose.push(end)
    const at = proxy.address()
    const first = `127.0.0.1:${typeof at === 'object' ? at?.port : ''}`
    const { leaders, blind } = mastersOf(`zk://${first},${zooKeeper.address}${path}`)
    await leaders.take(1)
    await end()
    // it is asked again: another leader is seen
    const next = await connection()
    await contend(next, path, 12)
    await master.close()
    await leaders.first(text => text === 'http://127.0.0.1:12')
    expect(blind.items).to.deep.equal([])
  })

  it('finds the leader of an ensemble that was set up anew under the same address, where nodes have the names of before', async () => {
    const master = await connection()
    const path = await election(master)
    await contend(master, path, 9)
    // the pause after a failure lasts until the ensemble has its new master
    const isSetUp = Promise.withResolvers<void>()
    const clock: Clock = {
      now: () => systemClock.now(),
      after(ms, action) {
        if (ms !== RETRY_MS) return systemClock.after(ms, action)
        void isSetUp.promise.then(action)
        return () => {}
      },
    }
    const { leaders } = mastersOf(`zk://${zooKeeper.address}${path}`, clock)
    toClose.push(async () => isSetUp.resolve())
    await leaders.take(1)
    await zooKeeper.stop()
    await zooKeeper.wipe()
    await zooKeeper.start()
    // it refuses whoever has seen more than it knows
    const anew = await connection()
    await anew.create(path, Buffer.alloc(0), 'persistent')
    await contend(anew, path, 10)
    isSetUp.resolve()
    await leaders.first(text => text === 'http://127.0.0.1:10')
  })

  it('closes for good, also while a server is silent', async () => {
    zooKeeper.freeze()
    try {
      const { masters, leaders } = mastersOf(`zk://${zooKeeper.address}/mesos`)
      await masters.close()
      expect(leaders.items).to.deep.equal([])
    } finally {
      zooKeeper.thaw()
    }
  })
})
