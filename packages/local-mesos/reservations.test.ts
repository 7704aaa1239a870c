import { expect } from 'chai'
import { OperatorClient, type FrameworkInfo, type Offer, type Resource } from 'mesos-http-client'
import { LocalMesos } from './local-mesos.ts'
import { Resources } from './model/resources.ts'
import { RawClient } from './testing/raw-client.ts'
import { frameworkInfo, taskInfo, TestScheduler } from './testing/test-scheduler.ts'

const oldInfo: FrameworkInfo = { ...frameworkInfo, capabilities: [{ type: 'MULTI_ROLE' }] }

function scalar(name: string, value: number, more: Partial<Resource> = {}): Resource {
  return { name, type: 'SCALAR', scalar: { value }, ...more }
}
const dynamic = (value: number): Resource =>
  scalar('cpus', value, { reservations: [{ type: 'DYNAMIC', role: 'web' }] })
const cpusOf = (offer: Offer): Resource[] => (offer.resources ?? []).filter(({ name }) => name === 'cpus')

describe('reservations and domains', () => {
  let cluster: LocalMesos
  const schedulers: TestScheduler[] = []
  const start = async (o: Parameters<typeof LocalMesos.start>[0]): Promise<void> => {
    cluster = await LocalMesos.start({ allocationIntervalMs: 20, simulated: { durationMs: -1 }, ...o })
  }
  const subscribe = async (info: FrameworkInfo = frameworkInfo): Promise<TestScheduler> => {
    const scheduler = await TestScheduler.subscribe(cluster.url, { info })
    schedulers.push(scheduler)
    return scheduler
  }
  afterEach(async () => {
    for (const scheduler of schedulers.splice(0)) scheduler.close()
    await cluster.close()
  })

  it('are offered in the shape that the framework knows, and taken back in it (S29)', async () => {
    await start({
      agents: [{ reserved: { web: { cpus: 2, ports: [[31_000, 31_009]] }, other: { cpus: 8, memMb: 64 } } }],
    })
    const scheduler = await subscribe()
    const offer = await scheduler.offer()
    expect(cpusOf(offer)).to.have.deep.members([
      scalar('cpus', 4, { allocation_info: { role: 'web' } }),
      scalar('cpus', 2, {
        allocation_info: { role: 'web' },
        reservations: [{ type: 'STATIC', role: 'web' }],
      }),
    ])
    const ranges = Resources.of(offer.resources).unallocated()
    expect(ranges.unreserved().ranges('ports')).to.deep.equal([{ begin: 31_010, end: 31_999 }])
    expect(ranges.reserved().get('web')?.ranges('ports')).to.deep.equal([{ begin: 31_000, end: 31_009 }])
    // Reserved and unreserved in one task.
    const own = taskInfo(offer, 'mixed')
    const mixed = cpusOf(offer).map(resource => ({ ...resource, scalar: { value: 0.5 } }))
    const memory = (own.resources ?? []).filter(({ name }) => name !== 'cpus')
    await scheduler.launch(offer, [{ ...own, resources: [...mixed, ...memory] }])
    await scheduler.update('mixed', 'TASK_RUNNING')
    const rest = await scheduler.offer(({ id }) => id.value !== offer.id.value)
    const left = Resources.of(cpusOf(rest)).unallocated()
    expect(left.reserved().get('web')?.millis('cpus')).to.equal(1500)
  })

  it('have the old fields for frameworks without RESERVATION_REFINEMENT, which give them back so', async () => {
    await start({ agents: [{ reserved: { web: { cpus: 2 } } }] })
    const scheduler = await subscribe(oldInfo)
    const offer = await scheduler.offer()
    expect(cpusOf(offer)).to.have.deep.members([
      scalar('cpus', 4, { allocation_info: { role: 'web' }, role: '*' }),
      scalar('cpus', 2, { allocation_info: { role: 'web' }, role: 'web' }),
    ])
    const own = taskInfo(offer, 't')
    const memory = (own.resources ?? []).filter(({ name }) => name !== 'cpus')
    await scheduler.launch(offer, [{ ...own, resources: [scalar('cpus', 1, { role: 'web' }), ...memory] }])
    await scheduler.update('t', 'TASK_RUNNING')
  })

  it('are refused where a task asks for a shape that was not offered (S41)', async () => {
    await start({ agents: [{ reserved: { web: { cpus: 2 } } }] })
    const scheduler = await subscribe()
    const offer = await scheduler.offer()
    const own = taskInfo(offer, 'wrong')
    await scheduler.launch(offer, [{ ...own, resources: [dynamic(1)] }])
    const { message, reason } = await scheduler.update('wrong', 'TASK_ERROR')
    expect(reason).to.equal('REASON_TASK_INVALID')
    expect(message).to.include('cpus(allocated: web)(reservations: [(DYNAMIC,web)]):1')
    expect(message).to.include('is more than available')
  })

  it('are made and ended by an operator, out of offers too, and outlive agent and master', async () => {
    await start({})
    const agent = cluster.agents[0]
    const operator = new OperatorClient({ url: cluster.url })
    const scheduler = await subscribe()
    const first = await scheduler.offer()
    await operator.call({
      type: 'RESERVE_RESOURCES',
      reserve_resources: { agent_id: { value: agent?.id ?? '' }, resources: [dynamic(1)] },
    })
    await scheduler.event('RESCIND', ({ rescind }) => rescind?.offer_id.value === first.id.value)
    const isReserved = ({ agent_id: id, resources }: Offer): boolean =>
      id.value === agent?.id && Resources.of(resources).reserved().get('web')?.millis('cpus') === 1000
    await scheduler.offer(isReserved)
    await cluster.restartMaster()
    await agent?.restart()
    await agent?.waitUntilRegistered()
    const after = await subscribe()
    await after.offer(isReserved)
    await operator.call({
      type: 'UNRESERVE_RESOURCES',
      unreserve_resources: { agent_id: { value: agent?.id ?? '' }, resources: [dynamic(1)] },
    })
    const plain = await after.offer(offer => !isReserved(offer))
    expect(Resources.of(plain.resources).millis('cpus')).to.equal(4000)
  })

  it('of an operator are refused with the reason', async () => {
    await start({ authenticate: { op: 'secret' } })
    const raw = new RawClient(cluster.url)
    const agentId = cluster.agents[0]?.id ?? ''
    const reserve = async (resource: Resource, id = agentId): Promise<[number, string]> => {
      const { status, body } = await raw.send({
        path: '/api/v1',
        headers: {
          'Content-Type': 'application/json',
          Authorization: `Basic ${Buffer.from('op:secret').toString('base64')}`,
        },
        body: JSON.stringify({
          type: 'RESERVE_RESOURCES',
          reserve_resources: { agent_id: { value: id }, resources: [resource] },
        }),
      })
      return [status, body.toString()]
    }
    const by = (principal: string, value = 1): Resource =>
      scalar('cpus', value, { reservations: [{ type: 'DYNAMIC', role: 'web', principal }] })
    expect(await reserve(by('op'), 'nobody')).to.deep.equal([400, 'No agent found with specified ID'])
    expect((await reserve(scalar('cpus', 1)))[1]).to.include('Resource cpus:1 is not dynamically reserved')
    expect((await reserve(by('other')))[1]).to.include("with principal 'other'")
    expect((await reserve(dynamic(1)))[1]).to.include('with no principal set')
    const short: Resource = scalar('cpus', 1, { reservations: [{ type: 'DYNAMIC' }] })
    expect((await reserve(short))[1]).to.include("'Resource.ReservationInfo.role' field must be set")
    expect((await reserve(by('op', 5)))[0]).to.equal(409)
    expect(await reserve(by('op', 4))).to.deep.equal([202, ''])
    expect((await reserve(by('op', 1)))[0]).to.equal(409)
    raw.close()
  })

  it('are made and ended by a framework in its ACCEPT, for the launches after it', async () => {
    await start({})
    const scheduler = await subscribe()
    const offer = await scheduler.offer()
    const own = taskInfo(offer, 't')
    const memory = (own.resources ?? []).filter(({ name }) => name !== 'cpus')
    const allocated = { ...dynamic(1), allocation_info: { role: 'web' } }
    await scheduler.call({
      type: 'ACCEPT',
      accept: {
        offer_ids: [offer.id],
        operations: [
          // Another's role is dropped in silence.
          {
            type: 'RESERVE',
            reserve: {
              resources: [{ ...allocated, reservations: [{ type: 'DYNAMIC', role: 'other' }] }],
            },
          },
          { type: 'RESERVE', reserve: { resources: [{ ...allocated, scalar: { value: 2 } }] } },
          { type: 'UNRESERVE', unreserve: { resources: [allocated] } },
          { type: 'LAUNCH', launch: { task_infos: [{ ...own, resources: [allocated, ...memory] }] } },
        ],
      },
    })
    await scheduler.update('t', 'TASK_RUNNING')
    const page: { slaves?: { reserved_resources: unknown; unreserved_resources: { cpus: number } }[] } =
      JSON.parse(await (await fetch(`${cluster.url}/slaves`)).text())
    expect(page.slaves?.[0]?.reserved_resources).to.deep.include({
      web: { cpus: 1, mem: 0, disk: 0, gpus: 0 },
    })
    expect(page.slaves?.[0]?.unreserved_resources.cpus).to.equal(3)
  })

  it('in another region are for REGION_AWARE frameworks, with the domain in the offer (S30)', async () => {
    await start({
      domain: { region: 'eu', zone: 'a' },
      agents: [{ domain: { region: 'eu', zone: 'b' } }, { domain: { region: 'us', zone: 'c' } }, {}],
    })
    const near = await subscribe()
    await near.offer(({ hostname }) => hostname === 'agent3')
    const { domain } = await near.offer(({ hostname }) => hostname === 'agent1')
    expect(domain?.fault_domain).to.deep.equal({ region: { name: 'eu' }, zone: { name: 'b' } })
    expect(near.offers.some(({ hostname }) => hostname === 'agent2')).to.equal(false)
    const { master_info: master } = (await near.event('SUBSCRIBED')).subscribed ?? {}
    expect(master?.domain?.fault_domain?.region.name).to.equal('eu')
    const far = await subscribe({
      ...frameworkInfo,
      capabilities: [...(frameworkInfo.capabilities ?? []), { type: 'REGION_AWARE' }],
    })
    await far.offer(({ hostname }) => hostname === 'agent2')
  })
})

describe('a domain', () => {
  it('of an agent alone is refused before anything starts (S30)', async () => {
    const refused = await LocalMesos.start({ agents: [{ domain: { region: 'eu', zone: 'b' } }] }).catch(
      (error: unknown) => String(error),
    )
    expect(refused).to.include('agents[0].domain')
  })
})
