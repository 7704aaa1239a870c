import { expect } from 'chai'
import {
  growExecutorGeneration,
  loadExecutorGenerations,
  loadPending,
  recordExecutorLoss,
  type StatusUpdate,
} from './index.ts'
import { World } from './test-support.ts'

const terminated: Partial<StatusUpdate> = {
  reason: 'REASON_EXECUTOR_TERMINATED',
  source: 'SOURCE_AGENT',
  message: 'Executor terminated',
}
const executor = { agentId: 'agent-1', executorId: 'executor-1' }

describe('executors that die', function () {
  this.timeout(20_000)
  let world: World
  beforeEach(async () => {
    world = await World.open()
  })
  afterEach(() => world.close())

  const notBefore = async (id: number) => {
    const { tasks } = await loadPending(world.deps, { limit: 100 })
    const task = tasks.find(({ taskId }) => taskId === id)
    if (!task) throw new Error(`task ${id} does not wait`)
    return task.notBefore
  }
  const lose = (clean: boolean) => recordExecutorLoss(world.deps, world.lease, { ...executor, clean })

  it('raise the generation of their agent once, however often it is told', async () => {
    const { mesosTaskId } = await world.started()
    expect(await lose(false)).to.deep.equal({ generation: 1, released: [] })
    expect(await lose(false)).to.deep.equal({ generation: 1, released: [] })
    const result = await world.hear(mesosTaskId, 'TASK_FAILED', terminated)
    expect(result.executorGeneration).to.deep.equal({ agentId: 'agent-1', generation: 1 })
    const generations = await loadExecutorGenerations(world.deps)
    expect(generations.get('agent-1')).to.deep.equal({ generation: 1, since: world.now })
  })

  it('hold their tasks back while a container may run on (invariant 7)', async () => {
    const { id, mesosTaskId } = await world.started()
    await lose(false)
    const result = await world.hear(mesosTaskId, 'TASK_FAILED', terminated)
    expect(result).to.include({ taskState: 'QUEUED', blame: 'mesos', fault: 'EXECUTOR_TERMINATED' })
    expect(await notBefore(id)).to.deep.equal(new Date(world.now.getTime() + 60_000))
    expect((await world.get(id)).message).to.contain('its container may still run')
    world.pass(60)
    await world.launch(id, { attempt: 2, mesosTaskId: 'second' })
    await world.hear('second', 'TASK_FINISHED')
    expect((await world.get(id)).message).to.contain('a second run could not be excluded')
  })

  it('hold nothing back where their parent process cleaned up', async () => {
    const { id, mesosTaskId } = await world.started()
    await lose(true)
    await world.hear(mesosTaskId, 'TASK_FAILED', terminated)
    expect(await notBefore(id)).to.equal(undefined)
  })

  it('let their tasks go when it is learned later that they are clean', async () => {
    const { id, mesosTaskId } = await world.started()
    await world.hear(mesosTaskId, 'TASK_FAILED', terminated)
    expect(await notBefore(id)).to.not.equal(undefined)
    const { horizon } = await loadPending(world.deps, { limit: 10 })
    expect(await lose(true)).to.deep.equal({ generation: 1, released: [id] })
    expect(await notBefore(id)).to.equal(undefined)
    const news = await loadPending(world.deps, { since: horizon, limit: 10 })
    expect(news.tasks.map(({ taskId }) => taskId)).to.deep.equal([id])
    expect(await lose(false), 'clean for ever').to.deep.equal({ generation: 1, released: [] })
  })

  it('let their tasks go when a younger executor has swept the agent (E42)', async () => {
    const { id, mesosTaskId } = await world.started()
    const old = await world.submit()
    const bystander = await world.launch(old.id, { executorId: 'executor-0' })
    await world.hear(mesosTaskId, 'TASK_FAILED', terminated)
    // Started before the death: its sweep says nothing.
    await world.hear(bystander, 'TASK_STARTING')
    expect(await notBefore(id)).to.not.equal(undefined)
    const young = await world.submit()
    const elsewhere = await world.submit()
    await world.hear(
      await world.launch(elsewhere.id, { agentId: 'agent-2', executorGeneration: 1 }),
      'TASK_STARTING',
    )
    expect(await notBefore(id)).to.not.equal(undefined)
    const first = await world.launch(young.id, { executorId: 'executor-2', executorGeneration: 1 })
    await world.hear(first, 'TASK_STARTING')
    expect(await notBefore(id)).to.equal(undefined)
  })

  it('blame a limit of theirs on the only task, and on nobody where there were more', async () => {
    const limit = { source: 'SOURCE_AGENT', reason: 'REASON_CONTAINER_LIMITATION_MEMORY' }
    const alone = await world.started()
    expect(await world.hear(alone.mesosTaskId, 'TASK_FAILED', limit)).to.include({
      blame: 'task',
      taskState: 'FAILED',
    })
    const place = { executorId: 'executor-2', executorGeneration: 1 }
    const ids: string[] = []
    for (let i = 0; i < 2; i++) ids.push(await world.launch((await world.submit()).id, place))
    for (const id of ids) await world.hear(id, 'TASK_RUNNING')
    // One after the other: the last one is not alone, since they died together.
    for (const id of ids) expect(await world.hear(id, 'TASK_FAILED', limit)).to.include({ blame: 'mesos' })
  })

  it('get a new generation too where Mesos refused their ExecutorInfo, once for all tasks of it', async () => {
    const refused = {
      reason: 'REASON_TASK_INVALID',
      source: 'SOURCE_MASTER',
      message: 'ExecutorInfo is not compatible',
    }
    const ids = [await world.submit(), await world.submit()].map(({ id }) => id)
    const launched = [await world.launch(ids[0] ?? 0), await world.launch(ids[1] ?? 0)]
    for (const mesosTaskId of launched) {
      const result = await world.hear(mesosTaskId, 'TASK_ERROR', refused)
      expect(result).to.include({ blame: 'juice', taskState: 'QUEUED', fault: 'TASK_INVALID' })
      expect(result.executorGeneration).to.deep.equal({ agentId: 'agent-1', generation: 1 })
    }
    for (const [attempt, state] of [
      [2, 'QUEUED'],
      [3, 'ERROR'],
    ] as const) {
      world.pass(60)
      const place = { attempt, executorGeneration: attempt - 1, mesosTaskId: `again-${attempt}` }
      await world.launch(ids[0] ?? 0, place)
      expect(await world.hear(`again-${attempt}`, 'TASK_ERROR', refused)).to.include({ taskState: state })
    }
  })

  it('can be renewed by age', async () => {
    const grow = (from: number) =>
      growExecutorGeneration(world.deps, world.lease, { agentId: 'agent-9', from })
    expect(await grow(0)).to.equal(1)
    expect(await grow(0)).to.equal(1)
    expect(await grow(1)).to.equal(2)
  })
})
