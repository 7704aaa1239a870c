// The loop's memories: the queue by shape, the offers, the launches that nobody has heard of.
import { expect } from 'chai'
import type { No, QueuedTask } from '../placement/types.ts'
import { LaunchWatch } from './launch-watch.ts'
import { OfferBook } from './offer-book.ts'
import { PendingQueue } from './pending-queue.ts'
import { offer, pendingTask, taskSpec } from './testing/support.ts'
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
  const shape = shapeOf('default', taskSpec())
  const learn = (reasons: WaitReasons, said: [agentId: string, role: string, no: No][]): void => {
    const byRole = new Map<string, Map<string, No>>()
    for (const [agentId, role, no] of said) {
      byRole.set(role, new Map([...(byRole.get(role) ?? []), [agentId, no]]))
    }
    reasons.learn(new Map([[shape.key, { shape, waiting: 1, noes: byRole }]]), new Set([shape.key]))
  }
  const gpu: No = { kind: 'gpu' }
  const lack = (freeMillis: number): No => ({
    kind: 'resource',
    name: 'cpus',
    freeMillis,
    wantedMillis: 4000,
  })

  it('remember what agents said whose offers were refused', () => {
    const reasons = new WaitReasons(['juice'])
    const nothing = 'no agent has offered resources to the role juice yet'
    expect(reasons.reason(shape.key)).to.equal(nothing)
    learn(reasons, [['a', 'juice', gpu]])
    learn(reasons, [['b', 'juice', gpu]])
    expect(reasons.reason(shape.key)).to.match(/^2 agents: kept for tasks that need a GPU/)
    learn(reasons, [['b', 'juice', { kind: 'cold' }]])
    reasons.forgetAgent('a')
    expect(reasons.reason(shape.key)).to.equal('1 agent: its turn to start the executor has not come')
    reasons.learn(new Map(), new Set())
    expect(reasons.reason(shape.key)).to.equal(nothing)
  })

  it('count an agent once, whatever roles it offers to, and say the nearest to success', () => {
    const reasons = new WaitReasons(['batch', 'juice'])
    expect(reasons.reason(shape.key)).to.equal('no agent has offered resources to the roles batch, juice yet')
    learn(reasons, [['a', 'juice', lack(3000)]])
    learn(reasons, [['a', 'batch', lack(2000)]])
    const lacks = '1 agent: not enough cpus (largest free 3 of 4 in one role)'
    expect(reasons.reason(shape.key)).to.equal(lacks)
    learn(reasons, [['a', 'batch', gpu]])
    expect(reasons.reason(shape.key)).to.equal(lacks)
  })
})
