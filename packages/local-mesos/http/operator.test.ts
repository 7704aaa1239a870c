import { expect } from 'chai'
import { OperatorClient } from 'mesos-http-client'
import { LocalMesos } from '../local-mesos.ts'
import { RawClient } from '../testing/raw-client.ts'
import { taskInfo, TestScheduler } from '../testing/test-scheduler.ts'

describe('the operator API', () => {
  let cluster: LocalMesos
  let scheduler: TestScheduler
  let operator: OperatorClient
  let raw: RawClient
  beforeEach(async () => {
    cluster = await LocalMesos.start({ agents: 2, allocationIntervalMs: 20, simulated: { durationMs: -1 } })
    scheduler = await TestScheduler.subscribe(cluster.url)
    operator = new OperatorClient({ url: cluster.url })
    raw = new RawClient(cluster.url)
    const offer = await scheduler.offer()
    await scheduler.launch(offer, [taskInfo(offer, 't')])
    await scheduler.update('t', 'TASK_RUNNING')
  })
  afterEach(async () => {
    raw.close()
    scheduler.close()
    await cluster.close()
  })

  it('tells health, version, agents, frameworks, executors and tasks', async () => {
    expect((await operator.call({ type: 'GET_HEALTH' })).get_health?.healthy).to.equal(true)
    const version = await operator.call({ type: 'GET_VERSION' })
    expect(version.get_version?.version_info.version).to.equal('1.12.0')
    const { get_state: state } = await operator.call({ type: 'GET_STATE' })
    const ids = state?.get_agents?.agents?.map(({ agent_info: info }) => info.id?.value)
    expect(ids).to.have.members(cluster.agents.map(agent => agent.id))
    expect(state?.get_frameworks?.frameworks?.[0]?.framework_info.name).to.equal('test')
    expect(state?.get_executors?.executors?.[0]?.executor_info.executor_id.value).to.equal('ex')
    expect(state?.get_tasks?.tasks?.[0]).to.deep.include({ task_id: { value: 't' }, state: 'TASK_RUNNING' })
    const { get_tasks: tasks } = await operator.call({ type: 'GET_TASKS' })
    expect(tasks).to.deep.equal(state?.get_tasks)
  })

  it('shows the same on the old pages', async () => {
    const page = async (path: string): Promise<Record<string, unknown>> =>
      JSON.parse((await raw.send({ method: 'GET', path })).body.toString())
    expect(await page('/master/state')).to.deep.include({ activated_slaves: 2, deactivated_slaves: 0 })
    const metrics = await page('/metrics/snapshot')
    expect(metrics).to.include({ 'master/tasks_running': 1, 'master/slaves_active': 2, 'master/elected': 1 })
    expect(metrics).to.include({
      'master/cpus_total': 8,
      'master/cpus_used': 0.2,
      'master/messages_launch_tasks': 1,
    })
    const { tasks } = await page('/tasks?task_id=t')
    expect(tasks).to.have.length(1)
    const redirect = await raw.send({ method: 'GET', path: '/redirect' })
    expect([redirect.status, redirect.headers['Location']]).to.deep.equal([
      307,
      `//127.0.0.1:${cluster.port}`,
    ])
    expect((await raw.send({ method: 'GET', path: '/no-such-path' })).status).to.equal(404)
  })

  it('has the pages of an agent, with and without the process name', async () => {
    const agent = new RawClient(cluster.agents[0]?.url ?? '')
    for (const path of ['/state', '/slave(1)/state']) {
      const { body } = await agent.send({ method: 'GET', path })
      expect(JSON.parse(body.toString())).to.include({ id: cluster.agents[0]?.id, hostname: 'agent1' })
    }
    expect((await agent.send({ method: 'GET', path: '/health' })).status).to.equal(200)
    const { body } = await agent.send({ method: 'GET', path: '/metrics/snapshot' })
    expect(JSON.parse(body.toString())).to.include({ 'slave/registered': 1, 'slave/cpus_total': 4 })
    agent.close()
  })

  it('marks an agent gone for good', async () => {
    const running = scheduler.updatesOf('t')[0]?.agent_id?.value ?? ''
    await operator.call({ type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: running } } })
    expect((await scheduler.update('t', 'TASK_GONE_BY_OPERATOR')).reason).to.equal(
      'REASON_AGENT_REMOVED_BY_OPERATOR',
    )
    const unknown = await operator
      .call({ type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: 'nobody' } } })
      .catch((error: unknown) => String(error))
    expect(unknown).to.include("Agent 'nobody' not found")
  })

  it('refuses what is not imitated or not known', async () => {
    const answer = async (type: string): Promise<[number, string]> => {
      const { status, body } = await raw.send({
        path: '/api/v1',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ type }),
      })
      return [status, body.toString()]
    }
    expect((await answer('GET_QUOTA'))[0]).to.equal(501)
    expect(await answer('NOPE')).to.deep.equal([
      400,
      "Failed to validate master::Call: Expecting 'type' to be present",
    ])
    expect(await answer('GET_METRICS')).to.deep.equal([
      400,
      "Failed to validate master::Call: Expecting 'get_metrics' to be present",
    ])
  })
})
