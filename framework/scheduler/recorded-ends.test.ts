// What becomes of a task whose agent leaves, is drained, marked gone or out of sight: a real master's updates (traces 12, 20,
// 23, 25) through the use cases into a real store, step by step.
import { expect } from 'chai'
import type { TaskStatus } from 'mesos-http-client'
import { applyTimers, requestKill, type TaskView } from '../usecases/index.ts'
import { World } from '../usecases/test-support.ts'
import { statusUpdate } from './status.ts'
import { recordedEvents } from './testing/recorded.ts'

/** After this state, with this reason: what the task must look like. */
type Step = readonly [
  state: string,
  reason: string | undefined,
  expected: Partial<TaskView>,
  message?: RegExp,
]

interface Case {
  readonly title: string
  readonly trace: string
  readonly subscription?: number
  readonly task: string
  readonly steps: readonly Step[]
  /** After all of it and the wait for an agent that is out of sight. */
  readonly waited: Partial<TaskView>
  readonly killed?: boolean
}

const running = { state: 'RUNNING', attempt: 1 } as const
const again = { state: 'QUEUED', attempt: 1, failures: 0 } as const
const starts: readonly Step[] = [
  ['TASK_STARTING', undefined, { state: 'LAUNCHING' }],
  ['TASK_RUNNING', undefined, running],
]

const cases: readonly Case[] = [
  {
    title:
      'a machine that was taken down (trace 20): LOST may come back, so it waits (S56, S57), but not for ever',
    trace: '20-maintenance.json',
    task: 'mt-1',
    steps: [
      ...starts,
      ['TASK_LOST', 'AGENT_REMOVED', running, /^TASK_LOST \(AGENT_REMOVED\): Agent agent1\.example removed/],
      ['TASK_UNKNOWN', 'RECONCILIATION', running],
    ],
    waited: { ...again, faults: { TASK_UNKNOWN: 1 } },
  },
  {
    title: 'an agent that unregistered (trace 25): the same',
    trace: '25-agent-leaves-and-drain.json',
    task: 'left-1',
    steps: [
      ...starts,
      ['TASK_LOST', 'AGENT_REMOVED', running, /the agent unregistered/],
      ['TASK_UNKNOWN', 'RECONCILIATION', running],
    ],
    waited: { ...again, faults: { TASK_UNKNOWN: 1 } },
  },
  {
    title: 'an agent that is drained (trace 25): what it killed runs again at once, free of charge',
    trace: '25-agent-leaves-and-drain.json',
    task: 'dr-2',
    steps: [
      ...starts,
      ['TASK_KILLING', 'AGENT_DRAINING', running],
      ['TASK_KILLED', 'AGENT_DRAINING', { ...again, faults: { AGENT_DRAINING: 1 } }, /not counted/],
    ],
    waited: again,
  },
  {
    title: 'a drained agent whose executor is asked for later (trace 25): GONE changes nothing any more',
    trace: '25-agent-leaves-and-drain.json',
    task: 'dr-1',
    steps: [
      ...starts,
      ['TASK_KILLED', 'AGENT_DRAINING', again],
      ['TASK_GONE', 'RECONCILIATION', { ...again, faults: { AGENT_DRAINING: 1 } }],
    ],
    waited: again,
  },
  {
    title:
      'a task that was to be killed on a drained agent (trace 25): it is KILLED and does not run again (S74)',
    trace: '25-agent-leaves-and-drain.json',
    task: 'dr-1',
    killed: true,
    steps: [
      ...starts,
      ['TASK_KILLED', 'AGENT_DRAINING', { state: 'KILLED' }],
      ['TASK_GONE', 'RECONCILIATION', { state: 'KILLED' }],
    ],
    waited: { state: 'KILLED' },
  },
  {
    title:
      'an agent that is unreachable, comes back, twice, and is marked gone (trace 12): then it runs again at once',
    trace: '12-agent-lost-and-back.json',
    task: 'u-2',
    steps: [
      ...starts,
      ['TASK_RUNNING', 'RECONCILIATION', running],
      ['TASK_UNREACHABLE', 'AGENT_REMOVED', running, /TASK_UNREACHABLE/],
      ['TASK_RUNNING', 'AGENT_REREGISTERED', running],
      ['TASK_UNREACHABLE', 'AGENT_REMOVED', running],
      ['TASK_RUNNING', 'AGENT_REREGISTERED', running],
      [
        'TASK_GONE_BY_OPERATOR',
        'AGENT_REMOVED_BY_OPERATOR',
        { ...again, faults: { AGENT_REMOVED_BY_OPERATOR: 1 } },
        /Agent has been marked gone/,
      ],
    ],
    waited: again,
  },
  {
    title: 'an offer that was taken back (trace 23, S39): nothing ran, free of charge',
    trace: '23-agent-away-calls.json',
    task: 'resc-1',
    steps: [['TASK_DROPPED', 'INVALID_OFFERS', { ...again, faults: { INVALID_OFFERS: 1 } }]],
    waited: again,
  },
  {
    title: 'an executor that died (trace 23): Mesos’ fault, and the container may still run',
    trace: '23-agent-away-calls.json',
    subscription: 2,
    task: 'l-2',
    steps: [
      ['TASK_RUNNING', undefined, running],
      [
        'TASK_FAILED',
        'EXECUTOR_TERMINATED',
        { ...again, faults: { EXECUTOR_TERMINATED: 1 } },
        /waits until .* since its container may still run/,
      ],
    ],
    waited: again,
  },
]

function statusesOf({ trace, subscription, task }: Case): TaskStatus[] {
  return recordedEvents(trace, subscription).flatMap(({ update }) =>
    update?.status.task_id.value === task ? [update.status] : [],
  )
}

describe('recorded ends', function () {
  this.timeout(20_000)
  let world: World

  before(async () => {
    world = await World.open()
  })
  after(() => world.close())

  for (const one of cases) {
    it(one.title, async () => {
      const { id } = await world.submit()
      const mesosTaskId = await world.launch(id)
      const statuses = statusesOf(one)
      expect(statuses.map(({ state, reason }) => [state, reason?.replace('REASON_', '')])).to.deep.equal(
        one.steps.map(([state, reason]) => [state, reason]),
      )
      for (const [at, [state, , expected, message]] of one.steps.entries()) {
        const recorded = statuses[at]
        if (!recorded) throw new Error('fewer updates than steps')
        if (one.killed && at === 2) await requestKill(world.deps, { tenant: 'default', id })
        const { source } = recorded
        await world.hear(mesosTaskId, state, {
          ...statusUpdate(recorded, false),
          mesosTaskId,
          ...(source === undefined ? {} : { source }),
        })
        const view = await world.get(id)
        expect(view, `after ${state}`).to.deep.include(expected)
        if (message) expect(view.message).to.match(message)
      }
      world.pass(61)
      await applyTimers(world.deps, world.lease)
      expect(await world.get(id)).to.deep.include(one.waited)
      if (one.waited.state !== 'QUEUED') return
      // It runs elsewhere; whatever the first attempt does now is killed (S51).
      const second = await world.launch(id, { attempt: 2, agentId: 'agent-2', hostname: 'host2' })
      await world.hear(second, 'TASK_RUNNING')
      expect(await world.hear(mesosTaskId, 'TASK_RUNNING')).to.include({ effect: 'ignored', kill: true })
      expect(await world.get(id)).to.include({ state: 'RUNNING', attempt: 2 })
    })
  }
})
