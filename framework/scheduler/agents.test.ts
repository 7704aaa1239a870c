// What the leader knows of its executors, by agent and role.
import { expect } from 'chai'
import { Agents } from './agents.ts'
import { executorInfo } from './executor-info.ts'
import { scalar } from './testing/support.ts'

describe('agents', () => {
  const agents = (coldLimit = 2, roles = ['juice']): Agents =>
    new Agents({
      roles,
      coldLimit,
      makeExecutor: (generation, resources) =>
        executorInfo({
          template: { uris: [], settings: {}, source: 'test' },
          frameworkId: 'f',
          resources,
          generation,
        }),
    })
  const resources = [scalar('cpus', 0.1)]

  const stateOf = (book: Agents, role = 'juice', nowMs = 10): string | undefined =>
    book.states(nowMs).get('a')?.executors.get(role)

  it('keeps one executor for an agent, whatever resources later offers have (S47)', () => {
    const book = agents()
    const first = book.executorFor('a', 'juice', resources, 0)
    book.launched('a', 'juice', 0)
    expect(book.executorFor('a', 'juice', [scalar('cpus', 0.2)], 5)).to.equal(first)
    expect(book.executorFor('b', 'juice', resources, 0)).to.deep.equal(first)
    book.heard('a', first.executor_id.value)
    book.forgetSubscription()
    expect(book.executorFor('a', 'juice', [], 1e6)).to.equal(first)
  })

  it('asks for the room that was left, where no executor can be there yet (S41)', () => {
    const reserved = [scalar('cpus', 0.1, { reservations: [{ type: 'STATIC', role: 'juice' }] })]
    const never = agents()
    never.executorFor('a', 'juice', resources, 0)
    expect(never.executorFor('a', 'juice', reserved, 0).resources).to.deep.equal(reserved)
    const silent = agents()
    silent.executorFor('a', 'juice', resources, 0)
    silent.launched('a', 'juice', 0)
    expect(silent.executorFor('a', 'juice', reserved, 89_999).resources).to.deep.equal(resources)
    expect(silent.executorFor('a', 'juice', reserved, 90_000).resources).to.deep.equal(reserved)
    const dropped = agents()
    const { executor_id: id } = dropped.executorFor('a', 'juice', resources, 0)
    dropped.launched('a', 'juice', 0)
    dropped.dropped('a', id.value)
    expect(dropped.executorFor('a', 'juice', reserved, 1).resources).to.deep.equal(reserved)
    const running = agents()
    const first = running.executorFor('a', 'juice', resources, 0)
    running.heard('a', first.executor_id.value)
    running.dropped('a', first.executor_id.value)
    expect(running.executorFor('a', 'juice', [], 1)).to.equal(first)
  })

  it('counts an executor that is started again after it was never heard of as starting', () => {
    const book = agents(1)
    book.executorFor('a', 'juice', resources, 0)
    book.launched('a', 'juice', 0)
    expect([stateOf(book, 'juice', 90_000), book.coldFree(90_000)]).to.deep.equal(['absent', 1])
    book.executorFor('a', 'juice', resources, 90_000)
    book.launched('a', 'juice', 90_000)
    expect([stateOf(book, 'juice', 90_001), book.coldFree(90_001)]).to.deep.equal(['starting', 0])
  })

  it('has an executor for each role, all of one generation (S40, S42)', () => {
    const book = agents(2, ['juice', 'batch'])
    const batchRoom = [scalar('cpus', 0.1, { allocation_info: { role: 'batch' } })]
    const first = book.executorFor('a', 'juice', resources, 0)
    book.launched('a', 'juice', 0)
    book.heard('a', first.executor_id.value)
    expect([stateOf(book), stateOf(book, 'batch')]).to.deep.equal(['running', 'starting'])
    const second = book.executorFor('a', 'batch', batchRoom, 0)
    book.launched('a', 'batch', 0)
    expect(second.resources).to.deep.equal(batchRoom)
    expect(second.executor_id.value).to.not.equal(first.executor_id.value)
    expect(book.coldFree(1)).to.equal(1)
    book.heard('a', second.executor_id.value)
    expect(stateOf(book, 'batch')).to.equal('running')
    book.lost('a', second.executor_id.value, 0, true)
    expect([stateOf(book), stateOf(book, 'batch')]).to.deep.equal(['running', 'starting'])
    book.setGeneration('a', 3)
    const ids = ['juice', 'batch'].map(role => book.executorFor('a', role, resources, 0).executor_id.value)
    expect(ids.every(id => id.endsWith('-3'))).to.equal(true)
  })

  it('stays away from an agent that is drained, for a while after the last word of it', () => {
    const book = agents()
    const { executor_id: id } = book.executorFor('a', 'juice', resources, 0)
    const avoid = (): object | undefined => book.states(0).get('a')?.avoid
    book.draining('a', 1000)
    book.heard('a', id.value)
    expect(avoid()).to.deep.equal({ untilMs: 16_000, why: 'draining' })
    book.draining('a', 2000)
    expect(avoid()).to.deep.equal({ untilMs: 17_000, why: 'draining' })
    book.lost('a', id.value, 16_500, false)
    expect(avoid()).to.deep.equal({ untilMs: 17_500, why: 'failed' })
  })

  it('knows from updates only that an executor runs, and only within a subscription', () => {
    const book = agents()
    const id = book.executorFor('a', 'juice', resources, 0).executor_id.value
    const state = (): string | undefined => stateOf(book)
    expect(state()).to.equal('absent')
    book.launched('a', 'juice', 0)
    expect(state()).to.equal('starting')
    book.heard('a', id)
    expect(state()).to.equal('running')
    book.forgetSubscription()
    expect(state()).to.equal('starting')
    book.heard('a', 'of another version')
    expect(state()).to.equal('starting')
    book.agentLost('a')
    expect(state()).to.equal('absent')
  })

  it('limits how many start at once, and gives up counting one that is not heard of', () => {
    const book = agents(2)
    for (const agentId of ['a', 'b']) {
      book.executorFor(agentId, 'juice', resources, 0)
      book.launched(agentId, 'juice', 0)
    }
    expect(book.coldFree(1)).to.equal(0)
    book.heard('a', book.executorFor('a', 'juice', resources, 0).executor_id.value)
    expect(book.coldFree(1)).to.equal(1)
    expect(book.coldFree(90_000)).to.equal(2)
  })

  it('makes another executor for another generation, and none for an older one', () => {
    const book = agents()
    const first = book.executorFor('a', 'juice', resources, 0)
    book.setGeneration('a', 2)
    const second = book.executorFor('a', 'juice', resources, 0)
    book.launched('a', 'juice', 0)
    expect(second.executor_id.value).to.match(/-2$/)
    book.setGeneration('a', 1)
    expect(book.executorFor('a', 'juice', resources, 0)).to.equal(second)
    expect(second).to.not.equal(first)
    expect(book.generation('a')).to.equal(2)
  })

  it('avoids an agent whose executor keeps failing, ever longer, until one is heard of', () => {
    const book = agents()
    const avoid = (): number | undefined => book.states(0).get('a')?.avoid?.untilMs
    const fail = (generation: number): void => {
      book.lost('a', book.executorFor('a', 'juice', resources, 0).executor_id.value, 0, false)
      book.setGeneration('a', generation)
    }
    fail(1)
    expect(avoid()).to.equal(1000)
    fail(2)
    expect(avoid()).to.equal(4000)
    book.heard('a', book.executorFor('a', 'juice', resources, 0).executor_id.value)
    expect(avoid()).to.equal(undefined)
    fail(3)
    expect(avoid()).to.equal(1000)
  })

  it('blames nobody for an executor that left in order, or for an old one', () => {
    const book = agents()
    const id = book.executorFor('a', 'juice', resources, 0).executor_id.value
    book.heard('a', id)
    book.lost('a', 'older', 0, false)
    expect(stateOf(book)).to.equal('running')
    book.lost('a', id, 0, true)
    expect(stateOf(book)).to.equal('absent')
    expect(book.states(0).get('a')?.avoid).to.equal(undefined)
  })

  it('wants a successor for an executor of a day', () => {
    const book = agents()
    book.executorFor('a', 'juice', resources, 0)
    expect(book.aged(86_399_999)).to.deep.equal([])
    expect(book.aged(86_400_000)).to.deep.equal([{ agentId: 'a', generation: 0 }])
    book.setGeneration('a', 1)
    expect(book.aged(86_400_000)).to.deep.equal([])
  })
})
