// One attempt, with real folders and made-up tasks.
import { expect } from 'chai'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TaskPayload } from '../proto/payload.ts'
import { BlockPool } from './log-buffer.ts'
import { Attempt, ContainersUnavailable, type AttemptTools, type TaskEvent } from './attempt.ts'
import { systemClock } from './clock.ts'
import { UserError } from './command/users.ts'
import { defaultFetchLimits } from './fetch.ts'
import { defaultSettings } from './settings.ts'
import type { ContainerLabels, RunningTask, TaskContext, TaskEnd, TaskStart } from './types.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const self = { name: 'self', uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, groups: [] }
const good: TaskEnd = { exitCode: 0, oom: false, finishedAtMs: 2 }

/** A task that does what the test says. */
class MadeUpTask implements RunningTask {
  readonly #start = Promise.withResolvers<TaskStart>()
  readonly #end = Promise.withResolvers<TaskEnd>()
  readonly started = this.#start.promise
  readonly ended = this.#end.promise
  readonly kills: number[] = []
  disposed = 0
  readonly context: TaskContext

  constructor(context: TaskContext) {
    this.context = context
  }
  start(): void {
    this.#start.resolve({ startedAtMs: 1 })
  }
  end(end: TaskEnd = good): void {
    this.#end.resolve(end)
  }
  kill(graceMs: number): void {
    this.kills.push(graceMs)
  }
  dispose(): Promise<void> {
    this.disposed++
    return Promise.resolve()
  }
}

describe('attempt', () => {
  let dir: string
  let ended: string[]
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'juice-attempt-'))
    ended = []
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  interface Run {
    readonly attempt: Attempt
    readonly task: Promise<MadeUpTask>
    readonly finished: Promise<TaskEvent & { readonly type: 'taskFinished' }>
    readonly events: TaskEvent[]
  }
  const types = (run: Run): string => run.events.map(({ type }) => type.slice(4)).join(' ')

  function begin(payload: Partial<TaskPayload>, tools: Partial<AttemptTools> = {}): Run {
    const task = Promise.withResolvers<MadeUpTask>()
    const finished = Promise.withResolvers<TaskEvent & { readonly type: 'taskFinished' }>()
    const events: TaskEvent[] = []
    const make = (context: TaskContext): MadeUpTask => {
      const made = new MadeUpTask(context)
      task.resolve(made)
      return made
    }
    const attempt = new Attempt(
      't-1',
      { taskId: 5, attempt: 2, service: 'svc', command: 'true', ...payload },
      {
        blocks: new BlockPool(),
        tasksDir: join(dir, 'tasks'),
        hostname: 'host',
        settings: { ...defaultSettings, commandUser: 'default-user' },
        clock: systemClock,
        logger: silent,
        fetchLimits: defaultFetchLimits,
        diskCheckMs: 1,
        env: process.env,
        labels: (id): ContainerLabels => ({ 'juice.mesos-task': id }) as ContainerLabels,
        user: () => Promise.resolve(self),
        startCommand: make,
        startContainer: context => Promise.resolve(make(context)),
        lendLogs: () => ({ size: { fileBytes: 1024 * 1024, filesKept: 1 }, giveBack: () => undefined }),
        watchShared: () => () => undefined,
        folderEnded: async path => void ended.push(path),
        ...tools,
      },
      event => {
        events.push(event)
        if (event.type === 'taskFinished') finished.resolve(event)
      },
    )
    return { attempt, task: task.promise, finished: finished.promise, events }
  }

  it('tells start, exit and findings in this order, and leaves the folder closed', async () => {
    const run = begin({})
    const task = await run.task
    expect((await stat(join(dir, 'tasks/t-1'))).mode & 0o777).to.equal(0o711)
    task.start()
    await writeFile(join(task.context.sandboxDir, 'result.json'), '{}')
    await task.context.logs.stdout(Buffer.from('out'))
    task.end()
    const { findings, end } = await run.finished
    expect(types(run)).to.equal('Started Exited Finished')
    expect(end).to.deep.equal(good)
    expect(findings).to.include({ resultJson: '{}' })
    expect(Buffer.from(findings.stdoutTail!).toString()).to.equal('out')
    expect(task.disposed).to.equal(1)
    expect((await stat(join(dir, 'tasks/t-1'))).mode & 0o777).to.equal(0o700)
    expect(await readFile(join(dir, 'tasks/t-1/stdout'), 'utf8')).to.equal('out')
    expect(ended).to.deep.equal([join(dir, 'tasks/t-1')])
  })

  it('gives a command and a container each the path of the sandbox as they see it', async () => {
    const command = await begin({}).task
    expect(command.context.env['MESOS_SANDBOX']).to.equal(join(dir, 'tasks/t-1/sandbox'))
    command.end()
    await rm(join(dir, 'tasks'), { recursive: true })
    const container = await begin({ image: 'x' }).task
    expect(container.context.env['MESOS_SANDBOX']).to.equal('/mnt/mesos/sandbox')
    expect(container.context.labels['juice.mesos-task']).to.equal('t-1')
    container.end()
  })

  it('runs as the payload’s user, else as that of the settings', async () => {
    const asked: string[] = []
    const user = (name: string): Promise<never> => {
      asked.push(name)
      return Promise.reject(new UserError(`user ${name} is unknown`))
    }
    const run = begin({}, { user })
    await begin({ commandUser: 'other' }, { user }).finished
    expect(asked).to.deep.equal(['default-user', 'other'])
    const { end } = await run.finished
    expect(end).to.include({
      failure: 'FAILURE_START',
      message: "The task can't be started: user default-user is unknown",
    })
    expect(types(run)).to.equal('Exited Finished')
  })

  it('deals out ports: first to mappings without one, then as PORT0, PORT1', async () => {
    const docker = {
      portMappings: [{ containerPort: 80 }, { containerPort: 81, hostPort: 8081 }, { containerPort: 82 }],
    }
    const task = await begin({ image: 'x', docker, ports: [31000, 31001, 31002] }).task
    expect(task.context.ports).to.deep.equal({ mapped: [31000, 8081, 31001], free: [31002] })
    expect(task.context.env).to.include({ PORT0: '31002' }).and.not.have.property('PORT1')
    task.end()
  })

  it('killed while it fetches never starts', async () => {
    const asked = Promise.withResolvers<void>()
    const server = createServer(() => asked.resolve())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const run = begin({ uris: [{ value: `http://127.0.0.1:${port}/x` }] })
    await asked.promise
    run.attempt.kill(1000)
    const { end } = await run.finished
    expect(end).to.not.have.any.keys('failure', 'exitCode', 'startedAtMs')
    expect(types(run)).to.equal('Exited Finished')
    server.closeAllConnections()
    server.close()
  })

  it('killed while a container is asked for hands the kill on', async () => {
    const engine = Promise.withResolvers<void>()
    let task: MadeUpTask | undefined
    const asked = Promise.withResolvers<void>()
    const run = begin(
      { image: 'x' },
      {
        startContainer: async context => {
          asked.resolve()
          await engine.promise
          return (task = new MadeUpTask(context))
        },
      },
    )
    await asked.promise
    run.attempt.kill(1000)
    engine.resolve()
    while (!task?.kills.length) await new Promise(resolve => setImmediate(resolve))
    expect(task.kills).to.deep.equal([0])
    task.end({ oom: false, finishedAtMs: 1 })
    await run.finished
    expect(task.disposed).to.equal(1)
  })

  it('hands each kill on with its grace', async () => {
    const run = begin({})
    const task = await run.task
    run.attempt.kill(500)
    run.attempt.kill(100)
    expect(task.kills).to.deep.equal([500, 100])
    task.end()
    await run.finished
  })

  it('says whose fault it is where nothing could start', async () => {
    const startContainer = (): Promise<never> => Promise.reject(new ContainersUnavailable('no engine'))
    const engine = await begin({ image: 'x' }, { startContainer }).finished
    expect(engine.end).to.include({ failure: 'FAILURE_ENGINE', message: 'no engine' })
    await rm(join(dir, 'tasks'), { recursive: true })
    const uri = await begin({ uris: [{ value: 'ftp://x/y' }] }).finished
    expect(uri.end).to.include({ failure: 'FAILURE_URI' })
    const again = await begin({}).finished
    expect(again.end.failure, 'its folder is there already').to.equal('FAILURE_EXECUTOR')
    expect(again.end.message).to.match(/EEXIST/)
  })

  it('ends a task over its disk, also a container, and says so', async () => {
    const run = begin({ image: 'x', diskMb: 1 })
    const task = await run.task
    await mkdir(join(task.context.sandboxDir, 'd'))
    await writeFile(join(task.context.sandboxDir, 'd/big'), Buffer.alloc(2_000_000, 1))
    while (task.kills.length === 0) await new Promise(resolve => setTimeout(resolve, 1))
    task.end({ signal: 9, oom: false, finishedAtMs: 1 })
    const { end } = await run.finished
    expect(end).to.include({ signal: 9, failure: 'FAILURE_DISK' })
    expect(end.message).to.match(/^Out of disk: its folder has \d MB or more, its limit is 1 MB$/)
  })

  it('tells an end even where nothing can be found out about it', async () => {
    const run = begin({})
    const task = await run.task
    await rm(join(dir, 'tasks'), { recursive: true })
    task.dispose = () => Promise.reject(new Error('busy'))
    task.end()
    const { end } = await run.finished
    expect(end).to.deep.equal(good)
    await chmod(dir, 0o700)
  })
})
