// The store remembers where its framework is at home, and gives the id up only where somebody agreed. On a real PostgreSQL.
import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { clusterOf, unconfirmed } from '../domain/origin.ts'
import { createPool, LeaseLost } from '../store/index.ts'
import {
  adoptOrigin,
  checkOrigin,
  describeFramework,
  forsakeFramework,
  loadFramework,
  requestKill,
  saveFramework,
} from './index.ts'
import { retries, World } from './test-support.ts'

const record = {
  name: 'juice',
  frameworkId: 'f-1',
  user: 'root',
  checkpoint: true,
  capabilities: ['PARTITION_AWARE'],
}
const here = clusterOf(['http://a:5050', 'http://b:5050'])
const there = clusterOf(['http://c:5050'])
const yes = { yes: true, sameCluster: false }

describe('where a framework is at home', function () {
  this.timeout(20_000)
  let world: World
  beforeEach(async () => {
    world = await World.open()
  })
  afterEach(() => world.close())

  const check = (cluster = here, said = unconfirmed, deps = world.deps) =>
    checkOrigin(deps, { name: 'juice', cluster, said })
  const save = () => saveFramework(world.deps, world.lease, { ...record, cluster: here })

  it('is asked of nobody who has no id yet', async () => {
    expect(await check(there)).to.include({ decision: 'go_on' })
  })

  it('does not begin under another name while attempts are live that Mesos would not know by it (S16)', async () => {
    const asOther = (said = unconfirmed) => checkOrigin(world.deps, { name: 'other', cluster: here, said })
    await save()
    expect(await asOther()).to.include({ decision: 'go_on' })
    const { id } = await world.started()
    const refused = await asOther()
    expect(refused.decision).to.equal('refuse')
    for (const part of ['"other"', '"juice"', 'JUICE_FRAMEWORK_NAME', '--yes']) {
      expect(refused.problem).to.contain(part)
    }
    const { decision, why = '' } = await asOther(yes)
    expect(decision).to.equal('forget')
    expect(await forsakeFramework(world.deps, world.lease, { name: 'other', why })).to.equal(1)
    expect(await world.state(id)).to.equal('QUEUED')
    expect(await asOther()).to.include({ decision: 'go_on' })
  })

  it('is remembered with the id, and met again', async () => {
    await save()
    expect(await check()).to.include({ decision: 'go_on' })
    const moved = await check(there)
    expect(moved.decision).to.equal('refuse')
    expect(moved.problem).to.contain('a:5050,b:5050').and.to.contain('c:5050')
    expect(await check(there, yes)).to.include({ decision: 'forget' })
  })

  it('follows a list of masters that changes step by step', async () => {
    await save()
    const next = await check(clusterOf(['http://b:5050', 'http://c:5050']))
    expect(next.decision).to.equal('remember')
    await adoptOrigin(world.deps, world.lease, { name: 'juice', origin: next.present })
    expect(await check(there)).to.include({ decision: 'remember' })
    expect(await check(clusterOf(['http://a:5050']))).to.include({ decision: 'refuse' })
  })

  it('is learnt silently where a row of before does not say it', async () => {
    await save()
    await world.db.pool.query(
      'update scheduling.framework set cluster_hosts = null, database_system = null, database_oid = null',
    )
    const check1 = await check(there)
    expect(check1.decision).to.equal('remember')
    await adoptOrigin(world.deps, world.lease, { name: 'juice', origin: check1.present })
    expect(await check(here)).to.include({ decision: 'refuse' })
  })

  it('can be told by ZooKeeper, and is then another one at another path', async () => {
    const origin = { cluster: clusterOf(['zk://u:p@z1,z2/mesos']) }
    await save()
    await adoptOrigin(world.deps, world.lease, { name: 'juice', origin })
    expect(await check(clusterOf(['zk://z2/mesos']))).to.include({ decision: 'remember' })
    expect(await check(clusterOf(['zk://z2/other']))).to.include({ decision: 'refuse' })
    expect(await check(clusterOf(['http://z2:2181']))).to.include({ decision: 'refuse' })
  })

  it('is missed by a copy of the database, made by createdb -T', async () => {
    await save()
    const name = `juice_copy_${process.pid}_${randomBytes(4).toString('hex')}`
    const { pathname } = new URL(world.db.url)
    const admin = createPool({ url: urlOf(world.db.url, 'postgres'), max: 1 })
    // A template must have no connections: they come back by themselves.
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      pathname.slice(1),
    ])
    await admin.query(`create database ${name} template ${pathname.slice(1)}`)
    const copy = createPool({ url: urlOf(world.db.url, name) })
    try {
      const deps = { ...world.deps, pool: copy }
      const found = await check(here, unconfirmed, deps)
      expect(found.decision).to.equal('refuse')
      expect(found.problem).to.contain('this looks like a copy')
      const agreed = await check(here, yes, deps)
      expect(agreed.decision).to.equal('remember')
      await adoptOrigin(deps, world.lease, { name: 'juice', origin: agreed.present })
      expect(await check(here, unconfirmed, deps)).to.include({ decision: 'go_on' })
      expect(await loadFramework(deps, { name: 'juice' })).to.include({ frameworkId: 'f-1' })
      expect(await check()).to.include({ decision: 'go_on' })
    } finally {
      await copy.end()
      await admin.query(`drop database ${name} with (force)`)
      await admin.end()
    }
  })

  it('does without the database where that does not tell its identifier', async () => {
    await save()
    const role = `juice_plain_${process.pid}_${randomBytes(4).toString('hex')}`
    const { pool: admin } = world.db
    await admin.query(`create role ${role} login password 'plain'; grant usage on schema scheduling to ${role};
      grant select on scheduling.framework to ${role};
      revoke execute on function pg_control_system() from public`)
    const url = new URL(world.db.url)
    url.username = role
    url.password = 'plain'
    const pool = createPool({ url: url.href })
    try {
      const found = await check(here, unconfirmed, { ...world.deps, pool })
      expect(found).to.deep.equal({ decision: 'go_on', present: { cluster: here } })
    } finally {
      await pool.end()
      await admin.query(`drop owned by ${role}; drop role ${role}`)
    }
  })

  describe('when the id is given up', () => {
    const why = 'this store was moved to another Mesos cluster'
    const forsake = () => forsakeFramework(world.deps, world.lease, { name: 'juice', why })

    it('ends live attempts as lost, by the fault of Mesos, and lets their tasks wait again', async () => {
      await save()
      const running = await world.started()
      const launching = await world.submit()
      await world.launch(launching.id)
      const waiting = await world.submit()
      expect(await forsake()).to.equal(2)
      expect(await loadFramework(world.deps, { name: 'juice' })).to.equal(undefined)
      for (const id of [running.id, launching.id]) {
        const task = await world.get(id)
        expect(task).to.include({ state: 'QUEUED', failures: 0 })
        expect(task.message).to.contain(why)
        expect(task.caveat).to.contain('a second run could not be excluded')
        expect(task.attempts[0]).to.include({ state: 'TASK_LOST', blame: 'mesos', message: why })
        expect(task.attempts[0]?.finishedAt).to.deep.equal(world.now)
      }
      expect(await world.state(waiting.id)).to.equal('QUEUED')
      expect(world.hints).to.include('pending')
      expect(await forsake()).to.equal(0)
    })

    it('ends a task that is being killed, and says what is left of it', async () => {
      await save()
      const { id } = await world.started(retries(3))
      await requestKill(world.deps, { tenant: 'default', id })
      await forsake()
      const task = await world.get(id)
      expect(task.state).to.equal('KILLED')
      expect(task.message).to.contain('it may run on there').and.to.not.contain('comes back')
    })

    it('is done by the leader only (S78)', async () => {
      await save()
      await world.started()
      const old = { name: 'juice', epoch: 0 }
      const tries = await Promise.allSettled([
        forsakeFramework(world.deps, old, { name: 'juice', why }),
        adoptOrigin(world.deps, old, { name: 'juice', origin: { cluster: there } }),
      ])
      for (const tried of tries)
        expect(tried.status === 'rejected' && tried.reason).to.be.instanceOf(LeaseLost)
      expect(await check()).to.include({ decision: 'go_on' })
    })
  })

  it('is described for operators', async () => {
    expect(await describeFramework(world.deps, { name: 'juice', lease: 'juice' })).to.deep.include({
      name: 'juice',
      names: [],
      tasks: { waiting: 0, live: 0 },
    })
    await save()
    await world.started()
    await world.submit()
    await world.db.pool.query(
      `insert into scheduling.leader values ('juice', 1, 'host 1', 'http://host:1', now(), now() + interval '5 s')`,
    )
    const { framework, leader, tasks, database, names } = await describeFramework(world.deps, {
      name: 'juice',
      lease: 'juice',
    })
    expect(framework).to.deep.include({ ...record, origin: { cluster: here, database } })
    expect(leader).to.include({ holder: 'host 1', address: 'http://host:1' })
    expect(tasks).to.deep.equal({ waiting: 1, live: 1 })
    expect(names).to.deep.equal(['juice'])
  })
})

function urlOf(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}
