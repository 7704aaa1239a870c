import { expect } from 'chai'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import type { Queryable } from './pool.ts'
import { fencedTransaction, LeaseLost, transaction } from './transaction.ts'

describe('transactions', function () {
  this.timeout(20_000)
  let db: TestDatabase
  before(async () => {
    db = await testDatabase()
    await db.pool.query('create table note (x integer)')
    await db.pool.query("insert into scheduling.lease (name, epoch) values ('juice', 7)")
  })
  after(() => db.close())

  const write = (tx: Queryable, x: number) => tx.query('insert into note values ($1)', [x])
  const notes = async () => {
    const { rows } = await db.pool.query<{ x: number }>('select x from note order by x')
    return rows.map(({ x }) => x)
  }

  it('keep all or nothing', async () => {
    expect(await transaction(db.pool, async tx => (await write(tx, 1)).rowCount)).to.equal(1)
    const failing = transaction(db.pool, async tx => {
      await write(tx, 2)
      throw new Error('no')
    })
    expect(await failing.catch((error: Error) => error.message)).to.equal('no')
    expect(await notes()).to.deep.equal([1])
  })

  it('fail, and nothing else does, when their connection breaks between two statements', async () => {
    const other = await db.pool.connect()
    const failing = transaction(db.pool, async tx => {
      await write(tx, 3)
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
      await other.query('select pg_terminate_backend($1)', [rows[0]?.pid])
      await write(tx, 4)
    })
    expect(await failing.catch((error: unknown) => error)).to.be.instanceOf(Error)
    other.release()
    expect(await notes()).to.deep.equal([1])
    expect(db.pool.waitingCount).to.equal(0)
  })

  it('of a leader need its epoch', async () => {
    await fencedTransaction(db.pool, { name: 'juice', epoch: 7 }, tx => write(tx, 5))
    for (const hold of [
      { name: 'juice', epoch: 6 },
      { name: 'juice', epoch: 8 },
      { name: 'other', epoch: 7 },
    ]) {
      const failing = fencedTransaction(db.pool, hold, tx => write(tx, 6))
      expect(await failing.catch((error: unknown) => error)).to.be.instanceOf(LeaseLost)
    }
    expect(await notes()).to.deep.equal([1, 5])
  })
})
