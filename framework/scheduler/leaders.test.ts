// Leaders of one database against a local Mesos: handing over, giving way, and what they must not begin with.
import { expect } from 'chai'
import { LocalMesos } from 'local-mesos'
import { SchedulerClient } from 'mesos-http-client'
import type { Config } from '../config.ts'
import { LoopCluster } from './testing/loop-cluster.ts'
import { eventually } from './testing/support.ts'

describe('leaders', function () {
  this.timeout(20_000)

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
    const at = (host: string): Config => cluster.config({ hostname: host, publicUrl: `http://${host}:8080` })
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
    const problem = refused.fatal[0]?.replace('origin_refused: ', '') ?? ''
    const agreed = cluster.lead({
      config: moved,
      confirmed: { said: { yes: true, sameCluster: false }, problem },
    })
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
    expect(next.fatal[0]).to.contain('the user (JUICE_FRAMEWORK_USER) was "root" and is now "somebody"')
    expect(next.fatal[0]).to.contain('juice framework reset')
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
