import { expect } from 'chai'
import fc from 'fast-check'
import type { Resource } from 'mesos-http-client'
import { Resources } from './resources.ts'
import { coalesce, containsRanges, subtractRanges } from './values.ts'

const scalar = (name: string, value: number, role?: string): Resource => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  ...(role !== undefined && { allocation_info: { role } }),
})
const ports = (...range: { begin: number; end: number }[]): Resource => ({
  name: 'ports',
  type: 'RANGES',
  ranges: { range },
})

const anyRange = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 8 }))
  .map(([begin, length]) => ({ begin, end: begin + length }))
const anyResource = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('cpus', 'mem'),
      fc.integer({ min: 1, max: 9000 }),
      fc.constantFrom('web', 'batch', undefined),
    )
    .map(([name, millis, role]) => scalar(name, millis / 1000, role)),
  fc.array(anyRange, { minLength: 1, maxLength: 4 }).map(range => ports(...range)),
)
const anyResources = fc.array(anyResource, { maxLength: 5 }).map(list => Resources.of(list))
const disjoint = (a: Resources, b: Resources): boolean =>
  a
    .ranges('ports')
    .every(range => b.ranges('ports').every(other => other.end < range.begin || other.begin > range.end))

describe('resources', () => {
  it('lose nothing to floating point', () => {
    let sum = Resources.none
    for (let times = 0; times < 10; times++) sum = sum.plus(Resources.of([scalar('cpus', 0.1)]))
    expect(sum.messages()).to.deep.equal([scalar('cpus', 1)])
    expect(sum.minus(Resources.of([scalar('cpus', 0.9)])).millis('cpus')).to.equal(100)
  })

  it('of other roles do not mix', () => {
    const both = Resources.of([scalar('cpus', 1, 'web'), scalar('cpus', 2, 'batch')])
    expect(both.messages()).to.have.length(2)
    expect(both.contains(Resources.of([scalar('cpus', 2, 'web')]))).to.equal(false)
    expect(both.unallocated().messages()).to.deep.equal([scalar('cpus', 3)])
    expect([...both.allocationRoles()]).to.deep.equal(['web', 'batch'])
  })

  it('with the old role "*" are unreserved', () => {
    expect(
      Resources.of([{ ...scalar('cpus', 1), role: '*' }]).equals(Resources.of([scalar('cpus', 1)])),
    ).to.equal(true)
  })

  it('are printed as Mesos prints them', () => {
    const some = Resources.of([scalar('cpus', 0.1, 'web'), ports({ begin: 1, end: 3 }, { begin: 7, end: 7 })])
    expect(some.toString()).to.equal('cpus(allocated: web):0.1; ports:[1-3, 7-7]')
  })

  it('are the same in the old format and in the refined one, and shown in each (S29)', () => {
    const dynamic: Resource = {
      ...scalar('cpus', 2),
      reservations: [{ role: 'web', type: 'DYNAMIC', principal: 'op' }],
    }
    const old: Resource = { ...scalar('cpus', 2), role: 'web', reservation: { principal: 'op' } }
    const fixed: Resource = { ...scalar('cpus', 1), reservations: [{ type: 'STATIC', role: 'web' }] }
    expect(Resources.of([old]).equals(Resources.of([dynamic]))).to.equal(true)
    expect(Resources.of([{ ...scalar('cpus', 1), role: 'web' }]).equals(Resources.of([fixed]))).to.equal(true)
    expect(Resources.of([dynamic, fixed]).messages('old')).to.deep.equal([
      old,
      { ...scalar('cpus', 1), role: 'web' },
    ])
    expect(Resources.of([fixed, scalar('cpus', 3)]).messages('endpoint')).to.deep.equal([
      { ...fixed, role: 'web' },
      { ...scalar('cpus', 3), role: '*' },
    ])
    expect(Resources.of([fixed, dynamic, scalar('cpus', 3)]).toString()).to.equal(
      'cpus(reservations: [(STATIC,web)]):1; cpus(reservations: [(DYNAMIC,web,op)]):2; cpus:3',
    )
  })

  it('go to their role and those below it; what nobody reserved to all', () => {
    const of = (role: string): Resource => ({ ...scalar('cpus', 1), role })
    const all = Resources.of([of('eng'), of('eng/dev'), of('engine'), scalar('mem', 5)])
    const names = (role: string): (string | undefined)[] =>
      all
        .allocatableTo(role)
        .messages('old')
        .map(resource => resource.role)
    expect(names('eng')).to.deep.equal(['eng', '*'])
    expect(names('eng/dev')).to.deep.equal(['eng', 'eng/dev', '*'])
    expect(names('*')).to.deep.equal(['*'])
    expect(all.unreserved().equals(Resources.of([scalar('mem', 5)]))).to.equal(true)
    expect([...all.reserved().keys()]).to.deep.equal(['eng', 'eng/dev', 'engine'])
  })

  it('lose their last reservation alone', () => {
    const refined: Resource = {
      ...scalar('cpus', 1),
      reservations: [
        { type: 'STATIC', role: 'eng' },
        { type: 'DYNAMIC', role: 'eng/dev' },
      ],
    }
    const popped = Resources.of([refined]).popReservation()
    expect(popped.equals(Resources.of([{ ...scalar('cpus', 1), role: 'eng' }]))).to.equal(true)
    expect(popped.popReservation().equals(Resources.of([scalar('cpus', 1)]))).to.equal(true)
    expect(Resources.of([refined]).withoutRefinements().isEmpty).to.equal(true)
  })

  it('come back whole when what was added is taken away', () => {
    fc.assert(
      fc.property(anyResources, anyResources, (a, b) => {
        fc.pre(disjoint(a, b))
        const sum = a.plus(b)
        expect(sum.contains(a)).to.equal(true)
        expect(sum.contains(b)).to.equal(true)
        expect(sum.minus(b).equals(a)).to.equal(true)
        expect(sum.equals(b.plus(a))).to.equal(true)
      }),
    )
  })

  it('hold nothing more after they have been taken', () => {
    fc.assert(
      fc.property(anyResources, a => {
        expect(a.minus(a).isEmpty).to.equal(true)
        expect(a.contains(Resources.none)).to.equal(true)
        expect(Resources.of(a.messages()).equals(a)).to.equal(true)
      }),
    )
  })

  it('have ranges that behave as sets of numbers', () => {
    const numbers = (ranges: readonly { begin: number; end: number }[]): Set<number> =>
      new Set(
        ranges.flatMap(({ begin, end }) => Array.from({ length: end - begin + 1 }, (_, at) => begin + at)),
      )
    fc.assert(
      fc.property(fc.array(anyRange), fc.array(anyRange), (left, right) => {
        const [a, b] = [coalesce(left), coalesce(right)]
        expect(numbers(a)).to.deep.equal(numbers(left))
        expect(numbers(subtractRanges(a, b))).to.deep.equal(
          new Set([...numbers(a)].filter(number => !numbers(b).has(number))),
        )
        expect(containsRanges(a, b)).to.equal([...numbers(b)].every(number => numbers(a).has(number)))
      }),
    )
  })
})
