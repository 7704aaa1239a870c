// What the state machine does as time passes: limits, deliveries, the executor's own end.
import { expect } from 'chai'
import { nextWakeMs, unacknowledged, type Action, type Event } from '../machine.ts'
import type { TaskEnd } from '../types.ts'
import { Harness, hex } from './harness.ts'

const exited = (exitCode: number): TaskEnd => ({ exitCode, oom: false, finishedAtMs: 9000 })
const started = (taskId: string): Event => ({ type: 'taskStarted', taskId, start: { startedAtMs: 5000 } })
const finished = (taskId: string, end: TaskEnd = exited(0)): Event => ({
  type: 'taskFinished',
  taskId,
  end,
  findings: {},
})
const kinds = (actions: readonly Action[]): string[] => actions.map(({ type }) => type)
const sends = (actions: readonly Action[]): string[] =>
  actions.flatMap(action => (action.type === 'send' ? [action.update.status.state] : []))

describe('state machine of the executor, in time', () => {
  describe('time', () => {
    it('ends a task that runs longer than it may, counted from its start (E29)', () => {
      const harness = Harness.ready()
      harness.launch('t', { maxRuntimeMs: 5000, killGraceMs: 100 })
      harness.pass(60_000)
      harness.take(started('t'))
      expect(nextWakeMs(harness.state)).to.be.at.most(harness.nowMs + 5000)
      expect(kinds(harness.pass(4999))).to.not.include('kill')
      expect(harness.pass(1)).to.deep.include({ type: 'kill', taskId: 't', graceMs: 100 })
      harness.take(finished('t', exited(143)))
      expect(harness.statesOf('t')).to.deep.equal(['STARTING', 'RUNNING', 'FAILED'])
      const { message, reason, outcome } = harness.last('t')
      expect(message).to.equal('Ran longer than the 5 s that it may (exit code 143)')
      expect(reason).to.equal('REASON_MAX_COMPLETION_TIME_REACHED')
      expect(outcome.failure).to.equal('FAILURE_MAX_RUNTIME')
    })

    it('counts Mesos’ max_completion_time from LAUNCH, also while the image is pulled', () => {
      const harness = Harness.ready()
      harness.launch('t', {}, { max_completion_time: { nanoseconds: 2_000_000_000 } })
      expect(kinds(harness.pass(2000))).to.include('kill')
      harness.take(finished('t', { oom: false, finishedAtMs: 1 }))
      expect(harness.last('t').reason).to.equal('REASON_MAX_COMPLETION_TIME_REACHED')
    })

    it('is not waited for without end between exit and findings', () => {
      const harness = Harness.ready()
      harness.launch('t')
      harness.take(started('t'))
      harness.take({ type: 'taskExited', taskId: 't', end: exited(0) })
      harness.pass(60_000)
      expect(harness.statesOf('t')).to.deep.equal(['STARTING', 'RUNNING', 'FINISHED'])
    })

    it('without work ends the executor, once all is acknowledged (E40)', () => {
      const harness = Harness.ready()
      expect(nextWakeMs(harness.state)).to.equal(harness.nowMs + 600_000)
      harness.pass(599_999)
      harness.launch('t')
      harness.take(finished('t'))
      expect(harness.pass(600_000)).to.not.deep.include({ type: 'exit', code: 0 })
      harness.deliverAll()
      expect(harness.pass(599_999)).to.deep.equal([])
      expect(harness.pass(1)).to.deep.equal([{ type: 'exit', code: 0 }])
      expect(nextWakeMs(harness.state)).to.equal(Infinity)
      expect(harness.launch('late')).to.deep.equal([])
    })
  })

  describe('updates', () => {
    it('of one task leave one after another, those of others meanwhile (E21)', () => {
      const harness = Harness.ready()
      expect(sends(harness.launch('a'))).to.deep.equal(['TASK_STARTING'])
      expect(sends(harness.take(started('a')))).to.deep.equal([])
      expect(sends(harness.launch('b'))).to.deep.equal(['TASK_STARTING'])
      const [starting, running] = harness.updatesOf('a')
      const taken = harness.take({ type: 'updateTaken', taskId: 'a', uuid: hex(starting!) })
      expect(sends(taken)).to.deep.equal(['TASK_RUNNING'])
      harness.take(finished('a'))
      expect(sends(harness.acknowledge(running!))).to.deep.equal(['TASK_FINISHED'])
    })

    it('are tried again after a failed call, and sent again where no acknowledgement comes, with an end', () => {
      const harness = Harness.ready()
      harness.launch('t')
      const uuid = hex(harness.made[0]!)
      harness.take({ type: 'updateFailed', taskId: 't', uuid, retryable: true })
      expect(sends(harness.pass(499))).to.deep.equal([])
      expect(sends(harness.pass(1))).to.deep.equal(['TASK_STARTING'])
      let resends = 0
      for (let round = 0; round < 100; round++) {
        harness.take({ type: 'updateTaken', taskId: 't', uuid })
        resends += sends(harness.pass(80_000)).length
      }
      expect(resends).to.equal(8)
      expect(harness.pending()).to.have.length(1)
    })

    it('that the agent refuses for good do not keep the executor for ever', () => {
      const harness = Harness.ready()
      harness.take({ type: 'kill', taskId: 'unknown' })
      const uuid = hex(harness.made[0]!)
      let tries = 0
      for (let round = 0; round < 100; round++) {
        harness.take({ type: 'updateFailed', taskId: 'unknown', uuid, retryable: false })
        tries += sends(harness.pass(500)).length
      }
      expect(tries).to.be.within(1, 10)
      expect(harness.state.phase.name).to.equal('idle')
    })

    it('are listed at a resubscribe with the same uuid, beside the tasks that nothing is acknowledged of (E9, E19)', () => {
      const harness = Harness.ready()
      harness.launch('a')
      harness.launch('b')
      harness.take(started('b'))
      const [starting, running] = harness.updatesOf('b')
      harness.acknowledge(starting!)
      harness.take({ type: 'disconnected' })
      harness.launch('c')
      const list = unacknowledged(harness.state)
      expect(list.tasks.map(task => task.task_id.value)).to.deep.equal(['a', 'c'])
      expect(list.updates.map(({ status }) => hex(status))).to.deep.equal([
        hex(harness.updatesOf('a')[0]!),
        hex(running!),
        hex(harness.updatesOf('c')[0]!),
      ])
      harness.take({ type: 'subscribing' })
      expect(sends(harness.take(started('c'))), 'made after the list was').to.deep.equal([])
      const actions = harness.take({ type: 'subscribed', killingState: true, idleTimeoutMs: 1 })
      expect(sends(actions)).to.deep.equal(['TASK_RUNNING'])
    })

    it('wait while the agent is away', () => {
      const harness = Harness.ready()
      harness.take({ type: 'disconnected' })
      harness.launch('t')
      harness.take(started('t'))
      expect(sends(harness.pass(1_000_000))).to.deep.equal([])
      expect(harness.statesOf('t')).to.deep.equal(['STARTING', 'RUNNING'])
    })
  })

  describe('the end', () => {
    it('cuts each grace to fit, kills all at once, and waits for the acknowledgements (E37-E39)', () => {
      const harness = Harness.ready()
      harness.launch('long', { killGraceMs: 300_000 })
      harness.launch('short', { killGraceMs: 1000 })
      harness.take({ type: 'kill', taskId: 'long' })
      const actions = harness.take({ type: 'shutdown' })
      expect(actions.filter(({ type }) => type === 'kill')).to.deep.equal([
        { type: 'kill', taskId: 'long', graceMs: 50_000 },
        { type: 'kill', taskId: 'short', graceMs: 1000 },
      ])
      harness.take(finished('long', exited(143)))
      harness.take(finished('short', exited(143)))
      expect(harness.actions).to.not.deep.include({ type: 'exit', code: 0 })
      harness.deliverAll()
      expect(harness.actions).to.deep.include({ type: 'exit', code: 0 })
    })

    it('waits no longer than it may (E38)', () => {
      // With every task ended only words are waited for (E37); else for the tasks, until just before the agent kills.
      for (const [end, afterMs, code] of [
        [true, 5000, 0],
        [false, 58_000, 1],
      ] as const) {
        const harness = Harness.ready()
        harness.launch('t')
        harness.take({ type: 'shutdown' })
        if (end) harness.take(finished('t', exited(143)))
        expect(harness.pass(afterMs - 1)).to.not.deep.include({ type: 'exit', code })
        expect(harness.pass(1)).to.deep.include({ type: 'exit', code })
      }
    })

    it('comes at once where nothing runs, also before the start sweep is over', () => {
      const harness = new Harness()
      expect(harness.take({ type: 'shutdown' })).to.deep.equal([{ type: 'exit', code: 0 }])
    })

    it('does not wait for a lost agent, only for the tasks (E32, E35)', () => {
      const harness = Harness.ready()
      harness.launch('t')
      const actions = harness.take({ type: 'lost' })
      expect(kinds(actions)).to.include('kill').and.not.include('exit')
      expect(kinds(harness.take(finished('t', exited(143))))).to.deep.equal(['exit'])
    })

    it('lets nothing start any more', () => {
      const harness = Harness.ready()
      harness.launch('a')
      harness.take({ type: 'shutdown' })
      expect(kinds(harness.launch('b'))).to.not.include('start')
      expect(harness.last('b').message).to.equal('The executor is leaving')
    })
  })
})
