import { expect } from 'chai'
import { LeaseLost } from '../store/index.ts'
import { testDatabase } from '../../test/support/postgres.ts'
import {
  applyStatusUpdates,
  applyTimers,
  checkStore,
  commitIntents,
  forgetFramework,
  loadFramework,
  maintainStore,
  recordExecutorLoss,
  saveFramework,
  withdrawIntents,
} from './index.ts'
import { somebodyWaits, until, World } from './test-support.ts'

const record = {
  name: 'juice',
  frameworkId: 'f-1',
  principal: 'p',
  user: 'root',
  checkpoint: true,
  capabilities: ['PARTITION_AWARE', 'MULTI_ROLE'],
}

describe('the leader’s store', function () {
  this.timeout(20_000)
  let world: World
  before(async () => {
    world = await World.open()
  })
  after(() => world.close())

  it('keeps the framework id for ever (S5), and refuses another one (S16)', async () => {
    expect(await loadFramework(world.deps, { name: 'juice' })).to.equal(undefined)
    await saveFramework(world.deps, world.lease, record)
    expect(await loadFramework(world.deps, { name: 'juice' })).to.deep.equal(record)
    const { principal: _, ...anonymous } = record
    await saveFramework(world.deps, world.lease, { ...anonymous, capabilities: [] })
    expect(await loadFramework(world.deps, { name: 'juice' })).to.deep.equal({
      ...anonymous,
      capabilities: [],
    })
    const other = { ...record, frameworkId: 'f-2' }
    const error: unknown = await saveFramework(world.deps, world.lease, other).catch((e: unknown) => e)
    expect(error).to.include({ code: 'framework_id_conflict' })
    expect(await loadFramework(world.deps, { name: 'juice' })).to.include({ frameworkId: 'f-1' })
  })

  it('forgets a framework id that Mesos removed, but not while something of it is live', async () => {
    const forget = () => forgetFramework(world.deps, world.lease, { name: 'juice' })
    const { mesosTaskId } = await world.started()
    await saveFramework(world.deps, world.lease, record)
    const error: unknown = await forget().catch((e: unknown) => e)
    expect(error).to.be.instanceOf(Error)
    expect(await loadFramework(world.deps, { name: 'juice' })).to.not.equal(undefined)
    await world.hear(mesosTaskId, 'TASK_FINISHED')
    await forget()
    expect(await loadFramework(world.deps, { name: 'juice' })).to.equal(undefined)
  })

  it('can be written by no leader of before (S78)', async () => {
    const { id, mesosTaskId } = await world.started()
    const waiting = await world.submit({ maxQueueSeconds: 1 })
    world.pass(2)
    const old = { name: 'juice', epoch: 0 }
    const attempts = await Promise.allSettled<unknown>([
      commitIntents(world.deps, old, [world.intent(waiting.id)]),
      withdrawIntents(world.deps, old, { intents: [{ taskId: id, mesosTaskId }], message: '' }),
      applyStatusUpdates(world.deps, old, [world.update(mesosTaskId, 'TASK_FINISHED')]),
      applyTimers(world.deps, old),
      recordExecutorLoss(world.deps, old, { agentId: 'agent-1', executorId: 'executor-1', clean: false }),
      saveFramework(world.deps, old, record),
      maintainStore(world.deps, old),
      commitIntents(world.deps, { name: 'nobody', epoch: 1 }, [world.intent(waiting.id)]),
    ])
    for (const attempt of attempts) {
      expect(attempt.status === 'rejected' && attempt.reason).to.be.instanceOf(LeaseLost)
    }
    expect(await world.state(id)).to.equal('RUNNING')
    expect(await world.state(waiting.id)).to.equal('QUEUED')
  })

  it('lets a transaction of the old leader end before the epoch changes, and none after', async () => {
    const { id, mesosTaskId } = await world.started()
    const blocker = await world.db.pool.connect()
    try {
      await blocker.query('begin')
      await blocker.query('select 1 from tasks.task where id = $1 for update', [id])
      const applying = world.hear(mesosTaskId, 'TASK_FINISHED')
      await until(() => somebodyWaits(world))
      const takeover = world.db.pool.query(
        "update scheduling.lease set epoch = epoch + 1 where name = 'juice'",
      )
      let taken = false
      void takeover.then(() => (taken = true))
      await until(async () => {
        const { rows } = await world.db.pool.query(
          `select 1 from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock' and query like 'update scheduling%'`,
        )
        return rows.length === 1
      })
      expect(taken).to.equal(false)
      await blocker.query('commit')
      expect((await applying).effect).to.equal('applied')
      await takeover
      const error: unknown = await world.hear(mesosTaskId, 'TASK_RUNNING').catch((e: unknown) => e)
      expect(error).to.be.instanceOf(LeaseLost)
    } finally {
      blocker.release()
    }
  })

  it('knows whether it is migrated', async () => {
    expect(await checkStore(world.deps)).to.deep.equal({ migrated: true })
    const empty = await testDatabase({ empty: true })
    expect(await checkStore({ ...world.deps, pool: empty.pool })).to.deep.equal({ migrated: false })
    await empty.close()
  })
})
