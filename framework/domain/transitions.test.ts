import { expect } from 'chai'
import type { Effect, EventType, TaskEvent, Update } from './effects.ts'
import {
  attempt,
  intent,
  later,
  policy,
  queued,
  retries,
  running,
  start,
  update,
  waits,
} from './test-support.ts'
import type { Attempt, TaskCore } from './task.ts'
import { transition } from './transitions.ts'
import { type MesosUpdate, updateKind } from './update.ts'

const now = later(5_000)

function happen<E extends EventType>(
  task: TaskCore,
  current: Attempt | undefined,
  event: TaskEvent<E>,
): Effect {
  return transition(task, current, event, now, waits)
}

function hear(task: TaskCore, current: Attempt | undefined, seen: MesosUpdate): Effect {
  return happen(task, current, { type: updateKind(seen), update: seen })
}

function changed(effect: Effect): Update {
  if (effect.kind !== 'update') throw new Error(`${effect.kind}: ${effect.why}`)
  return effect
}

const inTask = { state: 'TASK_RUNNING', startedAt: start }

describe('transitions of a task', () => {
  describe('launch', () => {
    it('makes the next attempt current and ends the wait', () => {
      const {
        task,
        attempt: made,
        events,
      } = changed(happen(queued(), undefined, { type: 'launch', intent: intent() }))
      expect(task).to.include({ state: 'LAUNCHING', attempt: 1, waitedMs: 5_000 })
      expect(task).to.not.have.property('queuedAt')
      expect(made).to.include({ number: 1, state: 'INTENT', mesosTaskId: 'transcode-1-1-abcd' })
      expect(events).to.deep.equal([{ type: 'state', state: 'LAUNCHING', attempt: 1 }])
    })

    it('is rejected where it does not belong, with a reason', () => {
      const launch = { type: 'launch', intent: intent() } as const
      expect(happen(running(), attempt(inTask), launch)).to.include({ kind: 'reject' })
      expect(happen(queued({ attempt: 1 }), undefined, launch)).to.include({
        why: 'attempt 1 is not the next one',
      })
      const held = queued({ notBefore: later(10_000) })
      expect(happen(held, undefined, launch)).to.include({ why: 'not before 2026-03-01T12:00:10.000Z' })
    })

    it('says in the record that a second run could not be excluded, where a hold ran out', () => {
      const hold = { agentId: 'agent-1', executorId: 'executor-1', generation: 1, until: start }
      const task = queued({ attempt: 1, hold })
      const launched = changed(
        happen(task, attempt({ finishedAt: start }), { type: 'launch', intent: intent(2) }),
      )
      expect(launched.task).to.not.have.property('hold')
      expect(launched.task.caveat).to.contain('a second run could not be excluded')
      const seen = update('TASK_FINISHED', { source: 'EXECUTOR' })
      const over = changed(hear({ ...launched.task, state: 'RUNNING' }, launched.attempt, seen))
      expect(over.task.message).to.equal(launched.task.caveat)
    })

    it('is taken back while Mesos knows nothing of it', () => {
      const task = running({ state: 'LAUNCHING' })
      const back = changed(happen(task, attempt(), { type: 'withdraw', message: 'no master' }))
      expect(back.task).to.include({ state: 'QUEUED', failures: 0 })
      expect(back.attempt?.finishedAt).to.deep.equal(now)
      expect(
        happen(task, attempt({ state: 'TASK_STARTING' }), { type: 'withdraw', message: '' }).kind,
      ).to.equal('reject')
    })
  })

  it('waits again where its framework id was given up, and the record says what that means (S16)', () => {
    for (const before of [running(), running({ state: 'LAUNCHING' })]) {
      const over = changed(happen(before, attempt(inTask), { type: 'forsaken', why: 'moved' }))
      expect(over.task).to.include({ state: 'QUEUED', failures: 0 })
      expect(over.task.caveat).to.contain('(moved): a second run could not be excluded')
      expect(over.attempt).to.include({ state: 'TASK_LOST', blame: 'mesos', message: 'moved' })
      expect(over.attempt?.finishedAt).to.deep.equal(now)
    }
    const kill = running({ killRequestedAt: start })
    const killed = changed(happen(kill, attempt(inTask), { type: 'forsaken', why: 'moved' }))
    expect(killed.task.state).to.equal('KILLED')
    expect(killed.task.message).to.equal('moved; it may run on there')
    expect(happen(queued(), undefined, { type: 'forsaken', why: 'moved' }).kind).to.equal('reject')
  })

  describe('updates of the current attempt', () => {
    it('keep what the executor tells, and erase nothing that a later one leaves out (S58)', () => {
      const task = running({ state: 'LAUNCHING' })
      const first = changed(hear(task, attempt(), update('TASK_STARTING', { report: { sandbox: '/box' } })))
      expect(first.task.state).to.equal('LAUNCHING')
      const report = { containerId: 'c1', startedAtMs: start.getTime() + 7 }
      const second = changed(hear(first.task, first.attempt, update('TASK_RUNNING', { report })))
      expect(second.task).to.include({ state: 'RUNNING' })
      expect(second.task.startedAt).to.deep.equal(later(7))
      expect(second.attempt).to.include({ sandbox: '/box', containerId: 'c1', state: 'TASK_RUNNING' })
      const answer = update('TASK_RUNNING', {
        isReconciliation: true,
        reason: 'RECONCILIATION',
        source: 'MASTER',
      })
      expect(hear(second.task, second.attempt, answer)).to.deep.equal({
        kind: 'ignore',
        why: 'nothing new',
        kill: false,
      })
      // A resent earlier one does not take it back (S55).
      expect(hear(second.task, second.attempt, update('TASK_STARTING')).kind).to.equal('ignore')
    })

    it('end it well, with result and exit code, even after a kill that came too late', () => {
      const report = {
        exitCode: 0,
        resultJson: '{"frames": 10000000000000000000001}',
        finishedAtMs: now.getTime() - 3,
      }
      const seen = update('TASK_FINISHED', { source: 'EXECUTOR', report })
      const { task, attempt: over } = changed(
        hear(running({ killRequestedAt: start }), attempt(inTask), seen),
      )
      expect(task).to.include({ state: 'FINISHED', exitCode: 0 })
      expect(task).to.not.have.property('message')
      expect(JSON.stringify(task.result)).to.equal('{"frames":10000000000000000000001}')
      expect(over?.finishedAt).to.deep.equal(later(4_997))
    })

    it('say why a result could not be taken', () => {
      const seen = update('TASK_FINISHED', { report: { resultJson: '['.repeat(200) + ']'.repeat(200) } })
      expect(changed(hear(running(), attempt(inTask), seen)).task).to.include({
        state: 'FINISHED',
        message: 'result.json is nested deeper than 100',
      })
    })

    it('fail it for good where no retry is left', () => {
      const report = { exitCode: 3, failure: 'FAILURE_EXIT' }
      const seen = update('TASK_FAILED', { source: 'EXECUTOR', message: 'exited with code 3', report })
      const { task, attempt: over } = changed(hear(running(), attempt(inTask), seen))
      expect(task).to.include({ state: 'FAILED', exitCode: 3, message: 'exited with code 3', failures: 1 })
      expect(over).to.include({ blame: 'task', exitCode: 3, state: 'TASK_FAILED' })
    })

    it('retry it after its own backoff, counted', () => {
      const seen = update('TASK_FAILED', { source: 'EXECUTOR', message: 'exited with code 3' })
      const task = running({ spec: retries(3), failures: 1 })
      const again = changed(hear(task, attempt(inTask), seen)).task
      expect(again).to.include({ state: 'QUEUED', failures: 2, message: 'exited with code 3; retry 2 of 3' })
      expect(again.notBefore).to.deep.equal(later(2_000, now))
      expect(again.queuedAt).to.deep.equal(now)
    })

    it('retry it for free, at once the first time, where it is the fault of Mesos', () => {
      const seen = update('TASK_DROPPED', { reason: 'INVALID_OFFERS', source: 'MASTER' })
      const again = changed(hear(running({ state: 'LAUNCHING' }), attempt(), seen)).task
      expect(again).to.include({ state: 'QUEUED', failures: 0 })
      expect(again.faults).to.deep.equal({ INVALID_OFFERS: 1 })
      expect(again).to.not.have.property('notBefore')
      const later2 = changed(hear({ ...again, state: 'LAUNCHING' }, attempt(), seen)).task
      expect(later2.notBefore).to.deep.equal(later(1_000, now))
    })

    it('count against the task what is beyond the cap of a reason', () => {
      const seen = update('TASK_FAILED', { reason: 'CONTAINER_LAUNCH_FAILED', source: 'AGENT' })
      const task = running({ faults: { CONTAINER_LAUNCH_FAILED: 10 } })
      const { task: ended } = changed(hear(task, attempt(inTask), seen))
      expect(ended.state).to.equal('FAILED')
      expect(ended.message).to.contain('CONTAINER_LAUNCH_FAILED 11 times, 10 are free')
    })

    it('try a refused TaskInfo twice again, then say ERROR; an unauthorised one never again', () => {
      const refused = update('TASK_ERROR', { reason: 'TASK_INVALID', source: 'MASTER', message: 'no' })
      const first = changed(hear(running({ state: 'LAUNCHING' }), attempt(), refused))
      expect(first.task.state).to.equal('QUEUED')
      expect(first.verdict?.blame).to.equal('juice')
      const third = running({ state: 'LAUNCHING', faults: { TASK_INVALID: 2 }, spec: retries(5) })
      expect(changed(hear(third, attempt(), refused)).task.state).to.equal('ERROR')
      const forbidden = update('TASK_ERROR', { reason: 'TASK_UNAUTHORIZED', source: 'MASTER' })
      expect(changed(hear(running({ spec: retries(5) }), attempt(), forbidden)).task.state).to.equal('ERROR')
    })

    it('leave an image that cannot be had to the task', () => {
      const seen = update('TASK_FAILED', {
        source: 'EXECUTOR',
        message: 'pull access denied',
        report: { failure: 'FAILURE_IMAGE' },
      })
      expect(changed(hear(running({ state: 'LAUNCHING' }), attempt(), seen)).task).to.include({
        state: 'FAILED',
        message: 'pull access denied',
      })
    })

    it('mean nothing where a newer Mesos says a word that we do not know (S11)', () => {
      expect(hear(running(), attempt(inTask), update('TASK_DREAMING')).kind).to.equal('ignore')
    })
  })

  describe('kill', () => {
    it('ends at once what waits, and is asked for once of what runs (S74)', () => {
      const waiting = changed(happen(queued(), undefined, { type: 'kill' })).task
      expect(waiting).to.include({ state: 'KILLED', message: 'Killed before it ran' })
      const again = changed(happen({ ...queued(), attempt: 2 }, undefined, { type: 'kill' })).task
      expect(again.message).to.equal('Killed before attempt 3')
      const asked = changed(happen(running(), attempt(inTask), { type: 'kill' }))
      expect(asked.task).to.include({ state: 'RUNNING' })
      expect(asked.events).to.deep.equal([{ type: 'kill_requested', state: 'RUNNING', attempt: 1 }])
      expect(asked.hints).to.include('kills')
      expect(happen(asked.task, attempt(inTask), { type: 'kill' }).kind).to.equal('ignore')
    })

    for (const state of ['TASK_FAILED', 'TASK_DROPPED', 'TASK_GONE', 'TASK_ERROR', 'TASK_GONE_BY_OPERATOR']) {
      it(`beats the retry after ${state}`, () => {
        const task = running({ killRequestedAt: start, spec: retries(9) })
        const seen = update(state, { source: 'MASTER', reason: 'INVALID_OFFERS' })
        expect(changed(hear(task, attempt(inTask), seen)).task.state).to.equal('KILLED')
      })
    }

    it('that was asked for is nobody’s fault', () => {
      const task = running({ killRequestedAt: start })
      const seen = update('TASK_KILLED', { source: 'EXECUTOR', message: 'Killed on request' })
      const over = changed(hear(task, attempt(inTask), seen))
      expect(over.task).to.include({ state: 'KILLED', message: 'Killed on request' })
      expect(over.attempt).to.not.have.property('blame')
      expect(over).to.not.have.property('verdict')
    })

    it('that nobody asked for is a fault of the platform, unless a health check or our backstop did it', () => {
      const seen = update('TASK_KILLED', { source: 'EXECUTOR', reason: 'AGENT_DRAINING' })
      expect(changed(hear(running(), attempt(inTask), seen)).task.state).to.equal('QUEUED')
      const unhealthy = update('TASK_KILLED', { source: 'EXECUTOR', healthy: false })
      expect(changed(hear(running(), attempt(inTask), unhealthy)).task.state).to.equal('FAILED')
      const overran = running({ overranAt: start, spec: policy({ maxRuntimeSeconds: 5 }) })
      expect(changed(hear(overran, attempt(inTask), seen)).task).to.include({
        state: 'FAILED',
        message: 'Ran longer than maxRuntimeSeconds (5)',
      })
    })
  })

  describe('an agent out of sight', () => {
    const away = update('TASK_UNREACHABLE', {
      reason: 'AGENT_REMOVED',
      source: 'MASTER',
      message: 'health check timed out',
    })

    it('leaves the attempt current for a while (S57), and as it was when it comes back (S56)', () => {
      const gone = changed(hear(running(), attempt(inTask), away))
      expect(gone.task).to.include({
        state: 'RUNNING',
        message: 'TASK_UNREACHABLE (AGENT_REMOVED): health check timed out',
      })
      expect(gone.attempt).to.deep.include({ state: 'TASK_UNREACHABLE', unsettledSince: now })
      expect(hear(gone.task, gone.attempt, away).kind).to.equal('ignore')
      const back = changed(
        hear(gone.task, gone.attempt, update('TASK_RUNNING', { reason: 'AGENT_REREGISTERED' })),
      )
      expect(back.attempt).to.include({ state: 'TASK_RUNNING' })
      expect(back.attempt).to.not.have.any.keys('unsettledSince', 'reason')
      expect(back.task).to.not.have.property('message')
    })

    const givenUp = (task: TaskCore = running()): { task: TaskCore; attempt: Attempt } => {
      const gone = changed(hear(task, attempt(inTask), away))
      const over = changed(happen(gone.task, gone.attempt, { type: 'settleTimeout' }))
      if (!over.attempt) throw new Error('no attempt')
      return { task: over.task, attempt: over.attempt }
    }

    it('is given up after it, free of charge; the twin that returns to the next attempt is killed', () => {
      const over = givenUp()
      expect(over.task).to.include({ state: 'QUEUED', failures: 0 })
      expect(over.task.caveat).to.contain(
        'host1, which went out of sight: a second run could not be excluded',
      )
      const next = changed(
        transition(over.task, over.attempt, { type: 'launch', intent: intent(2) }, later(60_000), waits),
      )
      const twin = hear(next.task, over.attempt, update('TASK_RUNNING', { reason: 'AGENT_REREGISTERED' }))
      expect(twin).to.deep.equal({ kind: 'ignore', why: 'not the current attempt', kill: true })
    })

    it('is taken back where it returns before the next attempt: nothing runs twice', () => {
      const over = givenUp()
      const back = changed(
        hear(over.task, over.attempt, update('TASK_RUNNING', { reason: 'AGENT_REREGISTERED' })),
      )
      expect(back.task).to.include({ state: 'RUNNING', attempt: 1 })
      expect(back.task).to.not.have.any.keys('queuedAt', 'notBefore', 'caveat', 'message')
      expect(back.attempt).to.include({ state: 'TASK_RUNNING', startedAt: start })
      expect(back.attempt).to.not.have.any.keys('finishedAt', 'unsettledSince', 'reason', 'blame', 'message')
      expect(back.events).to.deep.equal([{ type: 'state', state: 'RUNNING', attempt: 1 }])
      const early = givenUp(running({ state: 'LAUNCHING' }))
      expect(changed(hear(early.task, early.attempt, update('TASK_RUNNING'))).task.state).to.equal('RUNNING')
    })

    it('says how it ended where it did so out of sight, and its agent is back before the next attempt', () => {
      const over = givenUp(running({ caveat: 'An earlier doubt' }))
      const seen = update('TASK_FINISHED', { source: 'EXECUTOR', report: { exitCode: 0, resultJson: '7' } })
      const done = changed(hear(over.task, over.attempt, seen))
      expect(done.task).to.include({ state: 'FINISHED', result: 7, message: 'An earlier doubt' })
      expect(done.attempt).to.include({ state: 'TASK_FINISHED', exitCode: 0 })
      const failure = update('TASK_FAILED', {
        source: 'EXECUTOR',
        message: 'Exited with code 3',
        report: { exitCode: 3, failure: 'FAILURE_EXIT' },
      })
      const failed = changed(hear(over.task, over.attempt, failure))
      expect(failed.task).to.include({ state: 'FAILED', exitCode: 3 })
      expect(failed.attempt).to.include({ blame: 'task' })
      const still = hear(over.task, over.attempt, update('TASK_UNREACHABLE', { isReconciliation: true }))
      expect(still.kind).to.equal('ignore')
    })

    it('is not taken back by a task that was killed meanwhile', () => {
      const over = givenUp()
      const dead = changed(happen(over.task, over.attempt, { type: 'kill' }))
      const twin = hear(dead.task, over.attempt, update('TASK_RUNNING'))
      expect(twin).to.include({ kind: 'ignore', kill: true })
    })

    it('is not waited for where the operator declared it gone', () => {
      const seen = update('TASK_GONE_BY_OPERATOR', { reason: 'AGENT_REMOVED_BY_OPERATOR', source: 'MASTER' })
      const { task } = changed(hear(running(), attempt(inTask), seen))
      expect(task).to.include({ state: 'QUEUED' })
      expect(task.caveat).to.contain('the operator declared gone')
    })

    it('ends a task that was to be killed when it is given up', () => {
      const gone = changed(hear(running({ killRequestedAt: start }), attempt(inTask), away))
      const over = changed(happen(gone.task, gone.attempt, { type: 'settleTimeout' }))
      expect(over.task.state).to.equal('KILLED')
      expect(over.task.message).to.contain('is killed when it comes back')
    })
  })

  describe('a reconciliation that answers with an end', () => {
    const answer = update('TASK_FINISHED', {
      isReconciliation: true,
      reason: 'RECONCILIATION',
      source: 'MASTER',
    })

    it('waits for the update with the details, which is on its way (S58, S70)', () => {
      const told = changed(hear(running(), attempt(inTask), answer))
      expect(told.task.state).to.equal('RUNNING')
      const real = update('TASK_FINISHED', { source: 'EXECUTOR', report: { exitCode: 0, resultJson: '1' } })
      expect(changed(hear(told.task, told.attempt, real)).task).to.include({
        state: 'FINISHED',
        result: 1,
        exitCode: 0,
      })
    })

    it('is believed in the end', () => {
      const told = changed(hear(running(), attempt(inTask), answer))
      expect(changed(happen(told.task, told.attempt, { type: 'settleTimeout' })).task.state).to.equal(
        'FINISHED',
      )
      const failed = changed(hear(running(), attempt(inTask), { ...answer, state: 'TASK_FAILED' }))
      const over = changed(happen(failed.task, failed.attempt, { type: 'settleTimeout' }))
      expect(over.task).to.include({
        state: 'FAILED',
        message: 'TASK_FAILED (RECONCILIATION), without details',
      })
    })
  })

  describe('an executor that died', () => {
    const died = update('TASK_FAILED', { reason: 'EXECUTOR_TERMINATED', source: 'AGENT', nextGeneration: 4 })

    it('holds the task back while its container may run (invariant 7)', () => {
      const { task } = changed(hear(running(), attempt(inTask), died))
      expect(task.state).to.equal('QUEUED')
      const until = later(60_000, now)
      expect(task.hold).to.deep.equal({ agentId: 'agent-1', executorId: 'executor-1', generation: 4, until })
      expect(happen(task, attempt({ finishedAt: now }), { type: 'launch', intent: intent(2) }).kind).to.equal(
        'reject',
      )
      const free = changed(happen(task, attempt({ finishedAt: now }), { type: 'released' }))
      expect(free.task).to.not.have.property('hold')
      expect(free.hints).to.include('pending')
    })

    it('holds nothing back where its containers are known to be gone, or none was ever started', () => {
      const cases: MesosUpdate[] = [
        { ...died, containersGone: true },
        { ...died, reason: 'EXECUTOR_REGISTRATION_TIMEOUT' },
        { ...died, reason: 'CONTAINER_LAUNCH_FAILED' },
        update('TASK_GONE', { reason: 'RECONCILIATION', source: 'MASTER', isReconciliation: true }),
        update('TASK_DROPPED', { reason: 'AGENT_RESTARTED', source: 'AGENT' }),
      ]
      for (const seen of cases) {
        const { task } = changed(hear(running(), attempt(inTask), seen))
        expect(task, seen.reason).to.include({ state: 'QUEUED' })
        expect(task, seen.reason).to.not.have.property('hold')
      }
    })

    it('holds back what ran when an agent gave up on its executor', () => {
      const late = update('TASK_GONE', { reason: 'EXECUTOR_REREGISTRATION_TIMEOUT', source: 'AGENT' })
      expect(changed(hear(running(), attempt(inTask), late)).task).to.have.property('hold')
      const dropped = update('TASK_DROPPED', { reason: 'EXECUTOR_TERMINATED', source: 'AGENT' })
      expect(changed(hear(running(), attempt(inTask), dropped)).task).to.have.property('hold')
      expect(changed(hear(running({ state: 'LAUNCHING' }), attempt(), dropped)).task).to.not.have.property(
        'hold',
      )
    })
  })

  it('never leaves a terminal state, and asks to kill what is alive there (S51, S54, S61)', () => {
    const task = running({ state: 'FINISHED', finishedAt: start })
    const seen = update('TASK_RUNNING')
    expect(hear(task, attempt({ finishedAt: start }), seen)).to.deep.equal({
      kind: 'ignore',
      why: 'FINISHED is final',
      kill: true,
    })
    for (const type of ['kill', 'queueTimeout', 'overrun', 'settleTimeout', 'released'] as const) {
      expect(happen(task, undefined, { type }).kind).to.equal('ignore')
    }
  })

  it('writes a callback for the states that the client named, with the task as it is then', () => {
    const callback = { url: 'https://example.com/hook', on: ['RUNNING', 'FAILED'] as const }
    const task = running({ state: 'LAUNCHING', spec: policy({ callback }) })
    const started = changed(hear(task, attempt(), update('TASK_RUNNING')))
    expect(started.outbox).to.have.length(1)
    expect(started.outbox[0]?.task).to.include({ state: 'RUNNING' })
    expect(started.outbox[0]?.task).to.not.have.property('spec')
    expect(changed(hear(started.task, started.attempt, update('TASK_FINISHED'))).outbox).to.deep.equal([])
  })
})
