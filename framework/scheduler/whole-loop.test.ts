// The whole loop against a local Mesos with real agents and processes, and a real database.
import { expect } from 'chai'
import { OperatorClient } from 'mesos-http-client'
import { submitTask } from '../usecases/index.ts'
import { LoopCluster } from './testing/loop-cluster.ts'
import { eventually, taskSpec } from './testing/support.ts'

const never = 3_600_000
const nowhere = [{ field: 'hostname', operator: 'in' as const, values: ['nowhere'] }]

describe('whole loop', function () {
  this.timeout(20_000)

  it('takes tasks from submission to FINISHED, each in one attempt', async () => {
    await using cluster = await LoopCluster.start({ agents: 2 })
    const { metrics } = cluster.lead()
    const ids = await Promise.all(Array.from({ length: 40 }, () => cluster.submit('finish')))
    const tasks = await Promise.all(ids.map(id => cluster.ended(id)))
    for (const task of tasks) {
      expect(task).to.deep.include({ state: 'FINISHED', attempt: 1, exitCode: 0, faults: {} })
    }
    expect((await metrics.tasksEnded.get()).values).to.deep.equal([
      { value: 40, labels: { state: 'FINISHED' } },
    ])
  })

  it('needs no polling, neither of the store nor of Mesos: hint, REVIVE, offers, launch', async () => {
    await using cluster = await LoopCluster.start({ allocationIntervalMs: never })
    const { wired } = cluster.lead({ pollMs: never })
    await eventually(() => wired.scheduler.role === 'leading')
    expect(await cluster.ended(await cluster.submit('finish'))).to.include({ state: 'FINISHED' })
    expect(await cluster.ended(await cluster.submit('fail'))).to.include({ state: 'FAILED', exitCode: 3 })
    const running = await cluster.submit('run')
    await cluster.running(running)
    await cluster.kill(running)
    expect(await cluster.ended(running)).to.include({ state: 'KILLED' })
  })

  it('needs no hint either: the store is looked at from time to time', async () => {
    await using cluster = await LoopCluster.start()
    const { wired } = cluster.lead({ pollMs: 50 })
    await eventually(() => wired.scheduler.role === 'leading')
    const silent = { pool: cluster.database.pool, notifier: { notify: () => {} }, now: () => new Date() }
    const { task } = await submitTask(silent, { tenant: 'default', spec: taskSpec({ command: 'finish' }) })
    expect(await cluster.ended(task.id)).to.include({ state: 'FINISHED' })
  })

  it('says why a task waits, kills it there, and lets another one expire', async () => {
    await using cluster = await LoopCluster.start()
    const { wired } = cluster.lead()
    const waiting = await cluster.submit('finish', { constraints: nowhere })
    const why = (): string | undefined => wired.scheduler.whyWaits(waiting)
    await eventually(() => why()?.startsWith('1 agent: constraint hostname in nowhere (found: ') === true)
    await cluster.kill(waiting)
    expect(await cluster.ended(waiting)).to.deep.include({ state: 'KILLED', attempts: [] })
    const expiring = await cluster.submit('finish', { constraints: nowhere, maxQueueSeconds: 1 })
    const expired = await cluster.ended(expiring)
    expect(expired).to.deep.include({ state: 'EXPIRED', attempts: [] })
    expect(expired.message).to.match(
      /^Waited longer than maxQueueSeconds \(1\): 1 agent: constraint hostname in nowhere/,
    )
  })

  it('kills a task in whatever moment it is asked to', async () => {
    await using cluster = await LoopCluster.start()
    cluster.lead()
    const ids = await Promise.all(
      ['run', 'silent', 'run', 'silent'].map(async (command, at) => {
        const id = await cluster.submit(command)
        if (at >= 2) await cluster.until(id, ({ state }) => state !== 'QUEUED')
        await cluster.kill(id)
        return id
      }),
    )
    for (const id of ids) expect(await cluster.ended(id)).to.include({ state: 'KILLED' })
  })

  it('runs a task again that failed by its own fault, as often as its policy says', async () => {
    await using cluster = await LoopCluster.start()
    cluster.lead()
    const retry = { max: 2, backoffSeconds: 0.05, backoffFactor: 2, maxBackoffSeconds: 1 }
    const task = await cluster.ended(await cluster.submit('fail', { retry }))
    expect(task).to.include({ state: 'FAILED', attempt: 3, failures: 3 })
    expect(new Set(task.attempts.map(({ mesosTaskId }) => mesosTaskId)).size).to.equal(3)
  })

  it('commits and acknowledges a storm of updates', async () => {
    await using cluster = await LoopCluster.start()
    const { metrics } = cluster.lead()
    const ids = await Promise.all([cluster.submit('storm 100'), cluster.submit('storm 100')])
    for (const id of ids) expect(await cluster.ended(id)).to.include({ state: 'FINISHED' })
    const { values } = await metrics.statusUpdates.get()
    const running = values.find(({ labels }) => labels.state === 'TASK_RUNNING')?.value
    expect(running).to.be.at.least(202)
  })

  it('goes on after a restart of the master, and keeps its id', async () => {
    await using cluster = await LoopCluster.start()
    cluster.lead()
    const id = await cluster.submit('run')
    const before = await cluster.running(id)
    await cluster.mesos.restartMaster()
    const other = await cluster.submit('finish')
    expect(await cluster.ended(other)).to.include({ state: 'FINISHED', attempt: 1 })
    await cluster.kill(id)
    const after = await cluster.ended(id)
    expect(after).to.include({ state: 'KILLED', attempt: 1 })
    expect(after.attempts[0]?.mesosTaskId).to.equal(before.attempts[0]?.mesosTaskId)
  })

  it('goes on under other roles after a restart: what runs is kept, what comes uses the new ones (S23, S37)', async () => {
    await using cluster = await LoopCluster.start()
    const withRoles = (...roles: string[]) => {
      const config = cluster.config()
      return cluster.lead({ config: { ...config, mesos: { ...config.mesos, roles } } })
    }
    const first = withRoles('juice')
    const id = await cluster.submit('run')
    const before = await cluster.running(id)
    await first.close()
    withRoles('batch', 'video')
    const other = await cluster.ended(await cluster.submit('finish'))
    expect(other).to.include({ state: 'FINISHED', attempt: 1 })
    expect(other.attempts[0]?.executorId).to.not.equal(before.attempts[0]?.executorId)
    await cluster.kill(id)
    expect(await cluster.ended(id)).to.include({ state: 'KILLED', attempt: 1 })
  })

  it('goes on after the store broke all connections', async () => {
    await using cluster = await LoopCluster.start()
    cluster.lead()
    const id = await cluster.submit('run')
    await cluster.running(id)
    await cluster.database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name like 'juice%'`,
    )
    expect(await cluster.ended(await cluster.submit('finish'))).to.include({ state: 'FINISHED' })
    await cluster.kill(id)
    expect(await cluster.ended(id)).to.include({ state: 'KILLED', attempt: 1 })
  })

  it('launches again after the loss of an executor, under a new executor and a new task id', async () => {
    await using cluster = await LoopCluster.start()
    cluster.lead()
    const id = await cluster.submit('run')
    await cluster.running(id)
    const [executor] = cluster.mesos.agents[0]?.executors ?? []
    if (executor?.pid === undefined) throw new Error('no executor')
    process.kill(executor.pid, 'SIGKILL')
    const again = await cluster.until(id, ({ state, attempt }) => state === 'RUNNING' && attempt === 2)
    const [first, second] = again.attempts
    expect(first).to.include({ blame: 'mesos' })
    expect(second?.mesosTaskId).to.not.equal(first?.mesosTaskId)
    expect(second?.executorId).to.not.equal(first?.executorId)
    expect(again.failures).to.equal(0)
    await cluster.kill(id)
    await cluster.ended(id)
  })

  it('launches again at once where the executor was cleaned up behind', async () => {
    await using cluster = await LoopCluster.start()
    cluster.lead({ orphanWaitMs: never })
    const id = await cluster.submit('die 3')
    await cluster.until(id, ({ attempt }) => attempt === 2)
    await cluster.kill(id)
    expect((await cluster.ended(id)).attempts[0]).to.include({ blame: 'mesos' })
  })

  it('ends its executor on a drained agent: with one left, the agent would drain on and drop every later launch', async () => {
    await using cluster = await LoopCluster.start()
    cluster.lead()
    const id = await cluster.submit('run')
    await cluster.running(id)
    const [agent] = cluster.mesos.agents
    if (agent === undefined) throw new Error('no agent')
    const operator = new OperatorClient({ url: cluster.mesos.url })
    await operator.call({ type: 'DRAIN_AGENT', drain_agent: { agent_id: { value: agent.id } } })
    operator.close()
    await eventually(() => agent.executors.length === 0)
    await cluster.kill(id)
    const { attempts } = await cluster.ended(id)
    expect(attempts).to.have.length(1)
    expect(attempts[0]).to.include({ blame: 'mesos', reason: 'AGENT_DRAINING' })
  })
})
