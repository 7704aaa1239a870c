// Reconciliation and kills: what is asked for or sent again, when, and when no more.
import { expect } from 'chai'
import type { SchedulerCall } from 'mesos-http-client'
import type { CurrentAttempt } from '../domain/task.ts'
import { KillRepeater } from './kill-repeater.ts'
import { Reconciler } from './reconciler.ts'
import { RecordedCalls, TestClock } from './testing/support.ts'

function active(mesosTaskId: string): CurrentAttempt {
  return { taskId: 1, mesosTaskId, agentId: `agent-of-${mesosTaskId}` }
}

const asked = (call: SchedulerCall | undefined): string[] =>
  (call?.reconcile?.tasks ?? []).map(({ task_id }) => task_id.value)

describe('reconciler', () => {
  const errors: unknown[] = []
  let calls: RecordedCalls
  let attempts: string[]
  let sending: Set<string>
  let clock: TestClock
  let made: Reconciler

  function reconciler(everyMs = 3_600_000): Reconciler {
    made = new Reconciler({
      store: { loadActive: () => Promise.resolve(attempts.map(active)) },
      calls,
      isSending: id => sending.has(id),
      now: clock.now,
      onError: error => errors.push(error),
      batchSize: 2,
      batchEveryMs: 1,
      backoff: { initialMs: 1, maxMs: 2 },
      everyMs,
    })
    return made
  }

  beforeEach(() => {
    calls = new RecordedCalls()
    attempts = ['a', 'b', 'c']
    sending = new Set()
    clock = new TestClock()
  })

  afterEach(() => made.close())

  it('asks in batches, with agent ids, again and again for those that are silent (S62, S66, S68, S69)', async () => {
    const run = reconciler()
    run.start()
    await calls.until('RECONCILE', 2)
    expect(calls.calls[0]?.reconcile?.tasks?.[0]).to.deep.equal({
      task_id: { value: 'a' },
      agent_id: { value: 'agent-of-a' },
    })
    expect(calls.calls.slice(0, 2).map(asked)).to.deep.equal([['a', 'b'], ['c']])
    run.heard('b')
    run.heard('c')
    await calls.until('RECONCILE', 4)
    expect(calls.calls.slice(2, 4).map(asked)).to.deep.equal([['a'], ['a']])
    expect(run.unheard).to.equal(1)
    run.heard('a')
    expect(run.unheard).to.equal(0)
  })

  it('does not ask for what ended otherwise, nor for what is being sent', async () => {
    sending.add('c')
    const run = reconciler()
    run.start()
    await calls.until('RECONCILE', 1)
    attempts = ['b', 'c']
    sending.clear()
    await calls.until('RECONCILE', 3)
    expect(calls.calls.slice(1, 3).map(asked)).to.deep.equal([['b'], ['b']])
    run.stop()
  })

  it('begins anew with each subscription (S63)', async () => {
    const run = reconciler()
    run.start()
    await calls.until('RECONCILE', 2)
    for (const id of attempts) run.heard(id)
    attempts = ['d']
    run.start()
    await calls.until('RECONCILE', 3)
    expect(asked(calls.calls[2])).to.deep.equal(['d'])
  })

  it('asks from time to time for all, and lets the master tell all it knows (S64, S65)', async () => {
    attempts = []
    const run = reconciler(10)
    clock.pass(10)
    run.start()
    await calls.until('RECONCILE', 1)
    expect(calls.calls[0]?.reconcile?.tasks).to.deep.equal([])
    attempts = ['e']
    clock.pass(10)
    run.start()
    await calls.until('RECONCILE', 2)
    expect(asked(calls.calls[1])).to.deep.equal(['e'])
  })
})

describe('kill repeater', () => {
  let calls: RecordedCalls
  let clock: TestClock
  let orders: string[]
  let sending: Set<string>
  let kills: KillRepeater

  beforeEach(() => {
    calls = new RecordedCalls()
    clock = new TestClock()
    orders = ['a']
    sending = new Set()
    kills = new KillRepeater({
      store: { loadKills: () => Promise.resolve(orders.map(active)) },
      calls,
      isSending: id => sending.has(id),
      now: clock.now,
      onError: () => {},
    })
  })

  it('sends a KILL at once, and again each 5 s until the task has ended, naming its agent (S71, S72)', async () => {
    await kills.run()
    expect(calls.calls).to.deep.equal([
      { type: 'KILL', kill: { task_id: { value: 'a' }, agent_id: { value: 'agent-of-a' } } },
    ])
    clock.pass(4999)
    await kills.run()
    expect(calls.calls).to.have.length(1)
    clock.pass(1)
    await kills.run()
    expect(calls.calls).to.have.length(2)
    orders = []
    clock.pass(5000)
    await kills.run()
    expect(calls.calls).to.have.length(2)
  })

  it('sends it at once after a new subscription', async () => {
    await kills.run()
    kills.forgetSubscription()
    await kills.run()
    expect(calls.calls).to.have.length(2)
  })

  it('does not overtake the launch', async () => {
    sending.add('a')
    expect(await kills.run()).to.equal(20)
    expect(calls.calls).to.deep.equal([])
    sending.clear()
    await kills.run()
    expect(calls.calls).to.have.length(1)
  })
})
