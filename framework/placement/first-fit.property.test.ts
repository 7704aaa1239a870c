// First fit by properties, safety first: no plan gives away what was not offered; then liveness: what fits is placed.
import { expect } from 'chai'
import fc from 'fast-check'
import { firstFit } from './first-fit.ts'
import { countPorts } from './ports.ts'
import { executors, input, offer, policy, queue } from './test-support.ts'
import type { OfferSnapshot, Piece, Plan, PlanInput, PortRange } from './types.ts'

const states = fc.constantFrom('running' as const, 'starting' as const, 'absent' as const)

/** Up to four agents with up to three offers each, whose ports don't overlap. */
const clusters = fc
  .array(
    fc.array(
      fc.record({
        cpus: fc.integer({ min: 0, max: 8000 }).map(millis => millis / 1000),
        memMb: fc.integer({ min: 0, max: 4096 }),
        diskMb: fc.integer({ min: 0, max: 100 }),
        portCount: fc.integer({ min: 0, max: 4 }),
        reserved: fc.boolean(),
        role: fc.constantFrom('juice', 'juice', 'batch'),
        gpus: fc.integer({ min: 0, max: 9 }).map(n => n === 0),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map(agents =>
    agents.flatMap((offers, agentAt) =>
      offers.map((o, at): OfferSnapshot => {
        const begin = 31000 + at * 10
        const ports: PortRange[] = o.portCount === 0 ? [] : [[begin, begin + o.portCount - 1]]
        return offer({ ...o, ports, agent: `a${agentAt}`, id: `a${agentAt}-o${at}` })
      }),
    ),
  )

const demand = fc
  .array(
    fc.record({
      count: fc.integer({ min: 1, max: 6 }),
      cpus: fc.integer({ min: 0, max: 3000 }).map(millis => millis / 1000),
      memMb: fc.integer({ min: 32, max: 2048 }),
      diskMb: fc.integer({ min: 0, max: 60 }),
      ports: fc.integer({ min: 0, max: 3 }),
      hostPorts: fc.uniqueArray(fc.constantFrom(0, 31000, 31001, 31011), { maxLength: 2 }),
      priority: fc.integer({ min: -1, max: 1 }),
    }),
    { maxLength: 6 },
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

const inputs: fc.Arbitrary<PlanInput> = fc
  .tuple(clusters, demand, fc.array(states, { maxLength: 4 }), fc.integer({ min: 0, max: 4 }), fc.nat(50))
  .map(([offers, waiting, agentStates, coldAgents, diskMb]) =>
    input({
      offers,
      queue: waiting,
      agents: executors(Object.fromEntries(agentStates.map((state, at) => [`a${at}`, state]))),
      policy: { ...policy, coldAgents, executor: { ...policy.executor, diskMb } },
    }),
  )

function pieces(plan: Plan): Piece[] {
  return plan.launches.flatMap(launch => [...(launch.executor ?? []), ...launch.tasks.flatMap(t => t.pieces)])
}

describe('first fit, always', () => {
  it('gives away at most what each entry of an offer holds (S41)', () => {
    fc.assert(
      fc.property(inputs, given => {
        const taken = new Map<string, number>()
        for (const piece of pieces(firstFit(given))) {
          const key = `${piece.offerId} ${piece.index}`
          const amount = piece.kind === 'scalar' ? piece.amountMillis : countPorts(piece.ranges)
          expect(amount).to.be.greaterThan(0)
          taken.set(key, (taken.get(key) ?? 0) + amount)
        }
        for (const { offerId, lumps } of given.offers) {
          for (const lump of lumps) {
            const limit = lump.kind === 'scalar' ? lump.amountMillis : countPorts(lump.ranges)
            expect(taken.get(`${offerId} ${lump.index}`) ?? 0).to.be.at.most(limit)
          }
        }
      }),
    )
  })

  it('gives each task what it asked for, from offers of its own agent', () => {
    fc.assert(
      fc.property(inputs, given => {
        const byId = new Map(given.queue.flatMap(q => q.tasks.map(t => [t.taskId, q.shape] as const)))
        const offers = new Map(given.offers.map(o => [o.offerId, o]))
        for (const launch of firstFit(given).launches) {
          for (const task of launch.tasks) {
            const shape = byId.get(task.taskId)
            const sum = { cpus: 0, mem: 0, disk: 0 }
            let ports = 0
            for (const piece of task.pieces) {
              const from = offers.get(piece.offerId)
              expect(from?.agentId).to.equal(launch.agentId)
              expect(launch.offerIds).to.include(piece.offerId)
              const lump = from?.lumps[piece.index]
              if (piece.kind === 'ports') ports += countPorts(piece.ranges)
              else if (lump?.kind === 'scalar') sum[lump.name] += piece.amountMillis
            }
            expect(sum).to.deep.equal({
              cpus: shape?.cpuMillis,
              mem: (shape?.memMb ?? 0) * 1000,
              disk: (shape?.diskMb ?? 0) * 1000,
            })
            expect(ports).to.equal((shape?.fixedPorts.length ?? 0) + (shape?.anyPorts ?? 0))
            expect(task.ports).to.have.length(shape?.anyPorts ?? 0)
          }
        }
      }),
    )
  })

  it('gives no port of an agent twice', () => {
    fc.assert(
      fc.property(inputs, given => {
        for (const { tasks } of firstFit(given).launches) {
          const ports = tasks.flatMap(task =>
            task.pieces.flatMap(piece =>
              piece.kind === 'ports'
                ? piece.ranges.flatMap(([begin, end]) =>
                    Array.from({ length: end - begin + 1 }, (_, at) => begin + at),
                  )
                : [],
            ),
          )
          expect(new Set(ports).size).to.equal(ports.length)
        }
      }),
    )
  })

  it('uses each offer once, places each task at most once, and accounts for every offer and task', () => {
    fc.assert(
      fc.property(inputs, given => {
        const plan = firstFit(given)
        const offers = [
          ...plan.launches.flatMap(l => l.offerIds),
          ...plan.declines.map(d => d.offerId),
          ...plan.unused,
        ]
        expect(offers.toSorted()).to.deep.equal(given.offers.map(o => o.offerId).toSorted())
        const placedIds = plan.launches.flatMap(l => l.tasks.map(t => t.taskId))
        expect(new Set(placedIds).size).to.equal(placedIds.length)
        const waiting = [...plan.refusals.values()].reduce((sum, r) => sum + r.waiting, 0)
        expect(placedIds.length + waiting).to.equal(given.queue.flatMap(q => q.tasks).length)
        for (const refusal of plan.refusals.values()) {
          const said = [...refusal.noes.values()].reduce((sum, byAgent) => sum + byAgent.size, 0)
          expect(said).to.equal(new Set(given.offers.map(o => `${o.agentId} ${o.role}`)).size)
        }
      }),
    )
  })

  it('is the same for the same input, in whatever order offers and shapes come', () => {
    fc.assert(
      fc.property(inputs, given => {
        const turned = { ...given, queue: [...given.queue].reverse() }
        expect(firstFit(given)).to.deep.equal(firstFit(structuredClone(given)))
        expect(firstFit(turned).launches).to.deep.equal(firstFit(given).launches)
      }),
    )
  })

  it('starts no more executors than allowed', () => {
    fc.assert(
      fc.property(inputs, given => {
        const cold = firstFit(given).launches.filter(
          l => (given.agents.get(l.agentId)?.executors.get(l.role) ?? 'absent') === 'absent',
        )
        expect(cold.length).to.be.at.most(given.policy.coldAgents)
      }),
    )
  })

  it('places a task that fits an empty offer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4000 }),
        fc.integer({ min: 32, max: 4096 }),
        fc.integer({ min: 0, max: 5 }),
        (cpuMillis, memMb, ports) => {
          const roomy = offer({
            cpus: (cpuMillis + policy.executor.cpuMillis) / 1000,
            memMb: memMb + policy.executor.memMb,
            diskMb: 0,
            ports: ports === 0 ? [] : [[31000, 31000 + ports - 1]],
          })
          const plan = firstFit(
            input({ offers: [roomy], queue: [queue([7], { cpus: cpuMillis / 1000, memMb, ports })] }),
          )
          expect(plan.launches.flatMap(l => l.tasks.map(t => t.taskId))).to.deep.equal([7])
        },
      ),
    )
  })

  it('leaves no task waiting that still fits what is left of an agent', () => {
    fc.assert(
      fc.property(inputs, given => {
        const plan = firstFit(given)
        const used = new Set(plan.launches.map(l => l.agentId))
        const untouched = given.offers.filter(o => !used.has(o.agentId))
        const waiting = given.queue.filter(q => plan.refusals.has(q.shape.key))
        const again = firstFit({
          ...given,
          offers: untouched,
          queue: waiting,
          policy: {
            ...given.policy,
            coldAgents: Math.max(
              0,
              given.policy.coldAgents -
                plan.launches.filter(
                  l => (given.agents.get(l.agentId)?.executors.get(l.role) ?? 'absent') === 'absent',
                ).length,
            ),
          },
        })
        expect(again.launches).to.deep.equal([])
      }),
    )
  })
})
