import { expect } from 'chai'
import { applyStatusUpdates, readLogTails, requestKill } from './index.ts'
import { retries, World } from './test-support.ts'

describe('status updates', function () {
  this.timeout(20_000)
  let world: World
  before(async () => {
    world = await World.open()
  })
  after(() => world.close())

  it('take a task through its life into history, with everything that is known', async () => {
    const { id } = await world.submit({ callback: { url: 'https://example.com', on: ['FINISHED'] } })
    const mesosTaskId = await world.launch(id)
    const t0 = world.now.getTime()
    const starting = await world.hear(mesosTaskId, 'TASK_STARTING', { outcome: { sandbox: '/box' } })
    expect(starting).to.deep.equal({
      mesosTaskId,
      effect: 'applied',
      kill: false,
      taskId: id,
      tenant: 'default',
      name: 'transcode',
      taskState: 'LAUNCHING',
      previousTaskState: 'LAUNCHING',
    })
    world.pass(1)
    await world.hear(mesosTaskId, 'TASK_RUNNING', {
      outcome: { sandbox: '/box', containerId: 'c', startedAtMs: t0 + 5 },
    })
    expect(await world.get(id)).to.deep.include({ state: 'RUNNING', startedAt: new Date(t0 + 5) })
    world.pass(1)
    const outcome = {
      exitCode: 0,
      finishedAtMs: t0 + 1_900,
      resultJson: '{"b":1.0,"a":[98765432109876543210],"nul":"\\u0000"}',
      stdoutTail: Buffer.from([0, 255, 10]),
      stderrTail: Buffer.alloc(40_000, 'x'),
    }
    expect(await world.hear(mesosTaskId, 'TASK_FINISHED', { outcome })).to.not.have.property('sanitised')
    const task = await world.get(id)
    expect(task).to.deep.include({
      state: 'FINISHED',
      exitCode: 0,
      finishedAt: world.now,
      startedAt: new Date(t0 + 5),
    })
    expect(JSON.stringify(task.result)).to.equal(outcome.resultJson)
    expect(task.attempts).to.deep.equal([
      {
        number: 1,
        mesosTaskId,
        agentId: 'agent-1',
        hostname: 'host1',
        agentUrl: 'http://host1:5051',
        executorId: 'executor-1',
        executorGeneration: 0,
        state: 'TASK_FINISHED',
        exitCode: 0,
        containerId: 'c',
        sandbox: '/box',
        launchedAt: new Date(t0),
        lastUpdateAt: world.now,
        startedAt: new Date(t0 + 5),
        finishedAt: new Date(t0 + 1_900),
      },
    ])
    const tails = await readLogTails(world.deps, { tenant: 'default', id })
    expect([...(tails?.stdout ?? [])]).to.deep.equal([0, 255, 10])
    expect(tails?.stderr).to.have.length(16_384)
    const { rows } = await world.db.pool.query('select 1 from tasks.attempt where task_id = $1', [id])
    expect(rows).to.deep.equal([])
  })

  it('have no second effect when they come again (S55)', async () => {
    const { id, mesosTaskId } = await world.started(retries(1))
    const uuid = new Uint8Array(16).fill(7)
    const failed = world.update(mesosTaskId, 'TASK_FAILED', {
      uuid,
      outcome: { exitCode: 1, failure: 'FAILURE_EXIT' },
    })
    const results = await applyStatusUpdates(world.deps, world.lease, [failed, failed])
    expect(results.map(({ effect }) => effect)).to.deep.equal(['applied', 'ignored'])
    const [again] = await applyStatusUpdates(world.deps, world.lease, [failed])
    expect(again).to.include({ effect: 'ignored', kill: false, taskState: 'QUEUED' })
    const task = await world.get(id)
    expect(task).to.include({ state: 'QUEUED', failures: 1, message: 'TASK_FAILED; retry 1 of 1' })
    expect(task.attempts[0]).to.include({ blame: 'task', exitCode: 1 })
  })

  it('of one batch are applied in their order, for many tasks at once', async () => {
    const tasks = await Promise.all(Array.from({ length: 40 }, () => world.submit()))
    const ids = await Promise.all(tasks.map(({ id }) => world.launch(id)))
    const updates = ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED'].flatMap(state =>
      ids.map(id => world.update(id, state)),
    )
    const results = await applyStatusUpdates(world.deps, world.lease, updates)
    expect(new Set(results.map(({ effect }) => effect))).to.deep.equal(new Set(['applied']))
    for (const { id } of tasks) {
      const { rows } = await world.db.pool.query<{ state: string }>(
        'select state from tasks.event where task_id = $1 order by xid, id',
        [id],
      )
      expect(rows.map(({ state }) => state)).to.deep.equal(['QUEUED', 'LAUNCHING', 'RUNNING', 'FINISHED'])
    }
  })

  it('of unknown and ended tasks change nothing; what lives is to be killed (S51, S54)', async () => {
    const { mesosTaskId } = await world.started()
    await world.hear(mesosTaskId, 'TASK_FINISHED')
    expect(await world.hear(mesosTaskId, 'TASK_RUNNING')).to.deep.equal({
      mesosTaskId,
      effect: 'ignored',
      kill: true,
    })
    expect(await world.hear('of-nobody', 'TASK_RUNNING')).to.include({ effect: 'ignored', kill: true })
    expect(await world.hear('of-nobody', 'TASK_FAILED')).to.include({ effect: 'ignored', kill: false })
  })

  it('of an attempt that was given up change nothing, and it is killed', async () => {
    const { id, mesosTaskId } = await world.started(retries(1))
    await world.hear(mesosTaskId, 'TASK_FAILED')
    world.pass(10)
    const second = await world.launch(id, { attempt: 2 })
    const late = await world.hear(mesosTaskId, 'TASK_RUNNING')
    expect(late).to.include({ effect: 'ignored', kill: true, taskState: 'LAUNCHING' })
    await world.hear(second, 'TASK_RUNNING')
    await world.hear(mesosTaskId, 'TASK_FINISHED')
    expect(await world.get(id)).to.include({ state: 'RUNNING', attempt: 2 })
  })

  it('that PostgreSQL refuses are cleaned; the rest of their batch is stored as it is', async () => {
    const started = await Promise.all(Array.from({ length: 5 }, () => world.started()))
    const updates = started.map(({ mesosTaskId }, i) =>
      world.update(mesosTaskId, 'TASK_FAILED', {
        message: i === 3 ? 'bad\0 text \ud800!' : 'good text',
        outcome: { exitCode: i, sandbox: i === 3 ? '/b\0x' : '/box' },
      }),
    )
    const results = await applyStatusUpdates(world.deps, world.lease, updates)
    expect(results.map(({ effect }) => effect)).to.deep.equal(Array.from({ length: 5 }, () => 'applied'))
    expect(results.map(({ sanitised }) => sanitised ?? false)).to.deep.equal([
      false,
      false,
      false,
      true,
      false,
    ])
    const messages = await Promise.all(started.map(async ({ id }) => (await world.get(id)).message))
    expect(messages[3]).to.equal('bad text \ufffd!')
    expect(messages[4]).to.equal('good text')
    const task = await world.get(started[3]?.id ?? 0)
    expect(task.attempts[0]).to.include({ exitCode: 3, sandbox: '/bx' })
  })

  it('with an id that nobody could have made are acknowledged like all others', async () => {
    const { id, mesosTaskId } = await world.started()
    const updates = [world.update('a\0b', 'TASK_RUNNING'), world.update(mesosTaskId, 'TASK_FINISHED')]
    const results = await applyStatusUpdates(world.deps, world.lease, updates)
    expect(results.map(result => result.mesosTaskId)).to.deep.equal(['a\0b', mesosTaskId])
    expect(results[0]).to.include({ effect: 'ignored', kill: true })
    expect(await world.state(id)).to.equal('FINISHED')
  })

  it('are not lost where the number in them is no number for PostgreSQL', async () => {
    const { id, mesosTaskId } = await world.started()
    const outcome = { exitCode: 2 ** 40, failure: 'FAILURE_OOM' as const }
    const result = await world.hear(mesosTaskId, 'TASK_FAILED', { message: 'out of memory', outcome })
    expect(result).to.include({ effect: 'applied', blame: 'task', sanitised: true })
    expect(await world.get(id)).to.include({
      state: 'FAILED',
      message: 'The message of this update could not be stored',
    })
  })

  it('tell which reasons they did not know, and whose fault it was', async () => {
    const { mesosTaskId } = await world.started()
    const source = 'SOURCE_AGENT'
    const result = await world.hear(mesosTaskId, 'TASK_FAILED', { reason: 'REASON_OF_TOMORROW', source })
    expect(result).to.include({ blame: 'mesos', unknownReason: 'OF_TOMORROW', fault: 'OF_TOMORROW' })
    expect(result.taskState).to.equal('QUEUED')
  })

  it('end a task that was to be killed, whatever they say (S74)', async () => {
    const { id, mesosTaskId } = await world.started(retries(5))
    await requestKill(world.deps, { tenant: 'default', id })
    await world.hear(mesosTaskId, 'TASK_DROPPED', {
      reason: 'REASON_INVALID_OFFERS',
      source: 'SOURCE_MASTER',
    })
    const task = await world.get(id)
    expect(task).to.include({ state: 'KILLED' })
    expect(await requestKill(world.deps, { tenant: 'default', id })).to.deep.equal(task)
  })
})
