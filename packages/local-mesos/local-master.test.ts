// Several masters: redirects, take-over, and an election in a real ZooKeeper.
import { join } from 'node:path'
import { expect } from 'chai'
import { TestZooKeeper, installMs } from '../../test/support/zookeeper.ts'
import type { LogEntry } from './core/log.ts'
import type { LocalMaster } from './local-master.ts'
import { LocalMesos } from './local-mesos.ts'
import type { LocalMesosOptions } from './options.ts'
import { TestScheduler, frameworkInfo, taskInfo } from './testing/test-scheduler.ts'

const executor = `exec '${process.execPath}' '${join(import.meta.dirname, 'testing', 'executor.mjs')}'`

describe('several masters of a local cluster', function () {
  this.timeout(30_000)
  let zooKeeper: TestZooKeeper
  let cluster: LocalMesos | undefined
  let scheduler: TestScheduler | undefined
  let paths = 0

  before(async function () {
    this.timeout(installMs)
    zooKeeper = await TestZooKeeper.start()
  })
  after(() => zooKeeper[Symbol.asyncDispose]())
  afterEach(async () => {
    scheduler?.close()
    await cluster?.close()
  })

  const entries: LogEntry[] = []
  let waiting: (() => void)[] = []
  async function logged(message: string, from: number): Promise<void> {
    while (!entries.slice(from).some(entry => entry.message === message))
      await new Promise<void>(resolve => waiting.push(resolve))
  }

  async function start(options: LocalMesosOptions): Promise<LocalMesos> {
    cluster = await LocalMesos.start({
      agents: 1,
      standbyMasters: 1,
      allocationIntervalMs: 20,
      electionTimeoutMs: 1000,
      log(entry) {
        entries.push(entry)
        const woken = waiting
        waiting = []
        for (const wake of woken) wake()
      },
      ...options,
    })
    return cluster
  }

  const zk = () => `zk://${zooKeeper.address}/clusters/mesos${paths}`
  const redirect = async (master: LocalMaster | undefined, path = '/state') => {
    const answer = await fetch(`${master?.url}${path}`, { redirect: 'manual' })
    return [answer.status, answer.headers.get('location') ?? (await answer.text())]
  }

  for (const [where, options] of [
    ['among themselves', () => ({})],
    ['in ZooKeeper', () => ({ zookeeper: zk() })],
  ] as const) {
    it(`elect a leader ${where}; a task survives its death, and its agent comes to the next one`, async () => {
      paths += 1
      const { masters, agents } = await start(options())
      const [first, second] = masters
      expect([first?.phase, second?.phase]).to.deep.equal(['leading', 'standby'])
      const location = `//127.0.0.1:${first?.port}/master/state?x=1`
      expect(await redirect(second, '/state?x=1')).to.deep.equal([307, location])
      expect(await redirect(second, '/redirect')).to.deep.equal([307, `//127.0.0.1:${first?.port}`])
      expect(await redirect(second, '/health')).to.deep.equal([200, ''])
      expect((await redirect(second, '/nowhere'))[0]).to.equal(404)

      scheduler = await TestScheduler.subscribe(first?.url ?? '')
      const offer = await scheduler.offer()
      await scheduler.launch(offer, [taskInfo(offer, 't', { command: { shell: true, value: executor } })])
      await scheduler.update('t', 'TASK_RUNNING')
      const agentId = agents[0]?.id
      const before = entries.length
      await cluster?.stopMaster()
      // its session lives on
      expect((await redirect(second))[0]).to.equal(307)
      await logged('elected, reads the registry', before)
      expect(await redirect(second)).to.deep.equal([503, 'Master has not finished recovery'])
      expect(await cluster?.waitForLeader()).to.equal(second)
      await agents[0]?.waitUntilRegistered()
      expect(agents[0]?.id).to.equal(agentId)
      const info = { ...frameworkInfo, id: { value: scheduler.frameworkId } }
      scheduler.close()
      scheduler = await TestScheduler.subscribe(second?.url ?? '', { info })
      const task = { task_id: { value: 't' }, agent_id: { value: agentId ?? '' } }
      await scheduler.call({ type: 'RECONCILE', reconcile: { tasks: [task] } })
      const answer = await scheduler.event(
        'UPDATE',
        ({ update }) => update?.status.reason === 'REASON_RECONCILIATION',
      )
      expect(answer.update?.status.state).to.equal('TASK_RUNNING')

      await cluster?.startMaster()
      expect(first?.phase).to.equal('standby')
      expect(await redirect(first)).to.deep.equal([307, `//127.0.0.1:${second?.port}/master/state`])
    })
  }

  it('keep their leader while ZooKeeper restarts, and lose it with their session', async () => {
    paths += 1
    // Longer than any start of ZooKeeper takes.
    await start({ zookeeper: zk(), electionTimeoutMs: 30_000 })
    const [first, second] = cluster?.masters ?? []
    await zooKeeper.stop()
    await zooKeeper.start()
    const reader = zooKeeper.connect()
    const path = `/clusters/mesos${paths}`
    try {
      const names = (await reader.getChildren(path))?.toSorted()
      expect(names).to.deep.equal(['json.info_0000000000', 'json.info_0000000001'])
      const data = await reader.getData(`${path}/${names?.[0]}`)
      const info: object = JSON.parse(Buffer.from(data ?? []).toString())
      // as recorded: the fields by their names' order
      expect(Object.keys(info)).to.deep.equal([
        'address',
        'capabilities',
        'hostname',
        'id',
        'ip',
        'pid',
        'port',
        'version',
      ])
      expect(info).to.deep.include({ hostname: '127.0.0.1', ip: 16_777_343, port: first?.port })
      expect([first?.phase, second?.phase]).to.deep.equal(['leading', 'standby'])
    } finally {
      await reader.close()
    }
    // an ensemble that was set up anew: both are left out, start again, and one of them leads
    const before = entries.length
    await zooKeeper.stop()
    await zooKeeper.wipe()
    await zooKeeper.start()
    await logged('left out of the election: starts again', before)
    await logged('leads', before)
    await cluster?.agents[0]?.waitUntilRegistered()
  })
})
