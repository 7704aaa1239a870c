import { expect } from 'chai'
import { getTask, listTasks, requestKill, submitTask, UseCaseError } from './index.ts'
import { spec, World } from './test-support.ts'

describe('submitting tasks', function () {
  this.timeout(20_000)
  let world: World
  before(async () => {
    world = await World.open()
  })
  after(() => world.close())

  const submit = (idempotencyKey: string, name = 'a') =>
    submitTask(world.deps, { tenant: 'default', spec: spec({ name }), idempotencyKey })

  it('keeps the spec as it is, and answers with the record', async () => {
    const given = spec({
      name: 'größe',
      env: { b: '1', a: 'x\n"\\' },
      labels: { z: '', y: '☃' },
      priority: 3,
    })
    const { task, created } = await submitTask(world.deps, { tenant: 'default', spec: given })
    expect(created).to.equal(true)
    expect(task).to.deep.include({
      state: 'QUEUED',
      name: 'größe',
      attempt: 0,
      attempts: [],
      queuedAt: world.now,
    })
    const read = await world.get(task.id)
    expect(read).to.deep.equal(task)
    expect(JSON.stringify(read.spec)).to.equal(JSON.stringify(given))
    expect(world.hints).to.include.members(['pending', 'events'])
  })

  it('gives the same task for the same key, also in parallel (invariant 1)', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => submit('parallel')))
    expect(new Set(answers.map(({ task }) => task.id)).size).to.equal(1)
    expect(answers.filter(({ created }) => created)).to.have.length(1)
    const { rows } = await world.db.pool.query<{ count: number }>(
      "select count(*) as count from tasks.event where task_id = $1 and type = 'submitted'",
      [answers[0]?.task.id],
    )
    expect(rows[0]?.count).to.equal(1)
  })

  it('gives the same task even after its end', async () => {
    const { task } = await submit('ended')
    await requestKill(world.deps, { tenant: 'default', id: task.id })
    const again = await submit('ended')
    expect(again.created).to.equal(false)
    expect(again.task).to.include({ id: task.id, state: 'KILLED' })
  })

  it('refuses a key that came with another spec, whatever the order of its keys', async () => {
    await submit('reused')
    const { env, ...rest } = spec({ name: 'a' })
    const same = { env, ...rest }
    const again = await submitTask(world.deps, { tenant: 'default', spec: same, idempotencyKey: 'reused' })
    expect(again.created).to.equal(false)
    const error: unknown = await submit('reused', 'b').catch((caught: unknown) => caught)
    expect(error).to.be.instanceOf(UseCaseError)
    expect(error).to.include({ code: 'idempotency_key_reused' })
  })

  it('keeps tenants apart', async () => {
    const { task } = await submit('tenants')
    const other = await submitTask(world.deps, { tenant: 'other', spec: spec(), idempotencyKey: 'tenants' })
    expect(other.created).to.equal(true)
    expect(await getTask(world.deps, { tenant: 'other', id: task.id })).to.equal(undefined)
    expect(await requestKill(world.deps, { tenant: 'other', id: task.id })).to.equal(undefined)
    expect((await listTasks(world.deps, { tenant: 'other', limit: 10 })).items).to.have.length(1)
    expect(await world.state(task.id)).to.equal('QUEUED')
  })
})

describe('listing tasks', function () {
  this.timeout(20_000)
  let world: World
  const ids: number[] = []
  before(async () => {
    world = await World.open()
    // Every second one ends, months apart, so that several partitions and the default one are read.
    for (let i = 0; i < 20; i++) {
      const { id } = await world.submit({ name: i % 3 === 0 ? 'third' : 'other' })
      ids.push(id)
      if (i % 2 === 0) await requestKill(world.deps, { tenant: 'default', id })
      world.pass(20 * 86_400)
    }
  })
  after(() => world.close())

  const all = async (filter: { state?: 'QUEUED' | 'KILLED' | 'RUNNING'; name?: string }, limit: number) => {
    const found: number[] = []
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await listTasks(world.deps, {
        tenant: 'default',
        limit,
        ...filter,
        ...(cursor === undefined ? {} : { cursor }),
      })
      expect(page.items.length).to.be.at.most(limit)
      found.push(...page.items.map(({ id }) => id))
      cursor = page.nextCursor
    }
    return found
  }

  it('goes by pages, newest first, live and ended ones together', async () => {
    const newestFirst = ids.toReversed()
    for (const limit of [1, 7, 20, 100]) expect(await all({}, limit)).to.deep.equal(newestFirst)
  })

  it('filters by state and name', async () => {
    const of = (keep: (i: number) => boolean) => ids.filter((_, i) => keep(i)).toReversed()
    expect(await all({ state: 'KILLED' }, 3)).to.deep.equal(of(i => i % 2 === 0))
    expect(await all({ state: 'QUEUED' }, 3)).to.deep.equal(of(i => i % 2 === 1))
    expect(await all({ name: 'third' }, 3)).to.deep.equal(of(i => i % 3 === 0))
    expect(await all({ name: 'third', state: 'KILLED' }, 3)).to.deep.equal(of(i => i % 6 === 0))
    expect(await all({ state: 'RUNNING' }, 3)).to.deep.equal([])
  })

  it('refuses a cursor that is not one of its own', async () => {
    for (const cursor of ['', 'x', '-1', '1e3', '99999999999999999999', '0']) {
      const error: unknown = await listTasks(world.deps, { tenant: 'default', limit: 1, cursor }).catch(
        (e: unknown) => e,
      )
      expect(error, cursor).to.include({ code: 'invalid_cursor' })
    }
  })
})
