// The loop's memories: the queue by shape, the executors on the agents, the launches that nobody has heard of.
import { expect } from 'chai'
import type { QueuedTask } from '../placement/types.ts'
import { Agents } from './agents.ts'
import { executorInfo } from './executor-info.ts'
import { LaunchWatch } from './launch-watch.ts'
import { OfferBook } from './offer-book.ts'
import { PendingQueue } from './pending-queue.ts'
import { offer, pendingTask, scalar, taskSpec } from './testing/support.ts'
import { WaitReasons } from './wait-reasons.ts'
import { shapeOf } from '../placement/shape.ts'

describe('pending queue', () => {
  const queue = (): PendingQueue => new PendingQueue({ executorBytes: 500 })
  const ids = (tasks: readonly QueuedTask[]): number[] => tasks.map(({ taskId }) => taskId)

  it('keeps tasks by shape, oldest first, however they come', () => {
    const pending = queue()
    for (const taskId of [5, 1, 9, 7]) pending.put(pendingTask(taskId), 0)
    pending.put(pendingTask(2, { spec: taskSpec({ priority: 3 }) }), 0)
    expect(pending.shapes().map(({ tasks }) => ids(tasks))).to.deep.equal([[1, 5, 7, 9], [2]])
    pending.remove([5, 2, 77])
    expect(pending.shapes().map(({ tasks }) => ids(tasks))).to.deep.equal([[1, 7, 9]])
    expect(pending.size).to.equal(3)
  })

  it('lets a task in when its time has come', () => {
    const pending = queue()
    pending.put(pendingTask(1, { notBefore: new Date(500) }), 100)
    pending.put(pendingTask(2, { notBefore: new Date(700) }), 100)
    expect(pending.size).to.equal(0)
    expect(pending.promote(499)).to.equal(500)
    expect(pending.promote(500)).to.equal(700)
    expect(pending.size).to.equal(1)
    expect(pending.newestMs()).to.equal(500)
    expect(pending.promote(700)).to.equal(undefined)
    expect(pending.size).to.equal(2)
  })

  it('takes a later attempt of a task for the newer truth', () => {
    const pending = queue()
    pending.put(pendingTask(1), 0)
    pending.put(pendingTask(1, { attempt: 1, notBefore: new Date(50) }), 0)
    expect([pending.size, pending.promote(0)]).to.deep.equal([0, 50])
  })

  it('ignores what a stale reading says of a task that was launched meanwhile', () => {
    const pending = queue()
    pending.put(pendingTask(1), 0)
    pending.remove([1])
    pending.launched(1, 1)
    pending.put(pendingTask(1), 0)
    expect(pending.size).to.equal(0)
    pending.put(pendingTask(1, { attempt: 1 }), 0)
    expect(pending.size).to.equal(1)
  })

  it('drops what the store does not know any more', () => {
    const pending = queue()
    for (const taskId of [1, 2]) pending.put(pendingTask(taskId), 0)
    pending.put(pendingTask(3, { notBefore: new Date(500) }), 0)
    pending.retain(new Set([2]))
    expect(pending.shapes().map(({ tasks }) => ids(tasks))).to.deep.equal([[2]])
    expect(pending.promote(0)).to.equal(undefined)
  })
})

describe('agents', () => {
  const agents = (coldLimit = 2): Agents =>
    new Agents({
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

  it('keeps one executor for an agent, whatever resources later offers have (S47)', () => {
    const book = agents()
    const first = book.executorFor('a', resources, 0)
    expect(book.executorFor('a', [scalar('cpus', 0.2)], 5)).to.equal(first)
    expect(book.executorFor('b', resources, 0)).to.deep.equal(first)
  })

  it('knows from updates only that an executor runs, and only within a subscription', () => {
    const book = agents()
    const id = book.executorFor('a', resources, 0).executor_id.value
    const state = (): string | undefined => book.states(10).get('a')?.executor
    expect(state()).to.equal('absent')
    book.launched('a', 0)
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
      book.executorFor(agentId, resources, 0)
      book.launched(agentId, 0)
    }
    expect(book.coldFree(1)).to.equal(0)
    book.heard('a', book.executorFor('a', resources, 0).executor_id.value)
    expect(book.coldFree(1)).to.equal(1)
    expect(book.coldFree(90_000)).to.equal(2)
  })

  it('makes another executor for another generation, and none for an older one', () => {
    const book = agents()
    const first = book.executorFor('a', resources, 0)
    book.setGeneration('a', 2)
    const second = book.executorFor('a', resources, 0)
    expect(second.executor_id.value).to.match(/-2$/)
    book.setGeneration('a', 1)
    expect(book.executorFor('a', resources, 0)).to.equal(second)
    expect(second).to.not.equal(first)
    expect(book.generation('a')).to.equal(2)
  })

  it('avoids an agent whose executor keeps failing, ever longer, until one is heard of', () => {
    const book = agents()
    const avoid = (): number | undefined => book.states(0).get('a')?.avoidUntilMs
    const fail = (generation: number): void => {
      book.lost('a', book.executorFor('a', resources, 0).executor_id.value, 0, false)
      book.setGeneration('a', generation)
    }
    fail(1)
    expect(avoid()).to.equal(1000)
    fail(2)
    expect(avoid()).to.equal(4000)
    book.heard('a', book.executorFor('a', resources, 0).executor_id.value)
    expect(avoid()).to.equal(undefined)
    fail(3)
    expect(avoid()).to.equal(1000)
  })

  it('blames nobody for an executor that left in order, or for an old one', () => {
    const book = agents()
    const id = book.executorFor('a', resources, 0).executor_id.value
    book.heard('a', id)
    book.lost('a', 'older', 0, false)
    expect(book.states(0).get('a')).to.deep.equal({ executor: 'running' })
    book.lost('a', id, 0, true)
    expect(book.states(0).get('a')).to.deep.equal({ executor: 'absent' })
  })

  it('wants a successor for an executor of a day', () => {
    const book = agents()
    book.executorFor('a', resources, 0)
    expect(book.aged(86_399_999)).to.deep.equal([])
    expect(book.aged(86_400_000)).to.deep.equal([{ agentId: 'a', generation: 0 }])
    book.setGeneration('a', 1)
    expect(book.aged(86_400_000)).to.deep.equal([])
  })
})

describe('launch watch', () => {
  it('asks for silent launches, ever later, never for one that is being sent (S50)', () => {
    const watch = new LaunchWatch({ timeoutMs: 20_000 })
    watch.sending('t1', 'a', 'e')
    watch.sending('t2', 'a', 'e')
    expect([watch.isSending('t1'), watch.overdue(1e9)]).to.deep.equal([true, []])
    watch.sent('t1', 0)
    watch.sent('t2', 0, true)
    expect([watch.isSending('t1'), watch.overdue(999)]).to.deep.equal([false, []])
    expect(watch.overdue(1000)).to.deep.equal([{ mesosTaskId: 't2', agentId: 'a' }])
    expect(watch.overdue(2999)).to.deep.equal([])
    expect(watch.overdue(3000)).to.have.length(1)
    watch.settled('t2')
    expect(watch.overdue(20_000)).to.deep.equal([{ mesosTaskId: 't1', agentId: 'a' }])
    expect(watch.overdue(59_999)).to.deep.equal([])
    expect(watch.overdue(60_000)).to.have.length(1)
  })

  it('asks for many in batches, one after the other (S69)', () => {
    const watch = new LaunchWatch({ timeoutMs: 1000 })
    const ids = Array.from({ length: 250 }, (_, i) => `t${i}`)
    for (const id of ids) {
      watch.sending(id, 'a', 'e')
      watch.sent(id, 0)
    }
    const asked = [watch.overdue(1000), watch.overdue(1001)]
    expect(asked.map(({ length }) => length)).to.deep.equal([200, 50])
    expect(asked.flat().map(({ mesosTaskId }) => mesosTaskId)).to.have.members(ids)
  })
})

describe('offer book', () => {
  it('hands an offer out once, and not after it was rescinded (S39)', () => {
    const book = new OfferBook()
    book.add([offer('o1'), offer('o2'), offer('o3')])
    book.rescind('o2')
    expect([...book.take(['o1', 'o2']).keys()]).to.deep.equal(['o1'])
    expect([...book.take(['o1', 'o3']).keys()]).to.deep.equal(['o3'])
    expect(book.size).to.equal(0)
  })
})

describe('wait reasons', () => {
  it('remember what agents said whose offers were refused', () => {
    const reasons = new WaitReasons()
    const shape = shapeOf('default', taskSpec())
    const learn = (agents: [string, 'gpu' | 'cold'][]): void =>
      reasons.learn(
        new Map([
          [shape.key, { shape, waiting: 1, agents: new Map(agents.map(([id, kind]) => [id, { kind }])) }],
        ]),
        new Set([shape.key]),
      )
    expect(reasons.reason(shape.key)).to.equal('no agent has offered resources yet')
    learn([['a', 'gpu']])
    learn([['b', 'gpu']])
    expect(reasons.reason(shape.key)).to.equal('2 agents: kept for tasks that need a GPU')
    learn([['b', 'cold']])
    reasons.forgetAgent('a')
    expect(reasons.reason(shape.key)).to.equal('1 agent: its turn to start the executor has not come')
    reasons.learn(new Map(), new Set())
    expect(reasons.reason(shape.key)).to.equal('no agent has offered resources yet')
  })
})
