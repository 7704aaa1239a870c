import { expect } from 'chai'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { migrate, migrationNames } from './migrate.ts'
import { ensurePartitions } from './partitions.ts'

const march = new Date('2026-03-15T00:00:00Z')

describe('migrations', function () {
  this.timeout(20_000)
  let db: TestDatabase
  beforeEach(async () => {
    db = await testDatabase({ empty: true })
  })
  afterEach(() => db.close())

  const partitions = async (parent: string) => {
    const { rows } = await db.pool.query<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass order by 1`,
      [parent],
    )
    return rows.map(({ name }) => name)
  }

  it('run once, whoever comes first', async () => {
    const runs = await Promise.all([migrate(db.url), migrate(db.url), migrate(db.url)])
    expect(runs.toSorted((a, b) => b.length - a.length)).to.deep.equal([await migrationNames(), [], []])
    expect(await migrate(db.url)).to.deep.equal([])
  })

  it('make partitions of this month and the next two', async () => {
    await migrate(db.url, { now: () => march })
    expect(await partitions('tasks.task_history')).to.deep.equal([
      'tasks.task_history_202603',
      'tasks.task_history_202604',
      'tasks.task_history_202605',
      'tasks.task_history_default',
    ])
    expect(await partitions('tasks.event')).to.have.length(4)
    expect(await partitions('tasks.log_tail')).to.have.length(4)
  })

  it('lose nothing that came before its partition, at the bounds of months either', async () => {
    await migrate(db.url, { now: () => march })
    const times = [
      '2026-05-31T23:59:59.999Z',
      '2026-06-01T00:00:00Z',
      '2026-06-30T23:59:59.999Z',
      '2026-07-01T00:00:00Z',
    ]
    for (const [index, at] of times.entries()) {
      await db.pool.query(
        "insert into tasks.log_tail (task_id, attempt, at, stdout) values ($1, 1, $2, 'x')",
        [index, at],
      )
    }
    const client = await db.pool.connect()
    // Whatever the session thinks of as midnight.
    await client.query("set timezone = 'Pacific/Auckland'")
    expect(await ensurePartitions(client, new Date('2026-04-01T00:00:00Z'))).to.equal(3)
    expect(await ensurePartitions(client, new Date('2026-04-30T23:59:59Z'))).to.equal(0)
    client.release(true)
    const { rows } = await db.pool.query<{ part: string }>(
      'select tableoid::regclass::text as part from tasks.log_tail order by task_id',
    )
    expect(rows.map(({ part }) => part.slice(-6))).to.deep.equal(['202605', '202606', '202606', 'efault'])
  })

  it('refuse a database where one of them was another one', async () => {
    await migrate(db.url)
    await db.pool.query("update scheduling.migration set sha256 = 'other' where name = '0001-tasks'")
    const error: unknown = await migrate(db.url).catch((e: unknown) => e)
    expect(error).to.have.property(
      'message',
      'Migration 0001-tasks was changed after it had been applied to this database',
    )
  })

  it('leave a newer version’s schema alone', async () => {
    await migrate(db.url)
    await db.pool.query("insert into scheduling.migration (name, sha256) values ('9999-of-tomorrow', '')")
    expect(await migrate(db.url)).to.deep.equal([])
  })

  it('give up soon where they would make others wait, and leave nothing half done', async () => {
    await db.pool.query('create schema delivery')
    const error: unknown = await migrate(db.url).catch((e: unknown) => e)
    expect(error).to.have.property('message', 'Migration 0003-delivery failed')
    await db.pool.query('drop schema delivery')
    const names = await migrationNames()
    expect(await migrate(db.url)).to.deep.equal(names.slice(names.indexOf('0003-delivery')))
  })

  it('wait only so long for another process', async () => {
    const other = await db.pool.connect()
    try {
      await other.query('select pg_advisory_lock($1)', ['5021408213702'])
      const error: unknown = await migrate(db.url, { waitMs: 50 }).catch((e: unknown) => e)
      expect(error).to.include({ code: '55P03' })
    } finally {
      other.release(true)
    }
  })

  it('put events of a restored dump before those to come', async () => {
    await migrate(db.url)
    await db.pool.query(
      `insert into tasks.event (xid, at, tenant, task_id, name, type, state, attempt)
       values ('900000000', now(), 'default', 1, 'n', 'state', 'QUEUED', 0)`,
    )
    await migrate(db.url)
    const { rows } = await db.pool.query<{ xid: string }>('select xid::text from tasks.event')
    expect(rows).to.deep.equal([{ xid: '0' }])
  })
})
