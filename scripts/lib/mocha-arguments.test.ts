// Which tests run for which arguments: none must never mean no test.
import { join } from 'node:path'
import { expect } from 'chai'
import { mochaArguments } from './mocha-arguments.ts'

const root = join(import.meta.dirname, '../..')
const everything = '{framework,executor,packages,proto,scripts,test}/**/*.test.ts'

describe('arguments of scripts/test', () => {
  const cases: [given: string[], expected: string[]][] = [
    [[], [everything]],
    [['--bail'], ['--bail', everything]],
    [
      ['-g', 'framework'],
      ['-g', 'framework', everything],
    ],
    [['framework/domain'], ['framework/domain/**/*.test.ts']],
    [
      ['framework/config.test.ts', '--bail', 'test/'],
      ['framework/config.test.ts', '--bail', 'test/**/*.test.ts'],
    ],
    [['no/such.test.ts'], ['no/such.test.ts']],
    [['*/x'], ['*/x']],
    [
      ['--timeout', '5000'],
      ['--timeout', '5000', everything],
    ],
  ]
  for (const [given, expected] of cases) {
    it(`${JSON.stringify(given)} → ${expected.join(' ')}`, () => {
      expect(mochaArguments(given, root)).to.deep.equal(expected)
    })
  }
})
