// Any sequence of events keeps a task safe; and whatever goes wrong from there on, it comes to an end.
import { expect } from 'chai'
import fc from 'fast-check'
import type { Effect, EventType, TaskEvent } from './effects.ts'
import { intent, later, policy, queued, start, update, waits } from './test-support.ts'
import { type Attempt, isTerminal, launchableAt, type TaskCore } from './task.ts'
import { nextTimer } from './timers.ts'
import { transition } from './transitions.ts'
import { type MesosUpdate, updateKind } from './update.ts'

const states = [
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_DROPPED',
  'TASK_GONE',
  'TASK_LOST',
  'TASK_UNREACHABLE',
  'TASK_UNKNOWN',
  'TASK_GONE_BY_OPERATOR',
  'TASK_OF_TOMORROW',
]
const reasons = [
  undefined,
  'INVALID_OFFERS',
  'AGENT_REMOVED',
  'AGENT_DRAINING',
  'EXECUTOR_TERMINATED',
  'EXECUTOR_REREGISTRATION_TIMEOUT',
  'CONTAINER_LAUNCH_FAILED',
  'CONTAINER_LIMITATION_MEMORY',
  'RECONCILIATION',
  'TASK_INVALID',
  'TASK_UNAUTHORIZED',
  'SOMETHING_NEW',
  'constructor',
]
const failures = [
  undefined,
  'FAILURE_EXIT',
  'FAILURE_ENGINE',
  'FAILURE_EXECUTOR',
  'FAILURE_IMAGE',
  'FAILURE_UNKNOWN',
]

const updates: fc.Arbitrary<MesosUpdate> = fc
  .record({
    state: fc.constantFrom(...states),
    reason: fc.constantFrom(...reasons),
    source: fc.constantFrom('MASTER' as const, 'AGENT' as const, 'EXECUTOR' as const, undefined),
    failure: fc.constantFrom(...failures),
    healthy: fc.constantFrom(true, false, undefined),
    isReconciliation: fc.boolean(),
    containersGone: fc.boolean(),
    aloneInExecutor: fc.boolean(),
    nextGeneration: fc.nat(3),
  })
  .map(({ reason, source, failure, healthy, state, ...rest }) =>
    update(state, {
      ...rest,
      ...(reason === undefined ? {} : { reason }),
      ...(source === undefined ? {} : { source }),
      ...(healthy === undefined ? {} : { healthy }),
      ...(failure === undefined ? {} : { report: { failure } }),
    }),
  )

type Step =
  | { readonly name: 'update'; readonly seen: MesosUpdate; readonly back: number }
  | { readonly name: 'launch' | 'withdraw' | 'kill' | 'timer' | 'wait' | 'released' | 'forsaken' }
  | { readonly name: 'force'; readonly type: 'queueTimeout' | 'overrun' | 'settleTimeout' }

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ name: fc.constant('update' as const), seen: updates, back: fc.nat(2) }),
  },
  { weight: 5, arbitrary: fc.constantFrom<Step>({ name: 'launch' }, { name: 'wait' }, { name: 'timer' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Step>(
      { name: 'withdraw' },
      { name: 'kill' },
      { name: 'released' },
      { name: 'forsaken' },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      name: fc.constant('force' as const),
      type: fc.constantFrom('queueTimeout' as const, 'overrun' as const, 'settleTimeout' as const),
    }),
  },
)

const policies = fc
  .record({
    max: fc.nat(3),
    maxQueueSeconds: fc.option(fc.integer({ min: 1, max: 1_000 }), { nil: undefined }),
    maxRuntimeSeconds: fc.option(fc.integer({ min: 1, max: 1_000 }), { nil: undefined }),
  })
  .map(({ max, maxQueueSeconds, maxRuntimeSeconds }) =>
    policy({
      retry: { max, backoffSeconds: 1, backoffFactor: 2, maxBackoffSeconds: 30 },
      callback: {
        url: 'https://example.com',
        on: ['RUNNING', 'FINISHED', 'FAILED', 'KILLED', 'EXPIRED', 'ERROR'],
      },
      ...(maxQueueSeconds === undefined ? {} : { maxQueueSeconds }),
      ...(maxRuntimeSeconds === undefined ? {} : { maxRuntimeSeconds }),
    }),
  )

/** A task, its attempts and a clock, to which steps happen; each step is checked. */
class World {
  task: TaskCore
  readonly attempts: Attempt[] = []
  now = start

  constructor(spec: TaskCore['spec']) {
    this.task = queued({ spec })
  }

  get current(): Attempt | undefined {
    return this.attempts.find(({ number }) => number === this.task.attempt)
  }

  step(step: Step): void {
    this.now = later(1_000, this.now)
    switch (step.name) {
      case 'update':
        this.hear(step.seen, this.attempts.at(-1 - step.back))
        break
      case 'launch':
        this.happen(this.current, { type: 'launch', intent: intent(this.task.attempt + 1) })
        break
      case 'withdraw':
        this.happen(this.current, { type: 'withdraw', message: 'not sent' })
        break
      case 'kill':
      case 'released':
        this.happen(this.current, { type: step.name })
        break
      case 'forsaken':
        this.happen(this.current, { type: 'forsaken', why: 'moved' })
        break
      case 'force':
        this.happen(this.current, { type: step.type })
        break
      case 'wait':
        this.now = later(30_000, this.now)
        break
      case 'timer': {
        const timer = nextTimer(this.task, this.current, waits)
        if (timer && timer.at <= this.now) this.happen(this.current, { type: timer.event })
      }
    }
  }

  hear(seen: MesosUpdate, attempt: Attempt | undefined): void {
    this.happen(attempt, { type: updateKind(seen), update: seen })
  }

  happen<E extends EventType>(attempt: Attempt | undefined, event: TaskEvent<E>): void {
    const before = this.task
    const effect = transition(before, attempt, event, this.now, waits)
    if (effect.kind === 'update') {
      this.task = effect.task
      if (effect.attempt) {
        const index = this.attempts.findIndex(({ number }) => number === effect.attempt?.number)
        if (index < 0) this.attempts.push(effect.attempt)
        else this.attempts[index] = effect.attempt
      }
    }
    this.check(before, attempt, effect)
  }

  check(before: TaskCore, attempt: Attempt | undefined, effect: Effect): void {
    const { task } = this
    // Terminal is final (invariant 4).
    if (isTerminal(before.state)) expect(effect.kind).to.not.equal('update')
    // At most one attempt is under way, the newest, exactly while the task is at Mesos (invariant 3).
    const open = this.attempts.filter(({ finishedAt }) => finishedAt === undefined)
    const atMesos = task.state === 'LAUNCHING' || task.state === 'RUNNING'
    expect(open.map(({ number }) => number)).to.deep.equal(atMesos ? [task.attempt] : [])
    expect(this.attempts.map(({ number }) => number)).to.deep.equal(
      this.attempts.map((_, index) => index + 1),
    )
    // What an attempt does that is not current changes nothing.
    if (attempt && attempt.number !== before.attempt) expect(effect.kind).to.not.equal('update')
    // A kill beats every retry (S74).
    if (before.killRequestedAt)
      expect(task.state).to.not.be.oneOf(['QUEUED', 'BLOCKED', 'FAILED', 'ERROR', 'EXPIRED'])
    // The log and the callbacks have each change of state once (invariant 5).
    if (effect.kind === 'update') {
      const logged = effect.events.filter(({ type }) => type === 'state').map(({ state }) => state)
      expect(logged).to.deep.equal(task.state === before.state ? [] : [task.state])
      const told = logged.filter(state => state !== 'QUEUED' && state !== 'LAUNCHING')
      expect(effect.outbox.map(({ task }) => task.state)).to.deep.equal(told)
    }
    expect(task.failures).to.be.at.most(task.spec.retry.max + 1)
    expect(task.waitedMs).to.be.at.least(before.waitedMs)
    expect(Object.values(task.faults).every(count => Number.isInteger(count))).to.equal(true)
    expect(task.finishedAt !== undefined).to.equal(isTerminal(task.state))
    expect(task.queuedAt !== undefined).to.equal(task.state === 'QUEUED')
  }

  /** Time goes on until whatever runs for this task has rung, or there is nothing to wait for. */
  passTime(): boolean {
    const timer = nextTimer(this.task, this.current, waits)
    if (!timer) return false
    this.now = timer.at > this.now ? timer.at : this.now
    this.happen(this.current, { type: timer.event })
    return true
  }
}

describe('transitions of a task, under any events', function () {
  this.timeout(20_000)
  it('are safe', () => {
    fc.assert(
      fc.property(policies, fc.array(steps, { maxLength: 60 }), (spec, sequence) => {
        const world = new World(spec)
        for (const step of sequence) world.step(step)
      }),
      { numRuns: 300 },
    )
  })

  it('come to an end, even where each attempt fails in the way that fits worst', () => {
    const bad = updates.filter(({ state, isReconciliation }) => {
      const lives = ['alive', 'running', 'unknown'].includes(updateKind({ state }))
      return !lives && !isReconciliation
    })
    fc.assert(
      fc.property(
        policies,
        fc.array(steps, { maxLength: 20 }),
        fc.array(bad, { minLength: 1, maxLength: 8 }),
        (spec, sequence, ends) => {
          const world = new World(spec)
          for (const step of sequence) world.step(step)
          for (let tries = 0; !isTerminal(world.task.state); tries++) {
            expect(tries, 'attempts').to.be.below(400)
            if (world.task.state === 'QUEUED') {
              const at = launchableAt(world.task)
              if (at && at > world.now) world.now = at
              world.happen(world.current, { type: 'launch', intent: intent(world.task.attempt + 1) })
              expect(world.task.state).to.equal('LAUNCHING')
            }
            const end = ends[tries % ends.length]
            if (end) world.hear(end, world.current)
            // Out of sight, or told of by a reconciliation: a timer decides.
            if (world.current?.unsettledSince) expect(world.passTime()).to.equal(true)
          }
        },
      ),
      { numRuns: 150 },
    )
  })

  it('wait no longer than maxQueueSeconds, all waiting together', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 600 }),
        fc.array(fc.nat(200), { maxLength: 6 }),
        (maxQueueSeconds, waitsS) => {
          const world = new World(policy({ maxQueueSeconds }))
          for (const seconds of waitsS) {
            const timer = nextTimer(world.task, undefined, waits)
            expect(timer?.event).to.equal('queueTimeout')
            world.now = later(seconds * 1000, world.now)
            if (timer && timer.at <= world.now) break
            world.happen(undefined, { type: 'launch', intent: intent(world.task.attempt + 1) })
            if (world.task.state === 'QUEUED') continue
            world.now = later(3_600_000, world.now)
            world.hear(update('TASK_DROPPED', { reason: 'INVALID_OFFERS' }), world.current)
          }
          if (isTerminal(world.task.state)) return
          const timer = nextTimer(world.task, undefined, waits)
          const waitedAtTimer =
            (timer?.at.getTime() ?? 0) - (world.task.queuedAt?.getTime() ?? 0) + world.task.waitedMs
          expect(waitedAtTimer).to.equal(maxQueueSeconds * 1000)
        },
      ),
      { numRuns: 100 },
    )
  })
})
