// Following and reading a task's output, with the task, its agents and the time in the hand of each test.
import { expect } from 'chai'
import { MesosError } from 'mesos-http-client'
import type { Attempt, TaskState } from '../domain/task.ts'
import { exampleAttempt, exampleTask } from '../http/test-support.ts'
import type { LogTails, TaskView } from '../usecases/types.ts'
import { followTaskLog, type FollowOptions, type LogEvent } from './follow.ts'
import { LogError, readTaskLog, type LogQuery, type TaskLogDeps } from './task-log.ts'
import { FakeAgent } from './test-support.ts'

const unreachable = new MesosError('unreachable', 'GET http://agent: connect ECONNREFUSED')

/** A task, its agents and the time, driven by what shall happen at each pause. */
class World {
  task: TaskView | undefined
  storeError: Error | undefined
  tails: LogTails | undefined
  readonly agents = new Map<string, FakeAgent>()
  readonly pauses: number[] = []
  readonly #steps: (() => void)[] = []

  constructor(state: TaskState, attempts: readonly Attempt[] = []) {
    this.task = exampleTask({ state, attempts })
  }

  set(state: TaskState, ...attempts: readonly Attempt[]): void {
    this.task = exampleTask({ state, attempts })
  }

  agent(number = 1): FakeAgent {
    const url = `http://agent${number}:5051`
    const agent = this.agents.get(url) ?? new FakeAgent({ folder: `/sandbox/${number}` })
    this.agents.set(url, agent)
    return agent
  }

  /** What happens while it sleeps, one after the other; then the task is aborted, so that a test can't hang. */
  during(...steps: (() => void)[]): this {
    this.#steps.push(...steps)
    return this
  }

  get deps(): TaskLogDeps {
    return {
      getTask: async () => {
        if (this.storeError !== undefined) throw this.storeError
        return this.task
      },
      readLogTails: async () => this.tails,
      filesOf: url => this.agents.get(url) ?? new FakeAgent(),
      sleep: async ms => {
        this.pauses.push(ms)
        this.#steps.shift()?.()
      },
    }
  }

  async follow(query: Partial<LogQuery> = {}, options: Partial<FollowOptions> = {}): Promise<LogEvent[]> {
    const events: LogEvent[] = []
    const following = followTaskLog(
      this.deps,
      { tenant: 'default', id: 1, stream: 'stdout', ...query },
      { signal: new AbortController().signal, start: { position: 0 }, ...options },
    )
    for await (const event of following) events.push(event)
    return events
  }

  async read(
    query: Partial<LogQuery> = {},
    start: { position: number } | { tail: number } = { position: 0 },
  ) {
    const content = await readTaskLog(
      this.deps,
      { tenant: 'default', id: 1, stream: 'stdout', ...query },
      start,
    )
    const chunks: Uint8Array[] = []
    for await (const bytes of content.bytes) chunks.push(bytes)
    return { ...content, bytes: Buffer.concat(chunks).toString() }
  }
}

function attempt(number: number, ended: boolean, values: Partial<Attempt> = {}): Attempt {
  return exampleAttempt({
    number,
    agentUrl: `http://agent${number}:5051`,
    sandbox: `/sandbox/${number}`,
    ...(ended ? { finishedAt: new Date() } : {}),
    ...values,
  })
}

function withoutSandbox(number: number, ended: boolean): Attempt {
  const { sandbox: _, ...rest } = attempt(number, ended)
  return rest
}

function text(events: readonly LogEvent[]): string {
  return Buffer.concat(
    events.map(event => (event.type === 'bytes' ? event.bytes : new Uint8Array())),
  ).toString()
}

const last = (events: readonly LogEvent[]): LogEvent | undefined => events.at(-1)

describe('following a log', () => {
  it('gives all of an ended task, then the end, without a pause', async () => {
    const world = new World('FINISHED', [attempt(1, true)])
    world.agent().write('stdout', 'hello')
    expect(await world.follow()).to.deep.equal([
      { type: 'bytes', attempt: 1, position: 5, bytes: Buffer.from('hello') },
      { type: 'end' },
    ])
    expect(world.pauses).to.deep.equal([])
  })

  it('waits for the first attempt, its sandbox, its output and its end', async () => {
    const world = new World('QUEUED')
    const agent = world.agent()
    world.during(
      () => world.set('LAUNCHING', withoutSandbox(1, false)),
      () => world.set('RUNNING', attempt(1, false)),
      () => agent.write('stdout', 'one '),
      () => agent.write('stdout', 'two'),
      () => world.set('FINISHED', attempt(1, true)),
    )
    const events = await world.follow()
    expect(text(events)).to.equal('one two')
    expect(last(events)).to.deep.equal({ type: 'end' })
  })

  it('asks less often while nothing comes, and often again when something came', async () => {
    const world = new World('RUNNING', [attempt(1, false)])
    const agent = world.agent()
    agent.write('stdout', 'x')
    world.during(
      ...Array.from({ length: 8 }, () => () => undefined),
      () => agent.write('stdout', 'y'),
      () => undefined,
      () => world.set('FINISHED', attempt(1, true)),
    )
    await world.follow()
    expect(world.pauses.slice(0, 3)).to.deep.equal([200, 300, 450])
    expect(world.pauses[8]).to.equal(2000)
    expect(world.pauses[9]).to.equal(200)
  })

  it('says at times that it still waits, so that nobody cuts the connection', async () => {
    const world = new World('RUNNING', [attempt(1, false)])
    world.agent()
    world.during(...Array.from({ length: 20 }, () => () => undefined), () =>
      world.set('FINISHED', attempt(1, true)),
    )
    const events = await world.follow()
    expect(events.filter(event => event.type === 'waiting')).to.deep.include({
      type: 'waiting',
      why: 'task 1 is RUNNING',
    })
  })

  it('goes on with the next attempt', async () => {
    const world = new World('RUNNING', [attempt(1, false)])
    world.agent(1).write('stdout', 'first')
    world.during(
      () => world.set('QUEUED', attempt(1, true)),
      () => {
        world.agent(2).write('stdout', 'second')
        world.set('RUNNING', attempt(1, true), attempt(2, false))
      },
      () => world.set('FINISHED', attempt(1, true), attempt(2, true)),
    )
    const events = await world.follow()
    expect(
      events.filter(event => event.type === 'bytes').map(event => [event.attempt, event.position]),
    ).to.deep.equal([
      [1, 5],
      [2, 6],
    ])
    expect(last(events)).to.deep.equal({ type: 'end' })
  })

  it('passes over attempts that never ran', async () => {
    const world = new World('RUNNING', [withoutSandbox(1, false)])
    world.agent(2).write('stdout', 'second')
    world.during(() => world.set('FINISHED', withoutSandbox(1, true), attempt(2, true)))
    expect(text(await world.follow())).to.equal('second')
  })

  it('stays with the attempt that was asked for', async () => {
    const world = new World('RUNNING', [attempt(1, true), attempt(2, false)])
    world.agent(1).write('stdout', 'first')
    world.agent(2).write('stdout', 'second')
    const events = await world.follow({ attempt: 1 })
    expect(text(events)).to.equal('first')
    expect(last(events)).to.deep.equal({ type: 'end' })
  })

  it('resumes in the attempt and at the byte where it was, then goes on', async () => {
    const world = new World('FINISHED', [attempt(1, true), attempt(2, true)])
    world.agent(1).write('stdout', 'first')
    world.agent(2).write('stdout', 'second')
    expect(text(await world.follow({}, { fromAttempt: 1, start: { position: 3 } }))).to.equal('stsecond')
  })

  it('ends at once where nothing ran', async () => {
    expect(await new World('EXPIRED').follow()).to.deep.equal([{ type: 'end' }])
    expect(await new World('ERROR', [withoutSandbox(1, true)]).follow()).to.deep.equal([{ type: 'end' }])
  })

  it('outlasts a restart of the agent', async () => {
    const world = new World('RUNNING', [attempt(1, false)])
    const agent = world.agent()
    agent.write('stdout', 'a')
    world.during(
      () => (agent.failure = unreachable),
      () => undefined,
      () => undefined,
      () => (agent.failure = undefined),
      () => agent.write('stdout', 'b'),
      () => world.set('FINISHED', attempt(1, true)),
    )
    const events = await world.follow()
    expect(text(events)).to.equal('ab')
    expect(events.some(event => event.type === 'waiting' && /could not be asked/.test(event.why))).to.equal(
      true,
    )
  })

  it('outlasts a database that is away', async () => {
    const world = new World('RUNNING', [attempt(1, false)])
    world.agent().write('stdout', 'a')
    world.during(
      () => (world.storeError = new Error('ECONNREFUSED')),
      () => undefined,
      () => {
        world.storeError = undefined
        world.set('FINISHED', attempt(1, true))
      },
    )
    const events = await world.follow()
    expect(text(events)).to.equal('a')
    expect(last(events)).to.deep.equal({ type: 'end' })
    expect(events.some(event => event.type === 'waiting' && /record/.test(event.why))).to.equal(true)
  })

  it('gives up soon on an agent that is gone after the end, with what the record keeps', async () => {
    const world = new World('FAILED', [attempt(1, true)])
    world.agent().failure = unreachable
    world.tails = { attempt: 1, stdout: Buffer.from('last words') }
    const events = await world.follow()
    expect(text(events)).to.equal('last words')
    expect(last(events)).to.include({ type: 'failed' })
    expect(world.pauses).to.have.lengthOf(5)
  })

  it('gives up at once where the folder was deleted', async () => {
    const world = new World('FINISHED', [attempt(1, true)])
    world.agent().deleteAll()
    const events = await world.follow()
    expect(events).to.have.lengthOf(1)
    expect(events[0])
      .to.include({ type: 'failed' })
      .and.have.property('why')
      .that.matches(/has deleted the folder/)
  })

  it('stops asking when its reader has gone', async () => {
    const world = new World('RUNNING', [attempt(1, false)])
    const reader = new AbortController()
    const agent = world.agent()
    world.during(
      () => undefined,
      () => reader.abort(),
    )
    await world.follow({}, { signal: reader.signal })
    const calls = agent.calls
    expect(calls).to.be.lessThan(6)
    expect(world.pauses).to.have.lengthOf(2)
  })

  it('rejects where there is no such task or attempt', async () => {
    const world = new World('RUNNING', [attempt(1, false)])
    expect(await world.follow({ attempt: 2 }).catch((error: unknown) => error)).to.include({
      code: 'attempt_not_found',
    })
    world.task = undefined
    expect(await world.follow().catch((error: unknown) => error)).to.include({ code: 'task_not_found' })
  })
})

describe('reading a log', () => {
  it('gives what is there now, of a running task too', async () => {
    const world = new World('RUNNING', [attempt(1, false)])
    world.agent().write('stdout', 'hello')
    expect(await world.read()).to.include({ attempt: 1, source: 'agent', bytes: 'hello' })
    expect(await world.read({}, { tail: 2 })).to.include({ bytes: 'lo' })
    expect(await world.read({}, { position: 1 })).to.include({ bytes: 'ello' })
    expect(await world.read({ stream: 'stderr' })).to.include({ bytes: '' })
  })

  it('ends although the task writes faster than it reads', async () => {
    const world = new World('RUNNING', [attempt(1, false)])
    const agent = new FakeAgent({ folder: '/sandbox/1', fileBytes: 1_000_000, kept: 50 })
    world.agents.set('http://agent1:5051', agent)
    agent.write('stdout', 'x'.repeat(700_000))
    agent.beforeRead = () => agent.write('stdout', 'y'.repeat(400_000))
    const { bytes } = await world.read()
    expect(bytes.length).to.be.within(700_000, 1_500_000)
    expect(bytes.startsWith('x'.repeat(700_000))).to.equal(true)
  })

  const failures: [string, () => World, string][] = [
    ['nothing ran yet', () => new World('QUEUED'), 'output_not_yet'],
    ['it is being launched', () => new World('LAUNCHING', [withoutSandbox(1, false)]), 'output_not_yet'],
    ['nothing ever ran', () => new World('EXPIRED'), 'no_output'],
    ['an attempt failed before it ran', () => new World('QUEUED', [withoutSandbox(1, true)]), 'no_output'],
    ['the agent is away', () => failing(unreachable), 'agent_failed'],
    ['the agent is slow', () => failing(new MesosError('timeout', 'no answer')), 'agent_timeout'],
    ['the agent wants credentials', () => failing(new MesosError('unauthenticated', '401')), 'agent_failed'],
    ['the folder is gone', () => failing(new MesosError('not_found', '404')), 'output_gone'],
  ]
  for (const [title, world, code] of failures) {
    it(`says ${code} where ${title}`, async () => {
      const error = await world()
        .read()
        .catch((thrown: unknown) => thrown)
      expect(error).to.be.instanceOf(LogError)
      expect(error).to.include({ code })
    })
  }

  it('tells which variable names the CA', async () => {
    const error = await failing(new MesosError('unreachable', 'put its PEM into `ca`'))
      .read()
      .catch((thrown: unknown) => thrown)
    expect(error)
      .to.be.instanceOf(LogError)
      .with.property('message')
      .that.contains('into JUICE_MESOS_CA_FILE')
  })

  it('tells which variables name the credentials', async () => {
    const error = await failing(new MesosError('forbidden', '403'))
      .read()
      .catch((thrown: unknown) => thrown)
    expect(error)
      .to.have.property('message')
      .that.matches(/JUICE_MESOS_AGENT_PRINCIPAL/)
  })

  it('falls back to the last bytes in the record after the end, but not before', async () => {
    const tails = { attempt: 1, stdout: Buffer.from('last words') }
    const ended = failing(unreachable, 'FAILED', true)
    ended.tails = tails
    expect(await ended.read()).to.include({ source: 'record', bytes: 'last words' })
    const running = failing(unreachable)
    running.tails = tails
    expect(await running.read().catch((thrown: unknown) => thrown)).to.include({ code: 'agent_failed' })
  })
})

function failing(error: MesosError, state: TaskState = 'RUNNING', ended = false): World {
  const world = new World(state, [attempt(1, ended)])
  world.agent().failure = error
  return world
}
