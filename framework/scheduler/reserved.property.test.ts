// Whole launches on offers of every kind (reserved statically, dynamically, in layers, in the old format, and not), held
// against Mesos' own rules for an ACCEPT: one agent, one role, nothing more than was offered of each kind (S29, S31, S40–S42).
import { expect } from 'chai'
import fc from 'fast-check'
import type { Offer, Resource } from 'mesos-http-client'
import { firstFit } from '../placement/first-fit.ts'
import { countPorts, normalRanges } from '../placement/ports.ts'
import { input, policy, queue } from '../placement/test-support.ts'
import type { ExecutorState, Plan, PortRange } from '../placement/types.ts'
import { giveBack, offerSnapshot } from './offer-snapshot.ts'

const roles = ['batch', 'eng/juice'] as const
const labels = { labels: [{ key: 'team', value: 'video' }] }

/** How an entry of a list of resources may look that tasks of this role can use. */
const usable = (role: string): Partial<Resource>[] => [
  {},
  { role: '*' },
  { reservations: [{ type: 'STATIC', role }] },
  { reservations: [{ type: 'DYNAMIC', role, principal: 'ops' }] },
  { reservations: [{ type: 'DYNAMIC', role, principal: 'ops', labels }] },
  {
    reservations: [
      { type: 'STATIC', role: role.replace(/\/.*/, '') },
      { type: 'DYNAMIC', role, principal: 'ops' },
    ],
  },
  { role },
  { role, reservation: { principal: 'ops', labels } },
]

const foreign: Partial<Resource>[] = [
  { revocable: {} },
  { shared: {} },
  { provider_id: { value: 'p' } },
  { disk: { source: { type: 'MOUNT', mount: { root: '/mnt/a' } } } },
  { disk: { persistence: { id: 'v' }, volume: { mode: 'RW', container_path: 'v' } } },
]

/** Up to three agents with up to three offers each, to either role. Ports of an agent are offered once. */
const clusters: fc.Arbitrary<Offer[]> = fc
  .array(
    fc.array(
      fc.record({
        role: fc.constantFrom(...roles),
        entries: fc.array(
          fc.record({
            name: fc.constantFrom('cpus', 'cpus', 'mem', 'mem', 'disk', 'ports'),
            amount: fc.integer({ min: 0, max: 3000 }),
            look: fc.nat(7),
            foreign: fc.option(fc.nat(4), { freq: 5 }),
          }),
          { maxLength: 20, size: 'max' },
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map(agents =>
    agents.flatMap((offers, agent) => {
      let port = 31_000
      return offers.map(({ role, entries }, at): Offer => {
        const resources = entries.map((entry): Resource => {
          const look = entry.foreign === null ? usable(role)[entry.look] : foreign[entry.foreign]
          const base = { name: entry.name, allocation_info: { role }, ...look }
          if (entry.name === 'ports') {
            const begin = port
            port += (entry.amount % 5) + 2
            return {
              ...base,
              type: 'RANGES',
              ranges: { range: [{ begin, end: begin + (entry.amount % 5) }] },
            }
          }
          return {
            ...base,
            type: 'SCALAR',
            scalar: { value: entry.amount / (entry.name === 'cpus' ? 1000 : 1) },
          }
        })
        return {
          id: { value: `a${agent}-o${at}` },
          framework_id: { value: 'f' },
          agent_id: { value: `a${agent}` },
          hostname: `h${agent}`,
          allocation_info: { role },
          resources,
        }
      })
    }),
  )

const demand = fc
  .array(
    fc.record({
      count: fc.integer({ min: 1, max: 5 }),
      cpus: fc.integer({ min: 10, max: 1500 }).map(millis => millis / 1000),
      memMb: fc.integer({ min: 32, max: 1000 }),
      diskMb: fc.constantFrom(0, 0, 10, 700),
      ports: fc.constantFrom(0, 0, 1, 3),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map(shapes => {
    let id = 0
    return shapes.map(({ count, ...o }, at) =>
      queue(
        Array.from({ length: count }, () => (id += 1)),
        { ...o, tenant: `t${at}` },
      ),
    )
  })

interface Launched {
  readonly offers: readonly Offer[]
  readonly tasks: readonly (readonly Resource[])[]
  readonly executor: readonly Resource[]
}

const cases = fc
  .record({
    offers: clusters,
    waiting: demand,
    running: fc.array(fc.constantFrom<ExecutorState>('running', 'starting', 'absent'), { maxLength: 3 }),
    diskMb: fc.constantFrom(0, 50),
  })
  .map(({ offers, waiting, running, diskMb }): { plan: Plan; launches: Launched[] } => {
    const plan = firstFit(
      input({
        offers: offers.map(offerSnapshot),
        queue: waiting,
        agents: new Map(running.map((state, at) => [`a${at}`, { executors: new Map([[roles[0], state]]) }])),
        policy: { ...policy, executor: { ...policy.executor, diskMb } },
      }),
    )
    const launches = plan.launches.map(({ offerIds, tasks, executor }): Launched => {
      const held = new Map(
        offers.filter(({ id }) => offerIds.includes(id.value)).map(offer => [offer.id.value, offer]),
      )
      return {
        offers: [...held.values()],
        tasks: tasks.map(({ pieces }) => giveBack(pieces, held)),
        executor: giveBack(executor ?? [], held),
      }
    })
    return { plan, launches }
  })

function looksOf(resource: Resource): string {
  const { scalar: _, ranges: __, ...looks } = resource
  return JSON.stringify(looks)
}

const millisOf = ({ scalar }: Resource): number => Math.round((scalar?.value ?? 0) * 1000)
const rangesOf = ({ ranges }: Resource): PortRange[] =>
  (ranges?.range ?? []).map(({ begin, end }): PortRange => [Number(begin), Number(end)])

/** Mesos adds up what looks alike and asks whether one sum contains the other. */
function contains(offered: readonly Resource[], wanted: readonly Resource[]): boolean {
  const byLooks = Map.groupBy(offered, looksOf)
  return [...Map.groupBy(wanted, looksOf)].every(([looks, resources]) => {
    const there = byLooks.get(looks) ?? []
    const sum = (list: readonly Resource[]): number => list.reduce((all, one) => all + millisOf(one), 0)
    const ports = resources.flatMap(rangesOf)
    const union = normalRanges([...there.flatMap(rangesOf), ...ports])
    return (
      sum(resources) <= sum(there) &&
      countPorts(union) === countPorts(normalRanges(there.flatMap(rangesOf))) &&
      countPorts(normalRanges(ports)) === countPorts(ports)
    )
  })
}

describe('launches on offers of every kind', () => {
  it('are made', () => {
    const made = fc.sample(cases, { numRuns: 300, seed: 7 }).flatMap(({ launches }) => launches)
    const mixed = made.filter(({ tasks }) =>
      tasks.some(resources => resources.filter(({ name }) => name === 'cpus').length > 1),
    )
    expect(made.length).to.be.above(50)
    expect(mixed.length).to.be.above(10)
  })

  it('are of one agent and one role, with no offer twice (S40, S42)', () => {
    fc.assert(
      fc.property(cases, ({ launches }) => {
        for (const { offers, tasks, executor } of launches) {
          expect(new Set(offers.map(({ agent_id: id }) => id.value)).size).to.equal(1)
          const all = [...tasks.flat(), ...executor, ...offers.flatMap(offer => offer.resources ?? [])]
          expect(new Set(all.map(({ allocation_info: a }) => a?.role)).size).to.equal(1)
        }
        const used = launches.flatMap(({ offers }) => offers.map(({ id }) => id.value))
        expect(new Set(used).size).to.equal(used.length)
      }),
    )
  })

  it('give back each kind of resource as it came, and no more of it than was offered (S29, S41)', () => {
    fc.assert(
      fc.property(cases, ({ launches }) => {
        for (const { offers, tasks, executor } of launches) {
          const offered = offers.flatMap(offer => offer.resources ?? [])
          expect(contains(offered, [...tasks.flat(), ...executor])).to.equal(true)
          for (const resources of [...tasks, executor]) {
            expect(new Set(resources.map(looksOf)).size).to.equal(resources.length)
          }
        }
      }),
    )
  })

  it('give amounts above nothing, of three decimals (S41)', () => {
    fc.assert(
      fc.property(cases, ({ launches }) => {
        for (const resource of launches.flatMap(({ tasks, executor }) => [...tasks.flat(), ...executor])) {
          if (resource.name === 'ports') expect(rangesOf(resource)).to.not.deep.equal([])
          else {
            expect(millisOf(resource)).to.be.above(0)
            expect(resource.scalar?.value).to.equal(millisOf(resource) / 1000)
          }
        }
      }),
    )
  })

  it('leave alone what is revocable, shared, a volume or a resource provider’s (S31)', () => {
    fc.assert(
      fc.property(cases, ({ launches }) => {
        for (const resource of launches.flatMap(({ tasks, executor }) => [...tasks.flat(), ...executor])) {
          expect(resource).to.not.have.any.keys('revocable', 'shared', 'disk', 'provider_id')
        }
      }),
    )
  })

  it('leave room for the executor unless it surely runs for that very role (S41, S43)', () => {
    fc.assert(
      fc.property(cases, ({ plan, launches }) => {
        plan.launches.forEach(({ role, executor }, at) => {
          const room = launches[at]?.executor ?? []
          if (role !== roles[0]) expect(executor).to.not.equal(undefined)
          if (executor) {
            const cpus = room.filter(({ name }) => name === 'cpus').reduce((sum, r) => sum + millisOf(r), 0)
            expect(cpus).to.equal(policy.executor.cpuMillis)
          }
        })
      }),
    )
  })

  it('use what is reserved for us before what everybody could have', () => {
    fc.assert(
      fc.property(cases, ({ launches }) => {
        for (const { offers, tasks, executor } of launches) {
          const offered = offers.flatMap(offer => offer.resources ?? [])
          const used = [...tasks.flat(), ...executor]
          for (const name of ['cpus', 'mem', 'disk']) {
            const isReserved = (r: Resource): boolean =>
              r.name === name && ((r.reservations ?? []).length > 0 || (r.role ?? '*') !== '*')
            const isFree = (r: Resource): boolean => r.name === name && !isReserved(r)
            if (!used.some(isFree)) continue
            const plain = offered.filter(r => isReserved(r) && offerSnapshot(only(r)).lumps.length > 0)
            const total = plain.reduce((sum, r) => sum + millisOf(r), 0)
            expect(used.filter(isReserved).reduce((sum, r) => sum + millisOf(r), 0)).to.equal(total)
          }
        }
      }),
    )
  })
})

function only(resource: Resource): Offer {
  return {
    id: { value: 'o' },
    framework_id: { value: 'f' },
    agent_id: { value: 'a' },
    hostname: 'h',
    resources: [resource],
  }
}
