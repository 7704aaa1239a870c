// The runner between a made-up agent and made-up tasks.
import { expect } from 'chai'
import { MesosError, newUuid } from 'mesos-http-client'
import type { ExecutorCallBody, ExecutorEvent, TaskStatus } from 'mesos-http-client'
import type { TaskEvent } from './attempt.ts'
import { systemClock } from './clock.ts'
import { defaultConfig } from './machine.ts'
import { taskInfo } from './machine/harness.ts'
import { Runner, type AgentHandlers, type RunnerOptions } from './runner.ts'
import { defaultSettings } from './settings.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

const subscribed: ExecutorEvent = {
  type: 'SUBSCRIBED',
  subscribed: {
    executor_info: { executor_id: { value: 'ex' } },
    framework_info: { user: 'root', name: 'f', capabilities: [{ type: 'TASK_KILLING_STATE' }] },
    agent_info: { hostname: 'host' },
  },
}

/** Takes calls as the test says; acknowledges what it takes. */
class MadeUpAgent {
  handlers: AgentHandlers | undefined
  readonly calls: ExecutorCallBody[] = []
  readonly started = Promise.withResolvers<void>()
  isClosed = false
  answer: (status: TaskStatus) => Promise<void> = () => Promise.resolve()
  acknowledges = true

  connect = (handlers: AgentHandlers) => {
    this.handlers = handlers
    return {
      start: () => this.started.resolve(),
      call: async (call: ExecutorCallBody): Promise<void> => {
        this.calls.push(call)
        const status = call.update!.status
        await this.answer(status)
        if (this.acknowledges)
          setImmediate(() =>
            this.say({ type: 'ACKNOWLEDGED', acknowledged: { task_id: status.task_id, uuid: status.uuid! } }),
          )
      },
      close: (): Promise<void> => {
        this.isClosed = true
        return Promise.resolve()
      },
    }
  }
  say(event: ExecutorEvent): void {
    this.handlers?.onEvent(event)
  }
  get states(): string[] {
    return this.calls.map(call => call.update?.status.state.slice(5) ?? '')
  }
}

describe('runner', () => {
  let agent: MadeUpAgent
  let reports: Map<string, (event: TaskEvent) => void>
  let kills: [string, number][]

  beforeEach(() => {
    agent = new MadeUpAgent()
    reports = new Map()
    kills = []
  })

  function runner(o: Partial<RunnerOptions> = {}): Runner {
    return new Runner({
      config: {
        ...defaultConfig,
        executorId: 'ex',
        tasksDir: '/tasks',
        shutdownGraceMs: 5000,
        retryMs: 1,
        ...o.config,
      },
      idleTimeoutMs: 60_000,
      clock: systemClock,
      logger: silent,
      newUuid,
      connect: agent.connect,
      onSubscribed: () => defaultSettings,
      startSweep: () => Promise.resolve(),
      startTask: (task, _payload, report) => {
        const id = task.task_id.value
        reports.set(id, report)
        return { kill: graceMs => void kills.push([id, graceMs]) }
      },
      ...o,
    })
  }
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise(resolve => setImmediate(resolve))
  }
  const launch = (id: string): void => agent.say({ type: 'LAUNCH', launch: { task: taskInfo(id) } })
  const end = (taskId: string): void => {
    const facts = { exitCode: 0, oom: false, finishedAtMs: 1 }
    reports.get(taskId)!({ type: 'taskExited', taskId, end: facts })
    reports.get(taskId)!({ type: 'taskFinished', taskId, end: facts, findings: {} })
  }

  it('subscribes first, sweeps then, and starts tasks afterwards (E7)', async () => {
    const swept = Promise.withResolvers<void>()
    const order: string[] = []
    const running = runner({
      startSweep: () => {
        order.push('sweep')
        return swept.promise
      },
      onSubscribed: () => {
        order.push('subscribed')
        return defaultSettings
      },
    })
    const exit = running.run()
    await agent.started.promise
    expect(order).to.deep.equal([])
    agent.say(subscribed)
    agent.say(subscribed)
    launch('t')
    expect(order).to.deep.equal(['subscribed', 'sweep', 'subscribed'])
    expect(reports.size).to.equal(0)
    swept.resolve()
    await until(() => reports.size === 1)
    expect(agent.states).to.deep.equal(['STARTING'])
    running.shutdown()
    end('t')
    expect(await exit).to.equal(0)
  })

  it('works on where the sweep fails', async () => {
    const running = runner({ startSweep: () => Promise.reject(new Error('no engine')) })
    const exit = running.run()
    agent.say(subscribed)
    launch('t')
    await until(() => reports.size === 1)
    running.shutdown()
    end('t')
    expect(await exit).to.equal(0)
  })

  it('brings what happens to the agent, kills to the task, and closes at the end', async () => {
    const running = runner()
    const exit = running.run()
    agent.say(subscribed)
    launch('t')
    await until(() => reports.has('t'))
    reports.get('t')!({ type: 'taskStarted', taskId: 't', start: { startedAtMs: 1 } })
    const kill_policy = { grace_period: { nanoseconds: 7_000_000 } }
    agent.say({ type: 'KILL', kill: { task_id: { value: 't' }, kill_policy } })
    agent.say({ type: 'KILL', kill: { task_id: { value: 'unknown' } } })
    expect(kills).to.deep.equal([['t', 7]])
    end('t')
    await until(() => agent.states.length === 5)
    expect(agent.states.filter(state => state !== 'KILLED').concat('KILLED')).to.deep.equal([
      'STARTING',
      'RUNNING',
      'KILLING',
      'KILLED',
    ])
    agent.say({ type: 'SHUTDOWN' })
    expect(await exit).to.equal(0)
    expect(agent.isClosed).to.equal(true)
  })

  it('sends an update again whose call failed, with the same uuid', async () => {
    let failures = 3
    agent.answer = () =>
      failures-- > 0 ? Promise.reject(new MesosError('timeout', 'slow')) : Promise.resolve()
    const running = runner()
    const exit = running.run()
    agent.say(subscribed)
    launch('t')
    await until(() => agent.calls.length === 4)
    const uuids = new Set(agent.calls.map(call => Buffer.from(call.update!.status.uuid!).toString('hex')))
    expect(uuids.size).to.equal(1)
    end('t')
    running.shutdown()
    expect(await exit).to.equal(0)
  })

  it('lists at each SUBSCRIBE what is not acknowledged', async () => {
    agent.acknowledges = false
    const running = runner()
    const exit = running.run()
    expect(agent.handlers!.unacknowledged()).to.deep.equal({ tasks: [], updates: [] })
    agent.say(subscribed)
    launch('t')
    await until(() => agent.calls.length === 1)
    agent.handlers!.onPhase({ name: 'waiting', untilMs: 0, cause: new MesosError('timeout', 'gone') })
    reports.get('t')!({ type: 'taskStarted', taskId: 't', start: { startedAtMs: 1 } })
    const { tasks, updates } = agent.handlers!.unacknowledged()
    expect(tasks.map(task => task.task_id.value)).to.deep.equal(['t'])
    expect(updates.map(({ status }) => status.state)).to.deep.equal(['TASK_STARTING', 'TASK_RUNNING'])
    expect(agent.calls, 'nothing is sent meanwhile').to.have.length(1)
    agent.handlers!.onPhase({ name: 'lost', cause: new MesosError('timeout', 'for good') })
    end('t')
    expect(await exit, 'a lost agent acknowledges nothing').to.equal(0)
  })

  it('leaves when it was idle for long (E40)', async () => {
    const running = runner({ onSubscribed: () => ({ ...defaultSettings, idleTimeoutMs: 20 }) })
    const exit = running.run()
    agent.say(subscribed)
    // The runner's timers don't keep a process alive.
    const alive = setInterval(() => undefined, 1000)
    expect(await exit).to.equal(0)
    clearInterval(alive)
  })

  it('leaves at once when told so before it subscribed', async () => {
    const running = runner()
    const exit = running.run()
    running.shutdown()
    expect(await exit).to.equal(0)
  })
})
