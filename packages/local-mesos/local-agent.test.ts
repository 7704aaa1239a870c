import { expect } from 'chai'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import type { CommandInfo, Offer } from 'mesos-http-client'
import { LocalMesos } from './local-mesos.ts'
import type { LocalAgent } from './local-agent.ts'
import type { LocalMesosOptions } from './options.ts'
import { taskInfo, TestScheduler } from './testing/test-scheduler.ts'

describe('an agent of a local cluster', () => {
  let cluster: LocalMesos
  let scheduler: TestScheduler
  let agent: LocalAgent
  const begin = async (options: LocalMesosOptions = {}): Promise<Offer> => {
    cluster = await LocalMesos.start({ allocationIntervalMs: 20, ...options })
    scheduler = await TestScheduler.subscribe(cluster.url)
    const [first] = cluster.agents
    if (first === undefined) throw new Error('no agent')
    agent = first
    return scheduler.offer()
  }
  afterEach(async () => {
    scheduler.close()
    await cluster.close()
  })
  const launch = async (offer: Offer, command: CommandInfo): Promise<void> =>
    scheduler.launch(offer, [taskInfo(offer, 't', { command })])

  it('destroys an executor that does not subscribe in time', async () => {
    const offer = await begin({ executorRegistrationTimeoutMs: 100 })
    await launch(offer, { shell: true, value: 'sleep 1000' })
    const status = await scheduler.update('t', 'TASK_FAILED')
    expect(status).to.include({
      reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT',
      message: 'Executor did not register within 100ms',
    })
    expect((await scheduler.event('FAILURE')).failure?.status).to.equal(9)
  })

  it('fails the tasks of an executor whose URI cannot be fetched', async () => {
    const offer = await begin()
    await launch(offer, { shell: true, value: 'true', uris: [{ value: 'http://127.0.0.1:1/x' }] })
    const status = await scheduler.update('t', 'TASK_FAILED')
    expect(status).to.include({ reason: 'REASON_CONTAINER_LAUNCH_FAILED', source: 'SOURCE_AGENT' })
    expect(status.message).to.match(
      /^Failed to launch container: Failed to fetch all URIs for container '.*'/,
    )
    expect((await scheduler.event('FAILURE')).failure?.status).to.equal(256)
  })

  it('runs programs with arguments, without a shell, and reports those that are not there', async () => {
    const offer = await begin()
    await launch(offer, { shell: false, value: '/bin/sh', arguments: ['sh', '-c', 'exit 4'] })
    expect((await scheduler.event('FAILURE')).failure?.status).to.equal(4 << 8)
    await scheduler.update('t', 'TASK_FAILED')
    const next = await scheduler.offer(({ id }) => id.value !== offer.id.value)
    await scheduler.launch(next, [
      taskInfo(next, 'none', { executorId: 'none', command: { shell: false, value: '/no/such/program' } }),
    ])
    expect((await scheduler.update('none', 'TASK_FAILED')).reason).to.equal('REASON_EXECUTOR_TERMINATED')
  })

  it('switches to the executor user where it may', async () => {
    const offer = await begin()
    await launch(offer, { shell: true, value: 'id -un > who; exit 7', user: 'nobody' })
    expect((await scheduler.event('FAILURE')).failure?.status).to.equal(7 << 8)
    const { frameworks, completedFrameworks } = agent.agent?.context ?? {}
    const executors = [...(frameworks?.values() ?? []), ...(completedFrameworks ?? [])].flatMap(each => [
      ...each.executors.values(),
      ...each.completedExecutors,
    ])
    const who = await readFile(join(executors[0]?.directory ?? '', 'who'), 'utf8')
    expect(who.trim()).to.equal(process.getuid?.() === 0 ? 'nobody' : userInfo().username)
  })

  it('is silent while suspended, unreachable in the end, and back when it goes on', async () => {
    await begin({ agentTimeoutMs: 100, simulated: { durationMs: -1 } })
    const offer = await scheduler.offer()
    await launch(offer, { shell: true, value: 'true' })
    await scheduler.update('t', 'TASK_RUNNING')
    agent.suspend()
    await scheduler.update('t', 'TASK_UNREACHABLE')
    expect((await scheduler.event('FAILURE')).failure).to.deep.equal({ agent_id: { value: agent.id } })
    agent.resume()
    await scheduler.event('UPDATE', ({ update }) => update?.status.reason === 'REASON_AGENT_REREGISTERED')
  })

  it('keeps its id over a restart, after it has left too; only one that is gone gets another', async () => {
    await begin()
    const { id } = agent
    await agent.restart()
    await agent.waitUntilRegistered()
    expect(agent.id).to.equal(id)
    await agent.leave()
    await agent.start()
    await agent.waitUntilRegistered()
    expect(agent.id).to.equal(id)
    cluster.master?.markAgentGone(id)
    await agent.waitUntil(({ executors }) => executors.length === 0)
    await agent.restart()
    await agent.waitUntil(({ phase, id: own }) => phase === 'running' && own !== id)
  })

  it('leaves no process, port or folder when the cluster is closed', async () => {
    const offer = await begin()
    await launch(offer, { shell: true, value: 'setsid sleep 1000 & exec sleep 1000' })
    const { pid } = await agent.waitForExecutor()
    const { port, workDir } = cluster
    await cluster.close()
    expect(existsSync(`/proc/${pid}`)).to.equal(false)
    expect(existsSync(workDir)).to.equal(false)
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
    await new Promise(resolve => server.close(resolve))
  })
})
