// What a framework process is told on its command line, and that README lists its exit codes.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseArguments, usage } from './arguments.ts'

describe('command line of a framework process', () => {
  it('confirms what is said, and nothing else', () => {
    const confirmation = (...args: string[]) => parseArguments(args)
    expect(confirmation()).to.deep.equal({ kind: 'start', confirmation: { yes: false, sameCluster: false } })
    expect(confirmation('--yes')).to.deep.include({ confirmation: { yes: true, sameCluster: false } })
    expect(confirmation('--same-cluster')).to.deep.include({
      confirmation: { yes: false, sameCluster: true },
    })
    expect(confirmation('--yes', '--help')).to.deep.equal({ kind: 'help' })
  })

  it('refuses what it does not know', () => {
    for (const args of [['yes'], ['-y'], ['--yes=1'], ['--help', '--port'], ['']]) {
      expect(parseArguments(args).kind, args.join(' ')).to.equal('wrong')
    }
  })

  it('has the exit codes that README lists', () => {
    const codes = [...usage.matchAll(/^ {2}(\d) {2}/gm)].map(([, code]) => code)
    expect(codes).to.deep.equal(['0', '1', '2', '3', '4', '5'])
    const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
    const [, operation = ''] = readme.split('**Exit codes**')
    const table = operation.split('\n\n').find(part => part.includes('|')) ?? ''
    expect([...table.matchAll(/^\| (\d) /gm)].map(([, code]) => code)).to.deep.equal(codes)
  })
})
