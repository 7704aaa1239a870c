import { expect } from 'chai'
import type { Action, Event } from './machine.ts'
import { Harness, taskInfo } from './machine/harness.ts'
import type { TaskEnd } from './types.ts'

const exited = (exitCode: number): TaskEnd => ({ exitCode, oom: false, finishedAtMs: 9000 })
const start = { startedAtMs: 5000 }
const started = (taskId: string): Event => ({ type: 'taskStarted', taskId, start })
const finished = (taskId: string, end: TaskEnd = exited(0)): Event => ({
  type: 'taskFinished',
  taskId,
  end,
  findings: {},
})
const kinds = (actions: readonly Action[]): string[] => actions.map(({ type }) => type)
/** What each way to the end tells: the events after LAUNCH, then the states and the outcome. */
const ways: {
  readonly name: string
  readonly events: readonly Event[]
  readonly states: string
  readonly message: RegExp
  readonly outcome?: object
  readonly reason?: string
}[] = [
  {
    name: 'exit code 0',
    events: [started('t'), { type: 'taskExited', taskId: 't', end: exited(0) }, finished('t')],
    states: 'STARTING RUNNING FINISHED',
    message: /^Exited with code 0$/,
    outcome: { exitCode: 0, startedAtMs: 5000, finishedAtMs: 9000 },
  },
  {
    name: 'exit code 3',
    events: [started('t'), finished('t', exited(3))],
    states: 'STARTING RUNNING FAILED',
    message: /^Exited with code 3$/,
    outcome: { exitCode: 3, failure: 'FAILURE_EXIT' },
  },
  {
    name: 'a signal',
    events: [started('t'), finished('t', { signal: 9, oom: false, finishedAtMs: 1 })],
    states: 'STARTING RUNNING FAILED',
    message: /^Killed by signal 9 \(SIGKILL\)$/,
    outcome: { signal: 9, failure: 'FAILURE_EXIT' },
  },
  {
    name: 'memory that ran out',
    events: [started('t'), finished('t', { exitCode: 137, oom: true, finishedAtMs: 1 })],
    states: 'STARTING RUNNING FAILED',
    message: /^Out of memory: the limit is 64 MB$/,
    outcome: { exitCode: 137, oom: true, failure: 'FAILURE_OOM' },
  },
  {
    name: 'an image that can not be had',
    events: [
      finished('t', { oom: false, finishedAtMs: 1, failure: 'FAILURE_IMAGE', message: 'no such image' }),
    ],
    states: 'STARTING FAILED',
    message: /^no such image$/,
    outcome: { failure: 'FAILURE_IMAGE' },
  },
  {
    name: 'an end in no known way',
    events: [started('t'), finished('t', { oom: false, finishedAtMs: 1 })],
    states: 'STARTING RUNNING FAILED',
    message: /^Ended in an unknown way$/,
    outcome: { failure: 'FAILURE_UNKNOWN' },
  },
  {
    name: 'a kill while it prepares',
    events: [{ type: 'kill', taskId: 't' }, finished('t', { oom: false, finishedAtMs: 1 })],
    states: 'STARTING KILLING KILLED',
    message: /^Killed on request$/,
  },
  {
    name: 'a kill that its start overtakes',
    events: [{ type: 'kill', taskId: 't' }, started('t'), finished('t', exited(143))],
    states: 'STARTING KILLING KILLED',
    message: /^Killed on request \(exit code 143\)$/,
    outcome: { exitCode: 143, startedAtMs: 5000 },
  },
  {
    name: 'a kill while it runs, answered by exit code 0',
    events: [started('t'), { type: 'kill', taskId: 't' }, finished('t')],
    states: 'STARTING RUNNING KILLING KILLED',
    message: /^Killed on request \(exit code 0\)$/,
  },
  {
    name: 'a kill after its end, before that is told',
    events: [
      started('t'),
      { type: 'taskExited', taskId: 't', end: exited(0) },
      { type: 'kill', taskId: 't' },
      finished('t'),
    ],
    states: 'STARTING RUNNING FINISHED',
    message: /^Exited with code 0$/,
  },
  {
    name: 'an engine that fails while it is killed: nobody claims that it is gone',
    events: [
      started('t'),
      { type: 'kill', taskId: 't' },
      finished('t', { oom: false, finishedAtMs: 1, failure: 'FAILURE_ENGINE', message: 'no answer' }),
    ],
    states: 'STARTING RUNNING KILLING FAILED',
    message: /^no answer$/,
    outcome: { failure: 'FAILURE_ENGINE' },
  },
  {
    name: 'SHUTDOWN',
    events: [started('t'), { type: 'shutdown' }, finished('t', { signal: 15, oom: false, finishedAtMs: 1 })],
    states: 'STARTING RUNNING KILLING KILLED',
    message: /^Killed because Mesos told the executor to end \(by signal 15 \(SIGTERM\)\)$/,
  },
]

describe('state machine of the executor', () => {
  describe('a task that ends by', () => {
    for (const way of ways)
      it(way.name, () => {
        const harness = Harness.ready()
        harness.launch('t', { memMb: 64 })
        for (const event of way.events) harness.take(event)
        expect(harness.statesOf('t').join(' ')).to.equal(way.states)
        const { outcome, message, reason } = harness.last('t')
        expect(message).to.match(way.message)
        expect(outcome).to.include({ sandbox: '/mesos/tasks/t', ...way.outcome })
        expect(reason).to.equal(undefined)
        if (!way.outcome) expect(outcome).to.not.have.property('failure')
        harness.take(finished('t', exited(1)))
        harness.take({ type: 'kill', taskId: 't' })
        expect(harness.statesOf('t').join(' '), 'nothing follows').to.equal(way.states)
      })
  })

  it('tells people exit code, signal and OOM in labels (E24)', () => {
    const harness = Harness.ready()
    harness.launch('t')
    harness.take(finished('t', { exitCode: 137, oom: true, finishedAtMs: 1 }))
    expect(harness.last('t').labels?.labels).to.deep.equal([
      { key: 'exit_code', value: '137' },
      { key: 'oom', value: 'true' },
    ])
  })

  it('hands on the result and the last output', () => {
    const harness = Harness.ready()
    harness.launch('t')
    const findings = {
      resultJson: '1',
      resultError: 'e',
      stdoutTail: Buffer.from('out'),
      stderrTail: Buffer.alloc(0),
    }
    harness.take({ type: 'taskFinished', taskId: 't', end: exited(0), findings })
    const { outcome } = harness.last('t')
    expect(outcome).to.include({ resultJson: '1', resultError: 'e' })
    expect(Buffer.from(outcome.stdoutTail!).toString()).to.equal('out')
  })

  describe('launch', () => {
    it('waits, unannounced, for the start sweep, and can be killed while it waits', () => {
      const harness = new Harness()
      harness.subscribe()
      expect(harness.launch('a')).to.deep.equal([])
      harness.launch('b')
      expect(harness.made).to.deep.equal([])
      harness.take({ type: 'kill', taskId: 'b' })
      expect(harness.statesOf('b')).to.deep.equal(['KILLED'])
      expect(kinds(harness.take({ type: 'swept' }))).to.deep.equal(['start', 'send'])
      expect(harness.statesOf('a')).to.deep.equal(['STARTING'])
      expect(harness.statesOf('b')).to.deep.equal(['KILLED'])
    })

    it('of a known id starts nothing, also after its end (E25)', () => {
      const harness = Harness.ready()
      expect(kinds(harness.launch('t'))).to.include('start')
      expect(harness.launch('t')).to.deep.equal([])
      harness.take(finished('t'))
      harness.deliverAll()
      expect(harness.state.tasks.size).to.equal(0)
      expect(harness.launch('t')).to.deep.equal([])
      expect(harness.statesOf('t')).to.deep.equal(['STARTING', 'FINISHED'])
    })

    it('of a group starts none of it and tells each (E26)', () => {
      const harness = Harness.ready()
      const actions = harness.take({ type: 'launchGroup', tasks: [taskInfo('a'), taskInfo('b')] })
      expect(kinds(actions)).to.deep.equal(['send', 'send'])
      expect(harness.statesOf('a')).to.deep.equal(['FAILED'])
      expect(harness.last('b').message).to.equal('This executor runs no task groups')
    })

    it('of what it can not understand fails with a sentence', () => {
      const cases: [string, Parameters<typeof taskInfo>, RegExp][] = [
        ['garbage', ['t', {}, { data: Buffer.from([0xff, 0xff, 0xff]) }], /payload can't be read/],
        ['nothing', ['t', {}, { data: new Uint8Array() }], /carries no payload/],
        ['no work', ['t', { command: '' }], /neither an image nor a command/],
        ['a wild name', ['../t'], /no plain name/],
      ]
      for (const [name, args, message] of cases) {
        const harness = Harness.ready()
        harness.take({ type: 'launch', task: taskInfo(...args) })
        expect(harness.statesOf(args[0]), name).to.deep.equal(['FAILED'])
        expect(harness.last(args[0]).message, name).to.match(message)
        expect(harness.last(args[0]).outcome.failure, name).to.equal('FAILURE_EXECUTOR')
      }
    })
  })

  describe('kill', () => {
    const graces = (actions: readonly Action[]): number[] =>
      actions.flatMap(action => (action.type === 'kill' ? [action.graceMs] : []))

    it('takes its grace from KILL, else the task, else the default (E27)', () => {
      const kill_policy = { grace_period: { nanoseconds: 3_000_000_000 } }
      const cases: [number, Parameters<Harness['launch']>, number | undefined][] = [
        [1000, ['t', { killGraceMs: 2000 }, { kill_policy }], 1000],
        [3000, ['t', { killGraceMs: 2000 }, { kill_policy }], undefined],
        [2000, ['t', { killGraceMs: 2000 }], undefined],
        [10_000, ['t'], undefined],
        [0, ['t', { killGraceMs: 2000 }], 0],
      ]
      for (const [expected, args, graceMs] of cases) {
        const harness = Harness.ready()
        harness.launch(...args)
        const actions = harness.take({
          type: 'kill',
          taskId: 't',
          ...(graceMs === undefined ? {} : { graceMs }),
        })
        expect(graces(actions)).to.deep.equal([expected])
      }
    })

    it('comes again with a shorter grace, which wins; a longer one changes nothing', () => {
      const harness = Harness.ready()
      harness.launch('t')
      expect(graces(harness.take({ type: 'kill', taskId: 't', graceMs: 10_000 }))).to.deep.equal([10_000])
      expect(graces(harness.take({ type: 'kill', taskId: 't', graceMs: 20_000 }))).to.deep.equal([])
      harness.nowMs += 4000
      expect(graces(harness.take({ type: 'kill', taskId: 't', graceMs: 7000 }))).to.deep.equal([])
      expect(graces(harness.take({ type: 'kill', taskId: 't', graceMs: 5000 }))).to.deep.equal([5000])
      expect(harness.statesOf('t')).to.deep.equal(['STARTING', 'KILLING'])
    })

    it('tells KILLING only to a framework that knows it (E17)', () => {
      const harness = Harness.ready(false)
      harness.launch('t')
      harness.take({ type: 'kill', taskId: 't' })
      harness.take(finished('t'))
      expect(harness.statesOf('t')).to.deep.equal(['STARTING', 'KILLED'])
    })

    it('of a task that was never launched here tells its end once (E28)', () => {
      const harness = Harness.ready()
      for (let times = 0; times < 3; times++) harness.take({ type: 'kill', taskId: 'lost' })
      harness.deliverAll()
      harness.take({ type: 'kill', taskId: 'lost' })
      expect(harness.statesOf('lost')).to.deep.equal(['KILLED'])
      expect(harness.launch('lost')).to.deep.equal([])
    })

    it('that a task outlives is told as a failure, and the executor leaves as unclean', () => {
      const harness = Harness.ready()
      harness.launch('t', { image: 'x' })
      harness.take(started('t'))
      harness.take({ type: 'kill', taskId: 't', graceMs: 1000 })
      harness.pass(60_999)
      expect(harness.statesOf('t')).to.deep.equal(['STARTING', 'RUNNING', 'KILLING'])
      harness.pass(1)
      expect(harness.statesOf('t')).to.deep.equal(['STARTING', 'RUNNING', 'KILLING', 'FAILED'])
      expect(harness.last('t').outcome.failure).to.equal('FAILURE_ENGINE')
      harness.deliverAll()
      expect(harness.take({ type: 'shutdown' })).to.deep.equal([{ type: 'exit', code: 1 }])
    })
  })

  it('does not wait out its grace after SHUTDOWN for an agent that acknowledges nothing (E37)', () => {
    const harness = Harness.ready()
    harness.launch('t')
    harness.take(started('t'))
    harness.take({ type: 'shutdown' })
    harness.pass(6000)
    expect(harness.state.phase.name).to.equal('stopping')
    harness.take(finished('t', { signal: 15, oom: false, finishedAtMs: 1 }))
    const isExit = ({ type }: { type: string }): boolean => type === 'exit'
    expect(harness.pass(4999).filter(isExit)).to.deep.equal([])
    expect(harness.pass(1).filter(isExit)).to.deep.equal([{ type: 'exit', code: 0 }])
  })
})
