import { expect } from 'chai'
import { OperatorClient, type MachineID, type MasterCallBody } from 'mesos-http-client'
import { LocalMesos } from './local-mesos.ts'
import { frameworkInfo, taskInfo, TestScheduler } from './testing/test-scheduler.ts'

const start = { nanoseconds: 1_795_332_995_023_162_367n }
const machine = (hostname: string): MachineID => ({ hostname, ip: '127.0.0.1' })
const schedule = (...hostnames: string[]): MasterCallBody => ({
  type: 'UPDATE_MAINTENANCE_SCHEDULE',
  update_maintenance_schedule: {
    schedule: {
      windows: hostnames.map(hostname => ({ machine_ids: [machine(hostname)], unavailability: { start } })),
    },
  },
})

describe('maintenance (S44)', () => {
  let cluster: LocalMesos
  let scheduler: TestScheduler
  let operator: OperatorClient
  beforeEach(async () => {
    cluster = await LocalMesos.start({ agents: 2, allocationIntervalMs: 20, simulated: { durationMs: -1 } })
    scheduler = await TestScheduler.subscribe(cluster.url)
    operator = new OperatorClient({ url: cluster.url })
    await scheduler.offer(({ hostname }) => hostname === 'agent1')
  })
  afterEach(async () => {
    scheduler.close()
    await cluster.close()
  })
  const refusal = async (call: MasterCallBody): Promise<string> =>
    operator.call(call).then(
      () => 'not refused',
      (error: unknown) => String(error),
    )

  it('shows in offers and as inverse offers, which the answers end for a while', async () => {
    await operator.call(schedule('agent1'))
    const planned = await scheduler.offer(({ unavailability }) => unavailability !== undefined)
    expect([planned.hostname, planned.unavailability]).to.deep.equal(['agent1', { start }])
    const { inverse_offers: inverse } = await scheduler.event('INVERSE_OFFERS')
    const first = inverse?.inverse_offers?.[0]
    expect(first?.agent_id).to.deep.equal(planned.agent_id)
    await scheduler.call({
      type: 'DECLINE_INVERSE_OFFERS',
      decline_inverse_offers: {
        inverse_offer_ids: first === undefined ? [] : [first.id],
        filters: { refuse_seconds: 0 },
      },
    })
    const second = await scheduler.event(
      'INVERSE_OFFERS',
      event => event.inverse_offers?.inverse_offers?.[0]?.id.value !== first?.id.value,
    )
    const { get_maintenance_status: status } = await operator.call({ type: 'GET_MAINTENANCE_STATUS' })
    expect(status?.status.draining_machines?.[0]?.statuses?.[0]?.status).to.equal('DECLINE')
    // A new schedule takes the open one back.
    await operator.call(schedule())
    const open = second.inverse_offers?.inverse_offers?.[0]?.id
    await scheduler.event(
      'RESCIND_INVERSE_OFFER',
      event => event.rescind_inverse_offer?.inverse_offer_id.value === open?.value,
    )
    const { get_maintenance_status: none } = await operator.call({ type: 'GET_MAINTENANCE_STATUS' })
    expect(none?.status).to.deep.equal({})
  })

  it('takes a machine down with its agent, keeps it down over a master restart, and up again', async () => {
    const offer = await scheduler.offer(({ hostname }) => hostname === 'agent1')
    await scheduler.launch(offer, [taskInfo(offer, 't')])
    await scheduler.update('t', 'TASK_RUNNING')
    const down: MasterCallBody = {
      type: 'START_MAINTENANCE',
      start_maintenance: { machines: [machine('agent1')] },
    }
    const up: MasterCallBody = {
      type: 'STOP_MAINTENANCE',
      stop_maintenance: { machines: [machine('agent1')] },
    }
    expect(await refusal(down)).to.include('is not in DRAINING mode and cannot be brought down')
    await operator.call(schedule('agent1', 'agent9'))
    expect(await refusal(up)).to.include('is not in DOWN mode and cannot be brought up')
    await operator.call(down)
    const lost = await scheduler.update('t', 'TASK_LOST')
    expect(lost.message).to.equal("Agent agent1 removed: Operator initiated 'Machine DOWN'")
    expect(await refusal(schedule('agent9'))).to.include('is deactivated and cannot be removed')
    await cluster.restartMaster()
    operator = new OperatorClient({ url: cluster.url })
    const { get_maintenance_status: status } = await operator.call({ type: 'GET_MAINTENANCE_STATUS' })
    expect(status?.status.down_machines).to.deep.equal([machine('agent1')])
    // It may not register, and ends at once.
    const [agent] = cluster.agents
    await agent?.restart()
    const after = await TestScheduler.subscribe(cluster.url, { info: { ...frameworkInfo, name: 'after' } })
    await after.offer(({ hostname }) => hostname === 'agent2')
    expect(after.offers.some(({ hostname }) => hostname === 'agent1')).to.equal(false)
    await operator.call(up)
    await agent?.restart()
    await agent?.waitUntilRegistered()
    await after.offer(({ hostname }) => hostname === 'agent1')
    const { get_maintenance_schedule: left } = await operator.call({ type: 'GET_MAINTENANCE_SCHEDULE' })
    expect(left?.schedule.windows?.map(({ machine_ids: ids }) => ids)).to.deep.equal([[machine('agent9')]])
    after.close()
  })

  it('is refused with the reason where a schedule or a list of machines is wrong', async () => {
    expect(await refusal(schedule('agent1', 'AGENT1'))).to.include('appears more than once in the schedule')
    const of = (ids: MachineID[], nanoseconds = 1): MasterCallBody => ({
      type: 'UPDATE_MAINTENANCE_SCHEDULE',
      update_maintenance_schedule: {
        schedule: { windows: [{ machine_ids: ids, unavailability: { start, duration: { nanoseconds } } }] },
      },
    })
    expect(await refusal(of([]))).to.include('List of machines in the maintenance window is empty')
    expect(await refusal(of([{}]))).to.include("Both 'hostname' and 'ip' for a machine are empty")
    expect(await refusal(of([{ ip: 'here' }]))).to.include("Failed to parse IP 'here'")
    expect(await refusal(of([machine('x')], -1))).to.include("Unavailability 'duration' is negative")
    const down = (machines: MachineID[]): MasterCallBody => ({
      type: 'START_MAINTENANCE',
      start_maintenance: { machines },
    })
    expect(await refusal(down([]))).to.include('List of machines is empty')
    expect(await refusal(down([machine('x')]))).to.include('is not part of a maintenance schedule')
  })

  it('has the old endpoints too, with times exact to the nanosecond', async () => {
    const ask = async (path: string, body?: string): Promise<[number, string]> => {
      const answer = await fetch(`${cluster.url}${path}`, body === undefined ? {} : { method: 'POST', body })
      return [answer.status, await answer.text()]
    }
    const text = `{"windows":[{"machine_ids":[{"hostname":"agent1","ip":"127.0.0.1"}],"unavailability":{"start":{"nanoseconds":1795332995023162367}}}]}`
    expect(await ask('/maintenance/schedule', text)).to.deep.equal([200, ''])
    expect(await ask('/master/maintenance/schedule')).to.deep.equal([200, text])
    expect((await ask('/maintenance/schedule', '{"windows":1}'))[0]).to.equal(400)
    expect((await ask('/machine/up', '[{"hostname":"agent1","ip":"127.0.0.1"}]'))[0]).to.equal(400)
    expect((await ask('/machine/down', 'nonsense'))[0]).to.equal(400)
    expect((await ask('/machine/down'))[0]).to.equal(405)
  })
})
