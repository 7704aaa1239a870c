// Constraints by tables: what an agent's attributes, region and zone match, and which regions need to be asked for.
import { expect } from 'chai'
import { firstFailed, foreignRegion, type AgentFacts } from './constraints.ts'
import { firstFit } from './first-fit.ts'
import { explain } from './reasons.ts'
import { input, offer, queue } from './test-support.ts'
import type { AttributeValue } from './types.ts'

function agent(more: Partial<AgentFacts> = {}): AgentFacts {
  return { hostname: 'h1', attributes: new Map(), ...more }
}

describe('constraints', () => {
  const attributes: [string, readonly AttributeValue[], string[], boolean][] = [
    ['a text', ['r1'], ['r1'], true],
    ['another text', ['r1'], ['R1', 'r11', ''], false],
    ['one item of a set', ['a', 'b'], ['x', 'b'], true],
    ['a text that looks like a number', ['8'], ['8.0'], false],
    ['a scalar', [8], ['8'], true],
    ['a scalar written otherwise', [8], ['8.0'], true],
    ['a scalar with decimals', [1.5], ['1.50'], true],
    ['a scalar that is a little more', [8], ['8.001'], false],
    ['a scalar and no number', [8], ['8x', '', '0x8'], false],
    ['a number in a range', [[1, 3]], ['2'], true],
    ['the ends of a range', [[1, 3]], ['3'], true],
    [
      'a number outside of all ranges',
      [
        [1, 3],
        [7, 9],
      ].map(([a = 0, b = 0]) => [a, b] as const),
      ['5'],
      false,
    ],
    ['a range as it is written', [[1, 3]], ['1-3'], true],
    ['a part of a range', [[1, 3]], ['1-2'], false],
    ['an attribute that is not there', [], ['x'], false],
  ]
  for (const [title, values, wanted, isIn] of attributes) {
    it(`${title}: ${JSON.stringify(values)} ${isIn ? 'is' : 'is not'} in ${JSON.stringify(wanted)}`, () => {
      const facts = agent({ attributes: new Map(values.length === 0 ? [] : [['f', values]]) })
      const failed = (operator: 'in' | 'notIn') =>
        firstFailed([{ field: 'f', operator, values: wanted }], facts)
      expect(failed('in') === undefined).to.equal(isIn)
      expect(failed('notIn') === undefined).to.equal(!isIn)
      expect(failed(isIn ? 'notIn' : 'in')?.found).to.deep.equal(values)
    })
  }

  const places: [string, Partial<AgentFacts>, string, string, string | undefined, boolean][] = [
    ['the agent has that region', { region: 'eu' }, '@region', 'eu', undefined, true],
    ['the agent has another region', { region: 'us' }, '@region', 'eu', 'eu', false],
    ["without a region it is the master's", {}, '@region', 'eu', 'eu', true],
    ['neither has a region', {}, '@region', 'eu', undefined, false],
    ['the agent has that zone', { region: 'eu', zone: 'z1' }, '@zone', 'z1', 'eu', true],
    ['an attribute is no zone', { attributes: new Map([['zone', ['z1']]]) }, '@zone', 'z1', 'eu', false],
    ['a zone is no attribute', { region: 'eu', zone: 'z1' }, 'zone', 'z1', 'eu', false],
    ['the host has that name', {}, 'hostname', 'h1', undefined, true],
  ]
  for (const [title, facts, field, value, home, fits] of places) {
    it(`${field} in ${value}: ${title}`, () => {
      const failed = firstFailed([{ field, operator: 'in', values: [value] }], agent(facts), home)
      expect(failed === undefined).to.equal(fits)
    })
  }

  const regions: [string, string | undefined, string | undefined, string | undefined][] = [
    ["the master's", 'eu', 'eu', undefined],
    ['another one', 'us', 'eu', 'us'],
    ['none', undefined, 'eu', undefined],
    ['one, where the master has none', 'us', undefined, undefined],
  ]
  for (const [title, region, home, foreign] of regions) {
    it(`an agent whose region is ${title} (S30)`, () => {
      const facts = region === undefined ? {} : { region }
      expect(foreignRegion([], facts, home)).to.equal(foreign)
      const zone = [{ field: '@zone', operator: 'in' as const, values: ['z'] }]
      expect(foreignRegion(zone, facts, home)).to.equal(foreign)
      const asked = [{ field: '@region', operator: 'notIn' as const, values: ['x'] }]
      expect(foreignRegion(asked, facts, home)).to.equal(undefined)
    })
  }

  it('send tasks to another region only if they say so (S30), which a wait reason tells', () => {
    const offers = [
      offer({ agent: 'a1', region: 'us-east' }),
      offer({ agent: 'a2', region: 'us-west' }),
      offer({ agent: 'a3', region: 'us-east', cpus: 0.05 }),
    ]
    const run = (values?: string[], homeRegion?: string) =>
      firstFit(
        input({
          offers,
          queue: [queue([1], values ? { constraints: [{ field: '@region', operator: 'in', values }] } : {})],
          ...(homeRegion === undefined ? {} : { homeRegion }),
        }),
      )
    const waits = run(undefined, 'eu')
    expect(waits.launches).to.deep.equal([])
    expect([...waits.refusals.values()].map(({ noes }) => explain(noes))).to.deep.equal([
      '3 agents: in another region (us-east, us-west), which a constraint on @region permits',
    ])
    expect(run(['us-west'], 'eu').launches.map(({ agentId }) => agentId)).to.deep.equal(['a2'])
    expect(run(undefined, undefined).launches).to.have.length(1)
    const none = run(['eu'], 'eu')
    expect([...none.refusals.values()].map(({ noes }) => explain(noes))).to.deep.equal([
      '3 agents: constraint @region in eu (found: us-east, us-west)',
    ])
  })
})
