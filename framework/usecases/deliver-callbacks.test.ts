import { expect } from 'chai'
import {
  type CallbackResult,
  claimCallbacks,
  ingestOutbox,
  maintainStore,
  recordCallbackResults,
} from './index.ts'
import { World } from './test-support.ts'

const on = ['RUNNING', 'FINISHED'] as const

describe('callbacks', function () {
  this.timeout(20_000)
  let world: World
  beforeEach(async () => {
    world = await World.open()
  })
  afterEach(() => world.close())

  const claim = (limit = 10) => claimCallbacks(world.deps, world.lease, { limit, reserveMs: 30_000 })
  const record = (outboxId: number, outcome: CallbackResult['outcome']) =>
    recordCallbackResults(world.deps, world.lease, [
      { outboxId, outcome, startedAt: world.now, durationMs: 1.4 },
    ])
  const delivered = { name: 'delivered', status: 200 } as const

  const run = async (url: string) => {
    const { id, mesosTaskId } = await world.started({ callback: { url, on } })
    await world.hear(mesosTaskId, 'TASK_FINISHED', { outcome: { exitCode: 0, resultJson: '"\\u0000"' } })
    return id
  }

  it('are taken over once, and given with the task as it was', async () => {
    const id = await run('https://example.com/a')
    const { rows: copy } = await world.db.pool.query<{ row: unknown }>(
      'select to_json(o) as row from tasks.outbox o',
    )
    expect(copy).to.have.length(2)
    expect(await ingestOutbox(world.deps, world.lease)).to.equal(2)
    expect(await ingestOutbox(world.deps, world.lease)).to.equal(0)
    const [first] = await claim()
    expect(first).to.deep.include({
      tenant: 'default',
      url: 'https://example.com/a',
      tries: 1,
      createdAt: world.now,
    })
    expect(first?.task).to.deep.include({
      id,
      state: 'RUNNING',
      submittedAt: world.now,
      startedAt: world.now,
    })
    expect(first?.task.attempts).to.have.length(1)
    expect(first?.task.attempts[0]).to.deep.include({ number: 1, sandbox: '/box', startedAt: world.now })
    await record(first?.outboxId ?? 0, delivered)
    const [second] = await claim()
    expect(second?.task).to.deep.include({
      state: 'FINISHED',
      result: '\0',
      exitCode: 0,
      finishedAt: world.now,
    })
  })

  it('taken over twice, because the first time was cut off, are there once', async () => {
    await run('https://example.com')
    await world.db.pool.query('create table kept as select * from tasks.outbox')
    await ingestOutbox(world.deps, world.lease)
    const [first] = await claim()
    await record(first?.outboxId ?? 0, delivered)
    await world.db.pool.query(
      'insert into tasks.outbox overriding system value select id, at, tenant, task_id, url, payload from kept',
    )
    await ingestOutbox(world.deps, world.lease)
    const due = await claim()
    expect(due.map(({ task }) => task.state)).to.deep.equal(['FINISHED'])
    const { rows } = await world.db.pool.query('select 1 from tasks.outbox')
    expect(rows).to.deep.equal([])
  })

  it('come in order per task, and do not wait for other tasks', async () => {
    await run('https://example.com/a')
    await run('https://example.com/b')
    await ingestOutbox(world.deps, world.lease)
    const due = await claim()
    expect(due.map(({ task }) => task.state)).to.deep.equal(['RUNNING', 'RUNNING'])
    expect(await claim()).to.deep.equal([])
    const [a, b] = due
    const at = new Date(world.now.getTime() + 5_000)
    await record(a?.outboxId ?? 0, { name: 'retry', at, status: 503, error: 'busy\0' })
    await record(b?.outboxId ?? 0, { name: 'dead', error: 'no such host' })
    // After a dead letter the next one goes on; one that is to be repeated holds its task's others back.
    const next = await claim()
    expect(next.map(({ url, task }) => [url, task.state])).to.deep.equal([
      ['https://example.com/b', 'FINISHED'],
    ])
    world.pass(5)
    const again = await claim()
    expect(again.map(({ url, tries }) => [url, tries])).to.deep.equal([['https://example.com/a', 2]])
    const { rows } = await world.db.pool.query(
      'select number, status, error, duration_ms from delivery.try order by 1, 2',
    )
    expect(rows).to.deep.include({ number: 1, status: 503, error: 'busy', duration_ms: 1 })
  })

  it('whose deliverer died are due again, and a late answer of it does no harm', async () => {
    await run('https://example.com')
    await ingestOutbox(world.deps, world.lease)
    const [first] = await claim()
    world.pass(30)
    const [again] = await claim()
    expect(again).to.include({ outboxId: first?.outboxId, tries: 2 })
    await record(first?.outboxId ?? 0, delivered)
    await record(first?.outboxId ?? 0, { name: 'dead', error: 'late' })
    const { rows } = await world.db.pool.query<{ state: string }>(
      'select state from delivery.callback order by outbox_id limit 1',
    )
    expect(rows[0]?.state).to.equal('delivered')
  })

  it('go away some time after their end', async () => {
    await run('https://example.com')
    await ingestOutbox(world.deps, world.lease)
    const [first] = await claim()
    await record(first?.outboxId ?? 0, delivered)
    const [second] = await claim()
    await record(second?.outboxId ?? 0, { name: 'dead', error: 'gone', status: 410 })
    const left = async () => {
      const { rows } = await world.db.pool.query<{ state: string }>('select state from delivery.callback')
      return rows.map(({ state }) => state)
    }
    await maintainStore(world.deps, world.lease)
    expect(await left()).to.have.length(2)
    world.pass(8 * 86_400)
    await maintainStore(world.deps, world.lease)
    expect(await left()).to.deep.equal(['dead'])
    world.pass(90 * 86_400)
    await maintainStore(world.deps, world.lease)
    expect(await left()).to.deep.equal([])
  })
})
