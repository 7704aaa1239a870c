import { expect } from 'chai'
import { type EventRecord, readEvents, requestKill } from './index.ts'
import { World } from './test-support.ts'

describe('the event log', function () {
  this.timeout(20_000)
  let world: World
  beforeEach(async () => {
    world = await World.open()
  })
  afterEach(() => world.close())

  const read = (after?: string, limit = 100, tenant?: string) =>
    readEvents(world.deps, {
      limit,
      ...(after === undefined ? {} : { after }),
      ...(tenant === undefined ? {} : { tenant }),
    })
  const brief = (events: readonly EventRecord[]) =>
    events.map(({ taskId, type, state }) => `${taskId} ${type} ${state}`)

  it('has each change of a task once, in order', async () => {
    const { id, mesosTaskId } = await world.started()
    await requestKill(world.deps, { tenant: 'default', id })
    await world.hear(mesosTaskId, 'TASK_KILLING')
    await world.hear(mesosTaskId, 'TASK_KILLED', { message: 'killed' })
    const events = await read()
    expect(brief(events)).to.deep.equal([
      `${id} submitted QUEUED`,
      `${id} state LAUNCHING`,
      `${id} state RUNNING`,
      `${id} kill_requested RUNNING`,
      `${id} state KILLED`,
    ])
    expect(events.at(-1)).to.deep.include({ at: world.now, tenant: 'default', attempt: 1, message: 'killed' })
    const [first, second] = events
    expect(brief(await read(first?.cursor, 1))).to.deep.equal(brief(second ? [second] : []))
    expect(await read(events.at(-1)?.cursor)).to.deep.equal([])
    expect(await read(undefined, 100, 'other')).to.deep.equal([])
  })

  it('is read without a gap although transactions commit out of order (invariant 5)', async () => {
    const append = `insert into tasks.event (at, tenant, task_id, name, type, state, attempt)
      values (now(), 'default', $1, 'n', 'state', 'RUNNING', 1)`
    const clients = [
      await world.db.pool.connect(),
      await world.db.pool.connect(),
      await world.db.pool.connect(),
    ]
    try {
      const seen: number[] = []
      let cursor: string | undefined
      const follow = async () => {
        const events = await read(cursor, 2)
        seen.push(...events.map(({ taskId }) => taskId))
        cursor = events.at(-1)?.cursor ?? cursor
      }
      let taskId = 0
      for (let round = 0; round < 4; round++) {
        // All three write, in this order; they commit in another one, and a reader looks after each step.
        for (const client of clients) {
          await client.query('begin')
          await client.query(append, [++taskId])
          await follow()
        }
        for (const index of [2, 0, 1]) {
          await clients[index]?.query(append, [++taskId])
          await clients[index]?.query(round === 3 && index === 2 ? 'rollback' : 'commit')
          await follow()
          await follow()
        }
      }
      for (let tries = 0; tries < 20; tries++) await follow()
      const { rows } = await world.db.pool.query<{ task_id: number }>('select task_id from tasks.event')
      expect(seen).to.have.members(rows.map(({ task_id }) => task_id))
      expect(new Set(seen).size).to.equal(seen.length)
    } finally {
      for (const client of clients) client.release()
    }
  })

  it('refuses cursors that it did not give', async () => {
    await world.submit()
    for (const cursor of ['', 'x', '1', '1-', '-1-2', '1-2-3', '99999999999-1']) {
      const error: unknown = await read(cursor).catch((e: unknown) => e)
      expect(error, cursor).to.include({ code: 'invalid_cursor' })
    }
  })
})
