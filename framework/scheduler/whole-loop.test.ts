// The whole loop against a local Mesos with real agents and processes, and a real database.
import { expect } from 'chai'
import { LocalMesos } from 'local-mesos'
import { SchedulerClient } from 'mesos-http-client'
import type { Config } from '../config.ts'
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

  describe('leaders', () => {
    it('hand over to one that stands by, while tasks run', async () => {
      await using cluster = await LoopCluster.start()
      const first = cluster.lead()
      await eventually(() => first.wired.scheduler.role === 'leading')
      const second = cluster.lead()
      const id = await cluster.submit('run')
      await cluster.running(id)
      expect(second.wired.scheduler.role).to.equal('standby')
      await first.close()
      await eventually(() => second.wired.scheduler.role === 'leading')
      await cluster.kill(id)
      expect(await cluster.ended(id)).to.include({ state: 'KILLED', attempt: 1 })
      expect(await cluster.ended(await cluster.submit('finish'))).to.include({ state: 'FINISHED' })
    })

    it('are seen in the Mesos UI as the one that leads, with the tasks by their names and labels (S22)', async () => {
      await using cluster = await LoopCluster.start()
      const at = (host: string): Config =>
        cluster.config({ hostname: host, publicUrl: `http://${host}:8080` })
      const first = cluster.lead({ config: at('first.example') })
      const id = await cluster.submit('run', { name: 'transcode', labels: { team: 'video' } })
      const [attempt] = (await cluster.running(id)).attempts
      expect(await shownBy(cluster)).to.deep.include({
        name: 'juice',
        hostname: 'first.example',
        webui_url: 'http://first.example:8080',
        tasks: [
          {
            id: attempt?.mesosTaskId,
            name: 'transcode',
            state: 'TASK_RUNNING',
            labels: [
              { key: 'service', value: 'transcode' },
              { key: 'tenant', value: 'default' },
              { key: 'task', value: String(id) },
              { key: 'attempt', value: '1' },
              { key: 'team', value: 'video' },
            ],
          },
        ],
      })
      await first.close()
      const second = cluster.lead({ config: at('second.example') })
      await eventually(() => second.wired.scheduler.role === 'leading')
      expect(await shownBy(cluster)).to.include({
        hostname: 'second.example',
        webui_url: 'http://second.example:8080',
      })
    })

    it('of one database take turns also where their frameworks have different names', async () => {
      await using cluster = await LoopCluster.start()
      const first = cluster.lead()
      await eventually(() => first.wired.scheduler.role === 'leading')
      const framework = { name: 'other', user: 'root', failoverTimeoutSeconds: 60 }
      const other = cluster.lead({ config: cluster.config({ framework }) })
      expect(await cluster.ended(await cluster.submit('finish'))).to.include({ attempt: 1 })
      expect([first.wired.scheduler.role, other.wired.scheduler.role]).to.deep.equal(['leading', 'standby'])
      await first.close()
      await eventually(() => other.wired.scheduler.role === 'leading')
    })

    it('relaunch what was committed and never sent (S49)', async () => {
      await using cluster = await LoopCluster.start()
      const first = cluster.lead({ dropAccepts: 'before sending' })
      const id = await cluster.submit('finish')
      await cluster.until(id, ({ state }) => state === 'LAUNCHING')
      await first.close()
      expect((await cluster.task(id)).attempts.map(({ state }) => state)).to.deep.equal(['INTENT'])
      cluster.lead()
      expect(await cluster.ended(id)).to.include({ state: 'FINISHED', attempt: 2 })
    })

    it('find what was sent and never answered, and launch it no second time (S49)', async () => {
      await using cluster = await LoopCluster.start()
      const first = cluster.lead({ dropAccepts: 'before the answer' })
      const id = await cluster.submit('finish')
      await cluster.until(id, ({ state }) => state === 'LAUNCHING')
      await first.close()
      cluster.lead()
      expect(await cluster.ended(id)).to.include({ state: 'FINISHED', attempt: 1 })
    })

    it('give way to a scheduler outside of our lease, and do not fight it (S15)', async () => {
      await using cluster = await LoopCluster.start()
      const ours = cluster.lead({ failoverGraceMs: 50 })
      await eventually(() => ours.wired.scheduler.role === 'leading')
      const intruder = await subscribeAs(cluster)
      await eventually(() => ours.wired.scheduler.role === 'barred')
      expect(intruder.phase.name).to.equal('subscribed')
      await intruder.close()
    })

    it('stop where Mesos removed the framework while tasks were live (S16)', async () => {
      await using cluster = await LoopCluster.start()
      const ours = cluster.lead()
      await cluster.running(await cluster.submit('run'))
      const intruder = await subscribeAs(cluster)
      await tearDown(intruder)
      await ours.close()
      const next = cluster.lead()
      await eventually(() => next.fatal.length > 0)
      expect(next.fatal[0]).to.match(/^framework_removed: Mesos has removed framework .* 1 attempts/)
      expect(next.fatal[0]).to.contain('juice framework reset --yes')
    })

    it('do not take their tasks to another cluster before somebody agrees (S16)', async () => {
      await using cluster = await LoopCluster.start()
      await using resources = new AsyncDisposableStack()
      const other = await LocalMesos.start({ agents: 1, simulated: true })
      resources.defer(() => other.close())
      const ours = cluster.lead()
      const id = await cluster.submit('run')
      await cluster.running(id)
      const frameworkId = await frameworkIdOf(cluster)
      await ours.close()
      const config = cluster.config()
      const moved = { ...config, mesos: { ...config.mesos, masters: [other.url] } }
      const refused = cluster.lead({ config: moved })
      await eventually(() => refused.fatal.length > 0)
      expect(refused.fatal[0]).to.match(/^origin_refused: .*--yes/)
      expect(await cluster.task(id)).to.include({ state: 'RUNNING', attempt: 1 })
      expect(await frameworkIdOf(cluster)).to.equal(frameworkId)
      await refused.close()
      const agreed = cluster.lead({ config: moved, confirmation: { yes: true, sameCluster: false } })
      const task = await cluster.until(id, ({ attempt }) => attempt === 2)
      expect(agreed.fatal).to.deep.equal([])
      expect(task.attempts[0]).to.include({ state: 'TASK_LOST', blame: 'mesos' })
      expect(await frameworkIdOf(cluster)).to.not.equal(frameworkId)
      await agreed.close()
      const back = cluster.lead()
      await eventually(() => back.fatal.length > 0)
      expect(back.fatal[0]).to.match(/^origin_refused: /)
    })

    it('begin under a new id where nothing was live', async () => {
      await using cluster = await LoopCluster.start()
      const ours = cluster.lead()
      await cluster.ended(await cluster.submit('finish'))
      const intruder = await subscribeAs(cluster)
      await tearDown(intruder)
      await ours.close()
      const next = cluster.lead()
      expect(await cluster.ended(await cluster.submit('finish'))).to.include({ state: 'FINISHED' })
      expect(next.fatal).to.deep.equal([])
    })

    it('do not begin with a configuration that Mesos would silently ignore (S24)', async () => {
      await using cluster = await LoopCluster.start()
      const ours = cluster.lead()
      await eventually(() => ours.wired.scheduler.role === 'leading')
      await ours.close()
      const framework = { name: 'juice', user: 'somebody', failoverTimeoutSeconds: 60 }
      const next = cluster.lead({ config: cluster.config({ framework }) })
      await eventually(() => next.fatal.length > 0)
      expect(next.fatal[0]).to.contain('the user was "root" and is now "somebody"')
    })
  })
})

interface Shown {
  readonly name: string
  readonly hostname: string
  readonly webui_url: string
  readonly tasks: readonly Readonly<Record<'id' | 'name' | 'state' | 'labels', unknown>>[]
}

/** What the master's UI has of the only framework. */
async function shownBy(cluster: LoopCluster): Promise<Shown | undefined> {
  const answer = await fetch(`${cluster.mesos.url}/state`)
  const [framework] = ((await answer.json()) as { readonly frameworks: readonly Shown[] }).frameworks
  return (
    framework && {
      ...framework,
      tasks: framework.tasks.map(({ id, name, state, labels }) => ({ id, name, state, labels })),
    }
  )
}

/** The stream may end before the answer is read. */
async function tearDown(client: SchedulerClient): Promise<void> {
  await client.call({ type: 'TEARDOWN' }).catch(() => {})
  await client.close()
}

async function frameworkIdOf(cluster: LoopCluster): Promise<string | undefined> {
  const { rows } = await cluster.database.pool.query<{ framework_id: string }>(
    'select framework_id from scheduling.framework',
  )
  return rows[0]?.framework_id
}

/** A scheduler that uses our framework id without our lease. */
async function subscribeAs(cluster: LoopCluster): Promise<SchedulerClient> {
  const frameworkId = await frameworkIdOf(cluster)
  const subscribed = Promise.withResolvers<void>()
  const client = new SchedulerClient({
    masters: [cluster.mesos.url],
    codec: 'json',
    frameworkInfo: {
      name: 'intruder',
      user: 'root',
      roles: ['juice'],
      checkpoint: true,
      capabilities: [{ type: 'MULTI_ROLE' }],
    },
    frameworkId,
    onEvent: () => {},
    onPhase: phase => {
      if (phase.name === 'subscribed') subscribed.resolve()
    },
  })
  client.start()
  await subscribed.promise
  return client
}
