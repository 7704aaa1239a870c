import { expect } from 'chai'
import fc from 'fast-check'
import { Resources } from '../model/resources.ts'
import { Allocator, type Allocation } from './allocator.ts'

const size = (cpus: number, memMb = 1000): Resources =>
  Resources.ofAgent({ cpus, memMb, diskMb: 1000, ports: [[31_000, 31_009]] })
const refuse = (refuseMs: number, nowMs = 0): { refuseMs: number; intervalMs: number; nowMs: number } => ({
  refuseMs,
  intervalMs: 100,
  nowMs,
})
const places = (allocations: readonly Allocation[]): string[] =>
  allocations.map(({ frameworkId, role, agentId }) => `${frameworkId} ${role} ${agentId}`).sort()

describe('the allocator', () => {
  let allocator: Allocator
  beforeEach(() => {
    allocator = new Allocator()
    allocator.addAgent('a', size(4))
  })
  const giveBack = (allocations: readonly Allocation[], refuseMs = 0, nowMs = 0): void => {
    for (const { frameworkId, agentId, resources } of allocations) {
      allocator.recover(frameworkId, agentId, resources, refuse(refuseMs, nowMs))
    }
  }

  it('gives an agent whole, allocated to the role, and nothing twice', () => {
    allocator.addFramework('f', ['web'], [])
    const [first] = allocator.allocate(0)
    expect(first?.resources.equals(size(4).allocatedTo('web'))).to.equal(true)
    expect(allocator.allocate(0)).to.deep.equal([])
  })

  it('shares agents among roles, then among frameworks of a role', () => {
    for (const id of ['b', 'c', 'd']) allocator.addAgent(id, size(4))
    allocator.addFramework('f', ['web', 'batch'], [])
    allocator.addFramework('g', ['web'], [])
    const counts = new Map<string, number>()
    for (const { frameworkId, role } of allocator.allocate(0)) {
      counts.set(`${frameworkId} ${role}`, (counts.get(`${frameworkId} ${role}`) ?? 0) + 1)
    }
    expect(Object.fromEntries(counts)).to.deep.equal({ 'f batch': 2, 'f web': 1, 'g web': 1 })
  })

  it('holds back what was refused until the filter ends, at least an interval', () => {
    allocator.addFramework('f', ['web'], [])
    giveBack(allocator.allocate(0), 1000)
    expect(allocator.allocate(999)).to.deep.equal([])
    giveBack(allocator.allocate(1000), 1, 1000)
    expect(allocator.allocate(1099)).to.deep.equal([])
    expect(places(allocator.allocate(1100))).to.deep.equal(['f web a'])
  })

  it('offers more than was refused at once, and to others at once', () => {
    allocator.addFramework('f', ['web'], [])
    const [taken] = allocator.allocate(0)
    const part = Resources.ofAgent({ cpus: 1, memMb: 100, diskMb: 0, ports: [] }).allocatedTo('web')
    allocator.recover('f', 'a', part, refuse(60_000))
    expect(allocator.allocate(0)).to.deep.equal([])
    allocator.recover('f', 'a', taken?.resources.minus(part) ?? Resources.none)
    expect(places(allocator.allocate(0))).to.deep.equal(['f web a'])
  })

  it('gives a refused agent to another framework', () => {
    allocator.addFramework('f', ['web'], [])
    giveBack(allocator.allocate(0), 60_000)
    allocator.addFramework('g', ['web'], [])
    expect(places(allocator.allocate(0))).to.deep.equal(['g web a'])
  })

  it('stops for suppressed roles; REVIVE forgets that and the filters', () => {
    allocator.addFramework('f', ['web', 'batch'], ['batch'])
    allocator.suppress('f', ['web'])
    expect(allocator.allocate(0)).to.deep.equal([])
    allocator.revive('f', ['batch'])
    giveBack(allocator.allocate(0), 60_000)
    expect(allocator.allocate(0)).to.deep.equal([])
    allocator.revive('f', ['batch'])
    expect(places(allocator.allocate(0))).to.deep.equal(['f batch a'])
  })

  it('leaves inactive frameworks and agents out', () => {
    allocator.addFramework('f', ['web'], [])
    allocator.setFrameworkState('f', 'inactive')
    expect(allocator.allocate(0)).to.deep.equal([])
    allocator.setFrameworkState('f', 'active')
    allocator.setAgentState('a', 'inactive')
    expect(allocator.allocate(0)).to.deep.equal([])
  })

  it('gives each role what is reserved for it, besides what anybody may have (S29)', () => {
    allocator.addAgent(
      'r',
      size(1).plus(Resources.ofAgent({ cpus: 2, memMb: 0, diskMb: 0, ports: [] }, 'web')),
    )
    allocator.removeAgent('a')
    allocator.addFramework('f', ['batch'], [])
    allocator.addFramework('g', ['web/shop'], [])
    const given = allocator.allocate(0)
    expect(given.map(({ frameworkId, resources }) => [frameworkId, resources.millis('cpus')])).to.deep.equal([
      ['f', 1000],
      ['g', 2000],
    ])
    expect([...(given[1]?.resources.reserved().keys() ?? [])]).to.deep.equal(['web'])
  })

  it('shows refined reservations to frameworks alone that know them', () => {
    const plain = Resources.ofAgent({ cpus: 2, memMb: 0, diskMb: 0, ports: [] }, 'eng')
    const refined = Resources.of(
      plain.messages().map(resource => ({
        ...resource,
        reservations: [...(resource.reservations ?? []), { type: 'DYNAMIC', role: 'eng/dev' }] as const,
      })),
    )
    allocator.removeAgent('a')
    allocator.addAgent('r', refined)
    allocator.addFramework('old', ['eng/dev'], [])
    expect(allocator.allocate(0)).to.deep.equal([])
    allocator.addFramework('new', ['eng/dev'], [], new Set(['RESERVATION_REFINEMENT']))
    expect(places(allocator.allocate(0))).to.deep.equal(['new eng/dev r'])
  })

  it('keeps agents of another region for frameworks that are REGION_AWARE (S30)', () => {
    allocator.removeAgent('a')
    allocator.addAgent('far', size(4), 'remote')
    allocator.addFramework('f', ['web'], [])
    expect(allocator.allocate(0)).to.deep.equal([])
    allocator.updateFramework('f', ['web'], [], new Set(['REGION_AWARE']))
    expect(places(allocator.allocate(0))).to.deep.equal(['f web far'])
  })

  it('takes a reservation out of what is free, or out of what is allocated', () => {
    allocator.addFramework('f', ['web'], [])
    const [taken] = allocator.allocate(0)
    const part = Resources.ofAgent({ cpus: 1, memMb: 100, diskMb: 0, ports: [] })
    const reserved = Resources.ofAgent({ cpus: 1, memMb: 100, diskMb: 0, ports: [] }, 'web')
    allocator.convert('a', part.allocatedTo('web'), reserved.allocatedTo('web'), 'allocated')
    const held = taken?.resources.minus(part.allocatedTo('web')).plus(reserved.allocatedTo('web'))
    allocator.recover('f', 'a', held ?? Resources.none)
    expect(allocator.available('a')?.equals(size(4).minus(part).plus(reserved))).to.equal(true)
    allocator.convert('a', reserved, part, 'available')
    expect(allocator.available('a')?.equals(size(4))).to.equal(true)
  })

  it('never gives away more than there is, whatever comes back in which order', () => {
    const anyStep = fc.record({
      accept: fc.boolean(),
      refuseMs: fc.constantFrom(0, 50, 5000),
      passMs: fc.nat(3000),
    })
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30 }), steps => {
        const own = new Allocator()
        own.addAgent('a', size(4))
        own.addAgent('b', size(2))
        own.addFramework('f', ['web'], [])
        own.addFramework('g', ['batch'], [])
        const out: Allocation[] = []
        let nowMs = 0
        for (const { accept, refuseMs, passMs } of steps) {
          nowMs += passMs
          out.push(...own.allocate(nowMs))
          const returned = accept ? undefined : out.shift()
          if (returned !== undefined) {
            own.recover(returned.frameworkId, returned.agentId, returned.resources, refuse(refuseMs, nowMs))
          }
          for (const [agentId, total] of [
            ['a', size(4)],
            ['b', size(2)],
          ] as const) {
            const given = out.filter(allocation => allocation.agentId === agentId)
            const sum = given.reduce(
              (all, { resources }) => all.plus(resources.unallocated()),
              Resources.none,
            )
            expect(total.contains(sum)).to.equal(true)
          }
        }
      }),
    )
  })
})
