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

describe('a local cluster with an executor that is gone', () => {
  let cluster: LocalMesos
  let scheduler: TestScheduler
  beforeEach(async () => {
    cluster = await LocalMesos.start({ allocationIntervalMs: 20 })
    scheduler = await TestScheduler.subscribe(cluster.url, { acknowledge: false })
  })
  afterEach(async () => {
    scheduler.close()
    await cluster.close()
  })
  const exits: CommandInfo = { shell: true, value: 'exit 0' }

  it('drops launches under its id until its last updates are acknowledged (S47)', async () => {
    const first = await scheduler.offer()
    await scheduler.launch(first, [taskInfo(first, 't-1', { command: exits })])
    const failed = await scheduler.update('t-1', 'TASK_FAILED')
    const second = await scheduler.offer(({ id }) => id.value !== first.id.value)
    await scheduler.launch(second, [taskInfo(second, 't-2', { command: exits })])
    const dropped = await scheduler.update('t-2', 'TASK_DROPPED')
    expect(dropped).to.include({
      reason: 'REASON_EXECUTOR_TERMINATED',
      message: 'Master wants to launch executor, but one already exists',
    })
    for (const status of [failed, dropped]) {
      await scheduler.call({
        type: 'ACKNOWLEDGE',
        acknowledge: {
          agent_id: first.agent_id,
          task_id: status.task_id,
          uuid: status.uuid ?? new Uint8Array(),
        },
      })
    }
    const third = await scheduler.offer(
      ({ id }) => id.value !== first.id.value && id.value !== second.id.value,
    )
    await scheduler.launch(third, [taskInfo(third, 't-3', { command: exits })])
    expect((await scheduler.update('t-3', 'TASK_FAILED')).message).to.equal('Executor terminated')
  })

  it('refuses task groups in words', async () => {
    const offer = await scheduler.offer()
    const group = { tasks: [taskInfo(offer, 'g-1')] }
    const launchGroup = { executor: { executor_id: { value: 'ex' } }, task_group: group }
    await scheduler.call({
      type: 'ACCEPT',
      accept: { offer_ids: [offer.id], operations: [{ type: 'LAUNCH_GROUP', launch_group: launchGroup }] },
    })
    expect((await scheduler.update('g-1', 'TASK_ERROR')).reason).to.equal('REASON_TASK_GROUP_INVALID')
  })

  it('does not start on a port that is taken', async () => {
    const failed = await LocalMesos.start({ port: cluster.port }).catch((error: unknown) => String(error))
    expect(failed).to.include('EADDRINUSE')
  })
})
