import { expect } from 'chai'
import {
  commitIntents,
  countTasks,
  loadActive,
  loadKills,
  loadPending,
  requestKill,
  withdrawIntents,
} from './index.ts'
import { retries, somebodyWaits, until, World } from './test-support.ts'

describe('the queue and intents', function () {
  this.timeout(20_000)
  let world: World
  beforeEach(async () => {
    world = await World.open()
  })
  afterEach(() => world.close())

  const pendingIds = async (args: { since?: string; afterId?: number } = {}) => {
    const { tasks } = await loadPending(world.deps, { limit: 100, ...args })
    return tasks.map(({ taskId }) => taskId)
  }

  it('gives what waits, by pages, with all that placement needs', async () => {
    const first = await world.submit({
      priority: 7,
      resources: { cpuMillis: 250, memMb: 64, diskMb: 1, ports: 2 },
    })
    const second = await world.submit()
    const page = await loadPending(world.deps, { limit: 1 })
    expect(page.tasks).to.deep.equal([
      {
        taskId: first.id,
        name: 'transcode',
        tenant: 'default',
        priority: 7,
        queuedAt: world.now,
        spec: first.spec,
        attempt: 0,
      },
    ])
    expect(await pendingIds({ afterId: first.id })).to.deep.equal([second.id])
    expect(await countTasks(world.deps)).to.deep.equal({ BLOCKED: 0, QUEUED: 2, LAUNCHING: 0, RUNNING: 0 })
  })

  it('tells what is new since a reading, also where an older transaction commits later', async () => {
    await world.submit()
    const early = await world.db.pool.connect()
    try {
      // A submission whose commit is slow: its id and its transaction are older than the next ones.
      await early.query('begin')
      const { rows } = await early.query<{ id: number }>(
        `insert into tasks.task (tenant, name, state, spec, policy, submitted_at, queued_at)
         values ('default', 'slow', 'QUEUED', '{"priority": 0}', '{}', now(), now()) returning id`,
      )
      const fast = await world.submit()
      const { horizon } = await loadPending(world.deps, { limit: 100 })
      await early.query('commit')
      const since = await pendingIds({ since: horizon })
      expect(since).to.include(rows[0]?.id)
      const { horizon: next } = await loadPending(world.deps, { since: horizon, limit: 100 })
      expect(await pendingIds({ since: next })).to.deep.equal([])
      const newer = await world.submit()
      expect(await pendingIds({ since: next })).to.deep.equal([newer.id])
      expect(fast.id).to.be.below(newer.id)
    } finally {
      early.release()
    }
  })

  it('commits intents in one batch, each task once', async () => {
    const tasks = [await world.submit(), await world.submit(), await world.submit()]
    const killed = tasks[2]?.id ?? 0
    await requestKill(world.deps, { tenant: 'default', id: killed })
    const intents = tasks.map(({ id }) => world.intent(id))
    const twice = tasks.slice(0, 1).map(({ id }) => world.intent(id, { mesosTaskId: 'another' }))
    const committed = await commitIntents(world.deps, world.lease, [...intents, ...twice])
    expect([...committed]).to.deep.equal(intents.slice(0, 2).map(({ mesosTaskId }) => mesosTaskId))
    expect((await commitIntents(world.deps, world.lease, intents)).size).to.equal(0)
    const active = await loadActive(world.deps)
    expect(active).to.have.length(2)
    const { taskId, attempt: number, ...place } = world.intent(tasks[0]?.id ?? 0)
    expect(active[0]).to.deep.equal({ taskId, mesosTaskId: place.mesosTaskId, agentId: 'agent-1' })
    const task = await world.get(taskId)
    expect(task.state).to.equal('LAUNCHING')
    expect(task.attempts).to.deep.equal([{ number, state: 'INTENT', launchedAt: world.now, ...place }])
  })

  it('leaves only the culprit out where the database refuses a batch', async () => {
    const tasks = [await world.submit(), await world.submit(), await world.submit(), await world.submit()]
    const intents = tasks.map(({ id }, i) => world.intent(id, i === 2 ? { hostname: 'host\0' } : {}))
    const committed = await commitIntents(world.deps, world.lease, intents)
    expect(committed.size).to.equal(3)
    expect(await pendingIds()).to.deep.equal([tasks[2]?.id])
  })

  it('does not commit the intent of a task that is being killed at that moment (S74)', async () => {
    const { id } = await world.submit()
    const killer = await world.db.pool.connect()
    try {
      // The kill's transaction has the task, and has not committed.
      await killer.query('begin')
      await killer.query('select 1 from tasks.task where id = $1 for update', [id])
      const committing = commitIntents(world.deps, world.lease, [world.intent(id)])
      await until(() => somebodyWaits(world))
      const killing = requestKill(world.deps, { tenant: 'default', id })
      await killer.query("update tasks.task set state = 'QUEUED', kill_requested_at = now() where id = $1", [
        id,
      ])
      await killer.query('commit')
      const [committed, task] = await Promise.all([committing, killing])
      // Whoever comes first: the task ends, or it is launched and its kill is ordered.
      if (committed.size === 0) expect(task?.state).to.equal('KILLED')
      else expect(await loadKills(world.deps)).to.have.length(1)
    } finally {
      killer.release()
    }
  })

  it('never both kills a waiting task and launches it', async () => {
    for (let round = 0; round < 15; round++) {
      const { id } = await world.submit()
      const [committed, task] = await Promise.all([
        commitIntents(world.deps, world.lease, [world.intent(id)]),
        requestKill(world.deps, { tenant: 'default', id }),
      ])
      expect(task?.state).to.equal(committed.size === 1 ? 'LAUNCHING' : 'KILLED')
      const orders = (await loadKills(world.deps)).filter(({ taskId }) => taskId === id)
      expect(orders).to.have.length(committed.size)
    }
  })

  it('takes back an intent whose ACCEPT was never sent, unless it was killed meanwhile', async () => {
    const kept = await world.submit()
    const killed = await world.submit()
    const never = await world.submit()
    const ids = [await world.launch(kept.id), await world.launch(killed.id)]
    await requestKill(world.deps, { tenant: 'default', id: killed.id })
    const intents = [kept, killed, never].map(({ id }, i) => ({
      taskId: id,
      mesosTaskId: ids[i] ?? 'unknown',
    }))
    const args = { intents, message: 'the master is gone' }
    expect([...(await withdrawIntents(world.deps, world.lease, args))]).to.have.members(ids)
    expect(await world.state(killed.id)).to.equal('KILLED')
    expect(await world.get(kept.id)).to.include({ state: 'QUEUED', failures: 0 })
    expect((await withdrawIntents(world.deps, world.lease, args)).size).to.equal(0)
    await world.launch(kept.id, { attempt: 2 })
    expect(await world.state(kept.id)).to.equal('LAUNCHING')
  })

  it('orders kills of what runs until it ended (S71)', async () => {
    const { id, mesosTaskId } = await world.started(retries(3))
    expect(await requestKill(world.deps, { tenant: 'default', id })).to.include({ state: 'RUNNING' })
    expect(world.hints).to.include('kills')
    expect(await loadKills(world.deps)).to.deep.equal([{ taskId: id, mesosTaskId, agentId: 'agent-1' }])
    await world.hear(mesosTaskId, 'TASK_KILLING')
    expect(await loadKills(world.deps)).to.have.length(1)
    await world.hear(mesosTaskId, 'TASK_KILLED')
    expect(await loadKills(world.deps)).to.deep.equal([])
    expect(await world.state(id)).to.equal('KILLED')
  })
})
