import { expect } from 'chai'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from './registry.ts'

describe('the registry', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'local-mesos-registry-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))
  const admitted = (registry: Registry): string[] => registry.admitted.map(info => info.id?.value ?? '')

  it('is the same for the next master', () => {
    const file = join(directory, 'sub', 'registry.json')
    const registry = new Registry(file)
    for (const value of ['a', 'b', 'c', 'd']) registry.admit({ hostname: value, id: { value } })
    registry.markUnreachable('b', 7)
    registry.markGone('c', 8)
    registry.remove('d')
    const next = new Registry(file)
    expect(admitted(next)).to.deep.equal(['a'])
    expect(next.unreachable).to.deep.equal(['b'])
    expect(next.unreachableSince('b')).to.equal(7)
    expect(next.isGone('c')).to.equal(true)
    next.admit({ hostname: 'b', id: { value: 'b' } })
    expect(new Registry(file).unreachable).to.deep.equal([])
  })

  it('in memory is forgotten', () => {
    const registry = new Registry(undefined)
    registry.admit({ hostname: 'a', id: { value: 'a' } })
    expect(admitted(registry)).to.deep.equal(['a'])
    expect(admitted(new Registry(undefined))).to.deep.equal([])
  })
})
