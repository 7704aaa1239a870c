import { expect } from 'chai'
import { applyTimers, loadKills, requestKill } from './index.ts'
import { retries, World } from './test-support.ts'

const away = { reason: 'REASON_AGENT_REMOVED', source: 'SOURCE_MASTER', message: 'health check timed out' }

describe('timers', function () {
  this.timeout(20_000)
  let world: World
  beforeEach(async () => {
    world = await World.open()
  })
  afterEach(() => world.close())

  const ring = () => applyTimers(world.deps, world.lease)

  it('expire what waited too long, all waiting together', async () => {
    const { id } = await world.submit({ maxQueueSeconds: 60, ...retries(1) })
    world.pass(40)
    const mesosTaskId = await world.launch(id)
    world.pass(3_600)
    expect(await ring()).to.deep.equal({ expired: [], abandoned: [], overran: [] })
    await world.hear(mesosTaskId, 'TASK_FAILED')
    world.pass(19)
    const soon = await ring()
    expect(soon.expired).to.deep.equal([])
    expect(soon.nextAt).to.deep.equal(new Date(world.now.getTime() + 1_000))
    world.pass(1)
    expect((await ring()).expired).to.deep.equal([id])
    const task = await world.get(id)
    expect(task).to.include({ state: 'EXPIRED', waitedMs: 60_000 })
    expect(task.message).to.contain('maxQueueSeconds (60)')
    expect(await ring()).to.deep.equal({ expired: [], abandoned: [], overran: [] })
  })

  it('say why a task was never placed, as the leader knows it', async () => {
    const { id } = await world.submit({ maxQueueSeconds: 60 })
    world.pass(60)
    await applyTimers(world.deps, world.lease, taskId => `task ${taskId}: not enough cpus`)
    expect((await world.get(id)).message).to.equal(
      `Waited longer than maxQueueSeconds (60): task ${id}: not enough cpus`,
    )
  })

  it('give an attempt up whose agent stays away, and kill the twin that returns (S57)', async () => {
    const { id, mesosTaskId } = await world.started()
    await world.hear(mesosTaskId, 'TASK_UNREACHABLE', away)
    world.pass(59)
    expect((await ring()).abandoned).to.deep.equal([])
    expect(await world.state(id)).to.equal('RUNNING')
    world.pass(1)
    expect((await ring()).abandoned).to.deep.equal([id])
    expect(await world.get(id)).to.include({ state: 'QUEUED', failures: 0 })
    await world.launch(id, { attempt: 2, agentId: 'agent-2', mesosTaskId: 'second' })
    expect(await world.hear(mesosTaskId, 'TASK_RUNNING', { reason: 'REASON_AGENT_REREGISTERED' })).to.include(
      {
        effect: 'ignored',
        kill: true,
      },
    )
    await world.hear('second', 'TASK_FINISHED')
    const task = await world.get(id)
    expect(task.message).to.contain('a second run could not be excluded')
    expect(task.attempts[0]).to.include({
      state: 'TASK_UNREACHABLE',
      reason: 'AGENT_REMOVED',
      blame: 'mesos',
    })
  })

  it('let an attempt be that is back in time', async () => {
    const { id, mesosTaskId } = await world.started()
    await world.hear(mesosTaskId, 'TASK_UNREACHABLE', away)
    world.pass(59)
    await world.hear(mesosTaskId, 'TASK_RUNNING', { reason: 'REASON_AGENT_REREGISTERED' })
    world.pass(10)
    expect(await ring()).to.deep.equal({ expired: [], abandoned: [], overran: [] })
    expect(await world.state(id)).to.equal('RUNNING')
  })

  it('are not rung early by a kill, which does not know how long the leader waits', async () => {
    const { id, mesosTaskId } = await world.started()
    await world.hear(mesosTaskId, 'TASK_UNREACHABLE', away)
    await requestKill(world.deps, { tenant: 'default', id })
    world.pass(30)
    expect((await ring()).abandoned).to.deep.equal([])
    expect(await world.state(id)).to.equal('RUNNING')
    world.pass(30)
    expect((await ring()).abandoned).to.deep.equal([id])
    expect(await world.state(id)).to.equal('KILLED')
  })

  it('end a run that its executor did not end', async () => {
    const { id, mesosTaskId } = await world.started({ maxRuntimeSeconds: 100, killGraceSeconds: 10 })
    world.pass(169)
    expect((await ring()).overran).to.deep.equal([])
    world.pass(1)
    expect((await ring()).overran).to.deep.equal([id])
    expect(await loadKills(world.deps)).to.have.length(1)
    expect((await ring()).overran).to.deep.equal([])
    await world.hear(mesosTaskId, 'TASK_KILLED')
    expect(await world.get(id)).to.include({
      state: 'FAILED',
      message: 'Ran longer than maxRuntimeSeconds (100)',
    })
  })

  it('believe an end without details when these do not come', async () => {
    const { id, mesosTaskId } = await world.started()
    await world.hear(mesosTaskId, 'TASK_FINISHED', {
      isReconciliation: true,
      reason: 'REASON_RECONCILIATION',
      source: 'SOURCE_MASTER',
    })
    expect(await world.state(id)).to.equal('RUNNING')
    world.pass(60)
    expect((await ring()).abandoned).to.deep.equal([id])
    expect(await world.state(id)).to.equal('FINISHED')
  })
})
