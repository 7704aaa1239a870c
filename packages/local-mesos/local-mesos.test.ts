import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { CommandInfo } from 'mesos-http-client'
import { LocalMesos } from './local-mesos.ts'
import { TestScheduler, taskInfo } from './testing/test-scheduler.ts'

const command: CommandInfo = {
  shell: true,
  value: `exec '${process.execPath}' '${join(import.meta.dirname, 'testing', 'executor.mjs')}'`,
}
const data = (text: string): { data: Uint8Array } => ({ data: Buffer.from(text) })

describe('a local cluster with real executors', function () {
  this.timeout(15_000)
  let cluster: LocalMesos
  let scheduler: TestScheduler

  beforeEach(async () => {
    cluster = await LocalMesos.start({
      agents: 1,
      allocationIntervalMs: 20,
      executorReregistrationTimeoutMs: 500,
    })
    scheduler = await TestScheduler.subscribe(cluster.url)
  })
  afterEach(async () => {
    scheduler.close()
    await cluster.close()
  })

  for (const name of ['json', 'protobuf'] as const) {
    it(`runs a task to its end, the scheduler speaking ${name}`, async () => {
      scheduler.close()
      scheduler = await TestScheduler.subscribe(cluster.url, { codec: name })
      const offer = await scheduler.offer()
      await scheduler.launch(offer, [taskInfo(offer, 't-1', { command, more: data('finish') })])
      await scheduler.update('t-1', 'TASK_RUNNING')
      const finished = await scheduler.update('t-1', 'TASK_FINISHED')
      expect(finished).to.include({ source: 'SOURCE_EXECUTOR' })
      expect(finished.agent_id?.value).to.equal(cluster.agents[0]?.id)
      expect(finished.container_status?.executor_pid).to.equal(cluster.agents[0]?.executors[0]?.pid)
    })
  }

  it('gives the executor the whole environment and nothing else, and a sandbox with its output', async () => {
    const offer = await scheduler.offer()
    await scheduler.launch(offer, [taskInfo(offer, 't-1', { command })])
    await scheduler.update('t-1', 'TASK_RUNNING')
    const [executor] = cluster.agents[0]?.executors ?? []
    const directory = executor?.directory ?? ''
    const environment = JSON.parse(readFileSync(join(directory, 'environment.json'), 'utf8'))
    expect(environment).to.include({
      MESOS_AGENT_ENDPOINT: `127.0.0.1:${cluster.agents[0]?.port}`,
      MESOS_CHECKPOINT: '1',
      MESOS_DIRECTORY: directory,
      MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '5secs',
      MESOS_RECOVERY_TIMEOUT: '15mins',
      MESOS_SANDBOX: directory,
      MESOS_SUBSCRIPTION_BACKOFF_MAX: '2secs',
    })
    expect(environment).to.not.have.any.keys('HOME', 'npm_config_user_agent')
    expect(readFileSync(join(directory, 'stdout'), 'utf8')).to.include('executor is up')
    expect(readFileSync(join(directory, '..', 'latest', 'stdout'), 'utf8')).to.include('executor is up')
  })

  it('passes messages both ways and kills', async () => {
    const offer = await scheduler.offer()
    await scheduler.launch(offer, [taskInfo(offer, 't-1', { command })])
    await scheduler.update('t-1', 'TASK_RUNNING')
    await scheduler.call({
      type: 'MESSAGE',
      message: { agent_id: offer.agent_id, executor_id: { value: 'ex' }, ...data('hello') },
    })
    const { message } = await scheduler.event('MESSAGE')
    expect(Buffer.from(message?.data ?? []).toString()).to.equal('hello')
    await scheduler.call({ type: 'KILL', kill: { task_id: { value: 't-1' } } })
    await scheduler.update('t-1', 'TASK_KILLED')
  })

  it('tells FAILURE, then TASK_FAILED, when an executor exits', async () => {
    const offer = await scheduler.offer()
    await scheduler.launch(offer, [taskInfo(offer, 't-1', { command, more: data('exit:3') })])
    const failed = await scheduler.update('t-1', 'TASK_FAILED')
    expect(failed).to.include({ reason: 'REASON_EXECUTOR_TERMINATED', source: 'SOURCE_AGENT' })
    const { failure } = await scheduler.event('FAILURE')
    expect(failure?.status).to.equal(3 << 8)
    const types = scheduler.events.map(event => event.update?.status.state ?? event.type)
    expect(types.indexOf('FAILURE')).to.be.below(types.indexOf('TASK_FAILED'))
  })

  it('lets executors and tasks live through a restart of the agent', async () => {
    const offer = await scheduler.offer()
    await scheduler.launch(offer, [taskInfo(offer, 't-1', { command })])
    await scheduler.update('t-1', 'TASK_RUNNING')
    const [agent] = cluster.agents
    const id = agent?.id
    await agent?.restart()
    await agent?.waitUntilRegistered()
    expect(agent?.id).to.equal(id)
    await scheduler.call({ type: 'KILL', kill: { task_id: { value: 't-1' } } })
    await scheduler.update('t-1', 'TASK_KILLED')
    expect(scheduler.updatesOf('t-1').map(status => status.state)).to.not.include('TASK_DROPPED')
  })

  it('keeps agents and tasks over a restart of the master', async () => {
    const offer = await scheduler.offer()
    await scheduler.launch(offer, [taskInfo(offer, 't-1', { command })])
    await scheduler.update('t-1', 'TASK_RUNNING')
    await cluster.restartMaster()
    await cluster.agents[0]?.waitUntilRegistered()
    await scheduler.resubscribe(cluster.url)
    await scheduler.call({
      type: 'RECONCILE',
      reconcile: { tasks: [{ task_id: { value: 't-1' }, agent_id: offer.agent_id }] },
    })
    const { update } = await scheduler.event(
      'UPDATE',
      event => event.update?.status.reason === 'REASON_RECONCILIATION',
    )
    expect(update?.status).to.include({ state: 'TASK_RUNNING', source: 'SOURCE_MASTER' })
  })
})
