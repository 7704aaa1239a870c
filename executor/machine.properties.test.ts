// What holds for every sequence of events, orderly or not. A model agent takes and acknowledges what it likes.
import { expect } from 'chai'
import fc from 'fast-check'
import type { TaskStatus } from 'mesos-http-client'
import { unacknowledged, type Action, type Event } from './machine.ts'
import { Harness, hex, taskInfo, terminalStates } from './machine/harness.ts'
import type { TaskEnd } from './types.ts'

const ids = ['a', 'b', 'c']
const order = ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'terminal']
const rank = ({ state }: TaskStatus): number =>
  order.indexOf(terminalStates.includes(state) ? 'terminal' : state)

/** One thing that happens; the harness decides what it means at that moment. */
type Happening =
  | { readonly what: 'event'; readonly event: Event }
  | { readonly what: 'pass'; readonly ms: number }
  | { readonly what: 'acknowledge'; readonly pick: number }
  | { readonly what: 'answer'; readonly pick: number; readonly how: 'taken' | 'failed' | 'refused' }
  | { readonly what: 'resubscribe' }

const id = fc.constantFrom(...ids)
const pick = fc.nat(10)
const end: fc.Arbitrary<TaskEnd> = fc.constantFrom<TaskEnd>(
  { exitCode: 0, oom: false, finishedAtMs: 1 },
  { exitCode: 1, oom: false, finishedAtMs: 1 },
  { signal: 9, oom: true, finishedAtMs: 1 },
  { oom: false, finishedAtMs: 1 },
  { oom: false, finishedAtMs: 1, failure: 'FAILURE_ENGINE', message: 'x' },
)
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: id.map((taskId): Event => ({
      type: 'launch',
      task: taskInfo(taskId, { maxRuntimeMs: 30_000 }),
    })),
  },
  {
    weight: 1,
    arbitrary: id.map((taskId): Event => ({ type: 'launch', task: taskInfo(taskId, { command: '' }) })),
  },
  { weight: 1, arbitrary: id.map((taskId): Event => ({ type: 'launchGroup', tasks: [taskInfo(taskId)] })) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(id, fc.nat(20_000))
      .map(([taskId, graceMs]): Event => ({ type: 'kill', taskId, graceMs })),
  },
  {
    weight: 6,
    arbitrary: id.map((taskId): Event => ({ type: 'taskStarted', taskId, start: { startedAtMs: 1 } })),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(id, end).map(([taskId, e]): Event => ({ type: 'taskExited', taskId, end: e })),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(id, end)
      .map(([taskId, e]): Event => ({ type: 'taskFinished', taskId, end: e, findings: {} })),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Event>(
      { type: 'swept' },
      { type: 'disconnected' },
      { type: 'subscribing' },
      { type: 'tick' },
    ),
  },
)
const ending = fc.constantFrom<Event>({ type: 'shutdown' }, { type: 'lost' })
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 12, arbitrary: event.map((e): Happening => ({ what: 'event', event: e })) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(1, 500, 9000, 31_000, 90_000).map((ms): Happening => ({ what: 'pass', ms })),
  },
  { weight: 5, arbitrary: pick.map((n): Happening => ({ what: 'acknowledge', pick: n })) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(pick, fc.constantFrom('taken' as const, 'failed' as const, 'refused' as const))
      .map(([n, how]): Happening => ({ what: 'answer', pick: n, how })),
  },
  { weight: 2, arbitrary: fc.constant<Happening>({ what: 'resubscribe' }) },
)
const happenings = fc.array(happening, { maxLength: 80 })

function live(harness: Harness, what: Happening): void {
  const pending = harness.pending()
  const chosen = 'pick' in what ? pending[what.pick % Math.max(1, pending.length)] : undefined
  switch (what.what) {
    case 'event':
      harness.take(what.event)
      return
    case 'pass':
      harness.pass(what.ms)
      return
    case 'resubscribe':
      harness.take({ type: 'disconnected' })
      harness.subscribe()
      return
    case 'acknowledge':
      if (chosen) harness.acknowledge(chosen)
      return
    case 'answer': {
      if (!chosen) return
      const about = { taskId: chosen.task_id.value, uuid: hex(chosen) }
      if (what.how === 'taken') harness.take({ type: 'updateTaken', ...about })
      else harness.take({ type: 'updateFailed', retryable: what.how === 'failed', ...about })
    }
  }
}

function checkOrder(harness: Harness): void {
  for (const taskId of ids) {
    const ranks = harness.updatesOf(taskId).map(rank)
    expect(ranks, `order of ${harness.statesOf(taskId).join(' ')}`).to.deep.equal(
      [...new Set(ranks)].sort((a, b) => a - b),
    )
  }
}

/** First sendings of one task's updates, in the order in which they were made. */
function checkSends(actions: readonly Action[], harness: Harness): void {
  for (const taskId of ids) {
    const sent = [
      ...new Set(actions.flatMap(a => (a.type === 'send' && a.taskId === taskId ? [a.uuid] : []))),
    ]
    const made = harness.updatesOf(taskId).map(hex)
    const positions = sent.map(uuid => made.indexOf(uuid))
    expect(positions).to.deep.equal([...positions].sort((a, b) => a - b))
  }
}

describe('state machine of the executor, for every sequence of events', () => {
  it('keeps the order STARTING < RUNNING < KILLING < terminal, each at most once, and sends in that order (E16, E18, E21)', () => {
    fc.assert(
      fc.property(happenings, fc.boolean(), (all, killingState) => {
        const harness = new Harness()
        harness.subscribe(killingState)
        for (const what of all) {
          live(harness, what)
          checkOrder(harness)
        }
        checkSends(harness.actions, harness)
      }),
    )
  })

  it('lists every unacknowledged update at a resubscribe, with the uuid and content that it had', () => {
    fc.assert(
      fc.property(happenings, all => {
        const harness = new Harness()
        harness.subscribe()
        for (const what of all) {
          live(harness, what)
          const listed = unacknowledged(harness.state).updates.map(({ status }) => status)
          const owed = harness.made.filter(status => !harness.acknowledged.has(hex(status)))
          expect(listed.map(hex).sort()).to.deep.equal(owed.map(hex).sort())
          expect(listed.every(status => harness.made.includes(status))).to.equal(true)
        }
      }),
    )
  })

  it('tells exactly one end of each task that it was given, once the tasks end', () => {
    fc.assert(
      fc.property(happenings, fc.option(ending), (all, last) => {
        const harness = new Harness()
        harness.subscribe()
        const given = new Set<string>()
        for (const what of all) {
          const idle = harness.state.phase.name === 'stopped'
          if (what.what === 'event' && what.event.type === 'launch' && !idle)
            given.add(what.event.task.task_id.value)
          live(harness, what)
        }
        if (harness.state.phase.name === 'stopped') return
        harness.take({ type: 'swept' })
        if (last) harness.take(last)
        for (const taskId of ids)
          harness.take({
            type: 'taskFinished',
            taskId,
            end: { exitCode: 0, oom: false, finishedAtMs: 1 },
            findings: {},
          })
        for (const taskId of given) {
          const ends = harness.updatesOf(taskId).filter(status => terminalStates.includes(status.state))
          expect(ends, `ends of ${taskId}: ${harness.statesOf(taskId).join(' ')}`).to.have.length(1)
        }
      }),
    )
  })

  it('starts each task at most once, kills only what it started, and exits once', () => {
    fc.assert(
      fc.property(happenings, ending, fc.nat(80), (all, last, at) => {
        const harness = new Harness()
        harness.subscribe()
        all.slice(0, at).forEach(what => live(harness, what))
        harness.take(last)
        all.slice(at).forEach(what => live(harness, what))
        const starts = harness.actions.flatMap(a => (a.type === 'start' ? [a.task.task_id.value] : []))
        expect(starts).to.have.length(new Set(starts).size)
        for (const action of harness.actions)
          if (action.type === 'kill') expect(starts).to.include(action.taskId)
        expect(harness.actions.filter(({ type }) => type === 'exit').length).to.be.at.most(1)
      }),
    )
  })

  it('always leaves in time after SHUTDOWN, and with code 0 only where every task ended', () => {
    fc.assert(
      fc.property(happenings, all => {
        const harness = new Harness()
        harness.subscribe()
        all.forEach(what => live(harness, what))
        harness.take({ type: 'shutdown' })
        harness.pass(58_000)
        expect(harness.state.phase.name).to.equal('stopped')
        const alive = [...harness.state.tasks.values()].filter(task => task.phase.name !== 'ended')
        const exit = harness.actions.find(action => action.type === 'exit')
        if (exit?.code === 0) expect(alive).to.deep.equal([])
      }),
    )
  })

  it('never tells KILLING to a framework that does not know it (E17)', () => {
    fc.assert(
      fc.property(happenings, all => {
        const harness = Harness.ready(false)
        for (const what of all) if (what.what !== 'resubscribe') live(harness, what)
        expect(harness.made.map(({ state }) => state)).to.not.include('TASK_KILLING')
      }),
    )
  })
})
