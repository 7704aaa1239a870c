import { expect } from 'chai'
import type { MasterInfo } from 'mesos-http-client'
import { masterInfo } from '../master/info.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { LocalElection } from './election.ts'

describe('an election within this process', () => {
  const clock = new VirtualClock(0)

  function candidate(election: LocalElection, id: string) {
    const told: (string | undefined)[] = []
    const candidacy = election.join(masterInfo(id, '127.0.0.1', 1), {
      onLeader: (leader: MasterInfo | undefined) => told.push(leader?.id),
      onLost: () => told.push('lost'),
    })
    return { ...candidacy, told }
  }

  it('is won by who came first and lives; the dead are missed after their session', async () => {
    const election = new LocalElection(clock, 1000)
    const [a, b, c] = ['a', 'b', 'c'].map(id => candidate(election, id))
    if (a === undefined || b === undefined || c === undefined) return
    expect([a.told, b.told, c.told]).to.deep.equal([['a'], ['a'], ['a']])
    a.die()
    // a restarted one begins again at the end
    const again = candidate(election, 'a2')
    await clock.advanceTo(999)
    expect(b.told).to.deep.equal(['a'])
    await clock.advanceTo(1000)
    expect([a.told, b.told, c.told, again.told]).to.deep.equal([['a'], ['a', 'b'], ['a', 'b'], ['a', 'b']])
    // who leaves in order is missed at once; who stood by, by nobody
    await c.leave()
    await b.leave()
    expect([c.told, again.told]).to.deep.equal([
      ['a', 'b'],
      ['a', 'b', 'a2'],
    ])
  })
})
