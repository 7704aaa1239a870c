import { expect } from 'chai'
import { OperatorClient, type MasterCallBody, type MasterResponseGetAgentsAgent } from 'mesos-http-client'
import { LocalMesos } from './local-mesos.ts'
import { taskInfo, TestScheduler } from './testing/test-scheduler.ts'

describe('deactivated and draining agents', () => {
  let cluster: LocalMesos
  let scheduler: TestScheduler
  let operator: OperatorClient
  let agentId: string
  beforeEach(async () => {
    cluster = await LocalMesos.start({ agents: 1, allocationIntervalMs: 20, simulated: { durationMs: -1 } })
    scheduler = await TestScheduler.subscribe(cluster.url)
    operator = new OperatorClient({ url: cluster.url })
    agentId = cluster.agents[0]?.id ?? ''
  })
  afterEach(async () => {
    scheduler.close()
    await cluster.close()
  })
  const of = (): { agent_id: { value: string } } => ({ agent_id: { value: agentId } })
  const drain = (more: NonNullable<MasterCallBody['drain_agent']> | object = {}): MasterCallBody => ({
    type: 'DRAIN_AGENT',
    drain_agent: { ...of(), ...more },
  })
  const reactivate = (): MasterCallBody => ({ type: 'REACTIVATE_AGENT', reactivate_agent: of() })
  const refusal = async (call: MasterCallBody): Promise<string> =>
    operator.call(call).then(
      () => 'not refused',
      (error: unknown) => String(error),
    )
  const shown = async (): Promise<MasterResponseGetAgentsAgent | undefined> =>
    (await operator.call({ type: 'GET_AGENTS' })).get_agents?.agents?.[0]
  const launch = async (): Promise<void> => {
    const offer = await scheduler.offer()
    await scheduler.launch(offer, [taskInfo(offer, 't')])
    await scheduler.update('t', 'TASK_RUNNING')
  }

  it('are offered to nobody until they are reactivated, also by the next master', async () => {
    await launch()
    const last = await scheduler.offer(({ executor_ids: ids }) => (ids ?? []).length > 0)
    await operator.call({ type: 'DEACTIVATE_AGENT', deactivate_agent: of() })
    await scheduler.event('RESCIND', ({ rescind }) => rescind?.offer_id.value === last.id.value)
    expect(await shown()).to.include({ active: false, deactivated: true })
    await cluster.restartMaster()
    operator = new OperatorClient({ url: cluster.url })
    await cluster.agents[0]?.waitUntilRegistered()
    expect(await shown()).to.include({ active: false, deactivated: true })
    await scheduler.resubscribe(cluster.url)
    await operator.call(reactivate())
    await scheduler.offer()
    expect(await shown()).to.include({ active: true, deactivated: false })
    expect(scheduler.updatesOf('t').every(({ state }) => state === 'TASK_RUNNING')).to.equal(true)
  })

  it('have their tasks killed for that reason, and are DRAINED when the last is acknowledged', async () => {
    await launch()
    await operator.call(drain({ max_grace_period: { seconds: 2 } }))
    expect((await scheduler.update('t', 'TASK_KILLED')).reason).to.equal('REASON_AGENT_DRAINING')
    for (;;) {
      const { drain_info: info } = (await shown()) ?? {}
      if (info?.state === 'DRAINED') {
        expect(info.config).to.deep.equal({
          max_grace_period: { nanoseconds: 2_000_000_000 },
          mark_gone: false,
        })
        break
      }
    }
    const before = scheduler.offers.length
    await operator.call(reactivate())
    await scheduler.offer(({ id }) =>
      scheduler.offers.slice(before).some(offer => offer.id.value === id.value),
    )
    expect((await shown())?.drain_info).to.equal(undefined)
  })

  it('that are to be gone afterwards are, and their tasks with them', async () => {
    await launch()
    await operator.call(drain({ mark_gone: true }))
    const { reason } = await scheduler.update('t', 'TASK_GONE_BY_OPERATOR')
    expect(reason).to.equal('REASON_AGENT_DRAINING')
    await scheduler.event('FAILURE', ({ failure }) => failure?.executor_id === undefined)
    expect(await shown()).to.equal(undefined)
  })

  it('drop launches that were under way (S56)', async () => {
    const second = await LocalMesos.start({
      agents: 1,
      simulated: { durationMs: -1 },
      allocationIntervalMs: 20,
    })
    const own = await TestScheduler.subscribe(second.url)
    const offer = await own.offer()
    await own.launch(offer, [taskInfo(offer, 'first')])
    await own.update('first', 'TASK_RUNNING')
    const agent = second.agents[0]?.agent
    // The agent drains, the master has not said so to anybody yet.
    if (agent !== undefined) agent.context.drain = { mark_gone: false }
    const next = await own.offer(({ id }) => id.value !== offer.id.value)
    await own.launch(next, [taskInfo(next, 'late')])
    expect((await own.update('late', 'TASK_DROPPED')).reason).to.equal('REASON_AGENT_DRAINING')
    own.close()
    await second.close()
  })

  it('are refused with the reason', async () => {
    expect(await refusal(reactivate())).to.include('Agent is not deactivated')
    // What our client's types don't let through.
    const incomplete = await fetch(`${cluster.url}/api/v1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"type": "DRAIN_AGENT"}',
    })
    expect(incomplete.status).to.equal(400)
    expect(await incomplete.text()).to.include("Expecting 'drain_agent' to be present")
    const nobody = { agent_id: { value: 'nobody' } }
    expect(await refusal({ type: 'DRAIN_AGENT', drain_agent: nobody })).to.include('Unknown agent')
    expect(await refusal({ type: 'DEACTIVATE_AGENT', deactivate_agent: nobody })).to.include('Unknown agent')
    await operator.call({
      type: 'UPDATE_MAINTENANCE_SCHEDULE',
      update_maintenance_schedule: {
        schedule: {
          windows: [
            {
              machine_ids: [{ hostname: 'agent1', ip: '127.0.0.1' }],
              unavailability: { start: { nanoseconds: 1 } },
            },
          ],
        },
      },
    })
    expect(await refusal(drain())).to.include(
      `Agent ${agentId} is part of a maintenance schedule under Machine agent1 (127.0.0.1)`,
    )
  })

  it('stay DRAINING while an update is not acknowledged', async () => {
    const slow = await TestScheduler.subscribe(cluster.url, { acknowledge: false })
    // The other one has all offers.
    scheduler.close()
    const offer = await slow.offer()
    await slow.launch(offer, [taskInfo(offer, 't')])
    await slow.event('UPDATE')
    await operator.call(drain())
    expect(await refusal(reactivate())).to.include('Agent is still in the DRAINING state')
    // The agent knows it over a restart of its own, before the master tells it again.
    const [agent] = cluster.agents
    await agent?.restart()
    expect(agent?.agent?.context.drain).to.deep.equal({ mark_gone: false })
    await agent?.waitUntilRegistered()
    slow.close()
  })
})
