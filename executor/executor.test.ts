// The executor as an agent runs it: the parent script, a real process, a local Mesos. Command tasks only; containers have
// tests of their own.
import { expect } from 'chai'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalMesos } from 'local-mesos'
import type { CommandInfo, TaskInfo, TaskStatus } from 'mesos-http-client'
import { scalar, taskInfo, TestScheduler } from '../packages/local-mesos/testing/test-scheduler.ts'
import {
  executorSettings,
  taskOutcome,
  taskPayload,
  type TaskOutcome,
  type TaskPayload,
} from '../proto/payload.ts'
import { pause, systemClock } from './clock.ts'
import { listProcesses, readVariables } from './command/proc.ts'

const isRoot = process.getuid?.() === 0
const source = (name: string): string => join(import.meta.dirname, name)
/** What the two archives would bring: node, the bundle, the script. */
const command: CommandInfo = {
  shell: true,
  value: [
    `ln -s '${process.execPath}' node`,
    `echo 'import "${source('main.ts')}"' > executor.mjs`,
    `exec sh '${source('juice-executor')}'`,
  ].join(' && '),
}

describe('executor on a local Mesos', function () {
  this.timeout(60_000)
  let dir: string
  let mesos: LocalMesos
  let scheduler: TestScheduler
  let executors = 0
  const settings = executorSettings.encode({
    commandUser: isRoot ? '65534:65534' : String(process.getuid?.()),
    dockerHost: 'unix:///nowhere/docker.sock',
    idleTimeoutMs: 60_000,
  })

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'juice-executor-'))
    mesos = await LocalMesos.start({ agents: 1, workDir: join(dir, 'mesos'), allocationIntervalMs: 50 })
    scheduler = await TestScheduler.subscribe(mesos.url)
  })
  after(async () => {
    scheduler.close()
    await mesos.close()
    await rm(dir, { recursive: true, force: true })
  })

  /** Launches on a new executor, or on that of a task before. */
  async function launch(
    id: string,
    payload: Partial<TaskPayload>,
    executorId = `ex-${++executors}`,
  ): Promise<string> {
    const offer = await freshOffer()
    const data = taskPayload.encode({ taskId: 7, attempt: 1, service: 'svc', ...payload })
    const info = taskInfo(offer, id, { executorId, command, more: { data } })
    const task: TaskInfo = {
      ...info,
      executor: {
        ...info.executor!,
        data: settings,
        resources: [scalar('cpus', 0.1), scalar('mem', 64)],
        shutdown_grace_period: { nanoseconds: 5_000_000_000 },
      },
    }
    await scheduler.launch(offer, [task])
    return executorId
  }

  const taken = new Set<string>()
  async function freshOffer(): ReturnType<TestScheduler['offer']> {
    const offer = await scheduler.offer(
      ({ id, resources }) =>
        !taken.has(id.value) &&
        resources?.some(({ name, scalar: held }) => name === 'mem' && (held?.value ?? 0) > 1000) === true,
    )
    taken.add(offer.id.value)
    return offer
  }

  const outcomeOf = (status: TaskStatus): TaskOutcome => taskOutcome.decode(status.data ?? new Uint8Array())
  /** Each update once: an agent may tell one again until it is acknowledged. */
  const statesOf = (id: string): string => {
    const byUuid = new Map(
      scheduler.updatesOf(id).map(({ uuid, state }) => [Buffer.from(uuid ?? []).toString('hex'), state]),
    )
    return [...byUuid.values()].map(state => state.slice(5)).join(' ')
  }
  const kill = (id: string): Promise<unknown> =>
    scheduler.call({ type: 'KILL', kill: { task_id: { value: id } } })
  const pidOf = (executorId: string): number => {
    const found = mesos.agents[0]!.executors.find(executor => executor.executorId === executorId)
    if (found?.pid === undefined) throw new Error(`no executor ${executorId}`)
    return found.pid
  }
  const processesOf = (id: string): number[] =>
    listProcesses()
      .filter(({ pid }) => readVariables(pid, ['JUICE_MESOS_TASK_ID'])[0] === id)
      .map(({ pid }) => pid)
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await pause(systemClock, 10)
  }

  it('runs a command to its end: states, outcome, output, result', async () => {
    await launch('t-good', { command: 'echo out; echo err >&2; echo "[1]" > result.json' })
    const status = await scheduler.update('t-good', 'TASK_FINISHED')
    expect(statesOf('t-good')).to.equal('STARTING RUNNING FINISHED')
    const outcome = outcomeOf(status)
    expect(outcome).to.include({ exitCode: 0, resultJson: '[1]\n' })
    expect(Buffer.from(outcome.stdoutTail!).toString()).to.equal('out\n')
    expect(await readFile(join(outcome.sandbox!, 'stdout'), 'utf8')).to.equal('out\n')
    expect(await readFile(join(outcome.sandbox!, 'stderr'), 'utf8')).to.equal('err\n')
    expect(outcomeOf(scheduler.updatesOf('t-good')[0]!).sandbox).to.equal(outcome.sandbox)
  })

  it('runs the next tasks on the same executor', async () => {
    const executorId = await launch('t-first', { command: 'exit 3' })
    await scheduler.update('t-first', 'TASK_FAILED')
    const pid = pidOf(executorId)
    await launch('t-second', { command: 'true' }, executorId)
    await scheduler.update('t-second', 'TASK_FINISHED')
    expect(pidOf(executorId)).to.equal(pid)
    expect(scheduler.updatesOf('t-first').at(-1)?.message).to.equal('Exited with code 3')
  })

  it('kills a task, also one that ignores TERM', async () => {
    await launch('t-kill', {
      command: 'trap "" TERM; sleep 300 & while :; do sleep 0.05; done',
      killGraceMs: 100,
    })
    await scheduler.update('t-kill', 'TASK_RUNNING')
    await kill('t-kill')
    const status = await scheduler.update('t-kill', 'TASK_KILLED')
    expect(statesOf('t-kill')).to.equal('STARTING RUNNING KILLING KILLED')
    expect(outcomeOf(status).signal).to.equal(9)
    expect(processesOf('t-kill')).to.deep.equal([])
  })

  it('tells an image without an engine as the engine’s fault', async () => {
    await launch('t-image', { image: 'busybox' })
    const status = await scheduler.update('t-image', 'TASK_FAILED')
    expect(outcomeOf(status).failure).to.equal('FAILURE_ENGINE')
    expect(status.message).to.match(/^The Docker engine is not to be had/)
  })

  it('ends a task whose folder grows beyond its disk', async () => {
    await launch('t-disk', { command: 'head -c 3000000 /dev/zero > big; sleep 300', diskMb: 2 })
    const status = await scheduler.update('t-disk', 'TASK_FAILED')
    expect(outcomeOf(status).failure).to.equal('FAILURE_DISK')
    expect(status.message).to.equal('Out of disk: its folder has 3 MB or more, its limit is 2 MB')
  })

  it('fails a task whose URI can not be had', async () => {
    await launch('t-uri', { command: 'true', uris: [{ value: 'http://127.0.0.1:9/x.tgz', extract: true }] })
    const status = await scheduler.update('t-uri', 'TASK_FAILED')
    expect(outcomeOf(status).failure).to.equal('FAILURE_URI')
    expect(status.message).to.match(/^Could not fetch http:\/\/127\.0\.0\.1:9\/x\.tgz: .*ECONNREFUSED/)
    expect(statesOf('t-uri')).to.equal('STARTING FAILED')
  })

  it('is cleaned up after by its parent when it is killed: no process is left when the agent hears of it', async () => {
    const executorId = await launch('t-orphan', { command: 'setsid sleep 300 & sleep 300' })
    await scheduler.update('t-orphan', 'TASK_RUNNING')
    await until(() => processesOf('t-orphan').length >= 3)
    const parent = pidOf(executorId)
    const child = listProcesses().find(({ ppid }) => ppid === parent)
    process.kill(child!.pid, 'SIGKILL')
    const { failure } = await scheduler.event(
      'FAILURE',
      event => event.failure?.executor_id?.value === executorId,
    )
    expect(processesOf('t-orphan')).to.deep.equal([])
    expect(failure?.status, 'exit code 3: all is gone').to.equal(3 << 8)
    expect((await scheduler.update('t-orphan', 'TASK_FAILED')).reason).to.equal('REASON_EXECUTOR_TERMINATED')
  })

  it('sweeps what an executor left that was killed together with its parent', async () => {
    const executorId = await launch('t-left', { command: 'setsid sleep 300 & sleep 300' })
    await scheduler.update('t-left', 'TASK_RUNNING')
    await until(() => processesOf('t-left').length >= 3)
    const parent = pidOf(executorId)
    const child = listProcesses().find(({ ppid }) => ppid === parent)
    for (const pid of [parent, child!.pid]) process.kill(pid, 'SIGKILL')
    await scheduler.update('t-left', 'TASK_FAILED')
    await launch('t-next', { command: 'true' })
    await scheduler.update('t-next', 'TASK_STARTING')
    expect(processesOf('t-left')).to.deep.equal([])
    await scheduler.update('t-next', 'TASK_FINISHED')
  })

  it('goes on with its tasks when the agent restarts, and tells what happened meanwhile', async () => {
    await launch('t-agent', { command: 'until test -e go; do sleep 0.02; done; echo done' })
    const running = await scheduler.update('t-agent', 'TASK_RUNNING')
    const go = join(outcomeOf(running).sandbox!, 'sandbox', 'go')
    await mesos.agents[0]!.stop()
    await writeFile(go, '')
    await mesos.agents[0]!.start()
    const status = await scheduler.update('t-agent', 'TASK_FINISHED')
    expect(outcomeOf(status).exitCode).to.equal(0)
    expect(statesOf('t-agent')).to.equal('STARTING RUNNING FINISHED')
  })

  it('kills its tasks and leaves when it is told to shut down', async () => {
    const executorId = await launch('t-down', { command: 'sleep 300' })
    await scheduler.update('t-down', 'TASK_RUNNING')
    const pid = pidOf(executorId)
    const agent_id = { value: mesos.agents[0]!.id }
    await scheduler.call({ type: 'SHUTDOWN', shutdown: { executor_id: { value: executorId }, agent_id } })
    await scheduler.update('t-down', 'TASK_KILLED')
    await scheduler.event('FAILURE', event => event.failure?.executor_id?.value === executorId)
    expect(listProcesses().some(found => found.pid === pid)).to.equal(false)
    expect(processesOf('t-down')).to.deep.equal([])
  })

  it('keeps the agent’s secrets and its own environment from tasks', async () => {
    await launch('t-env', { command: 'env' })
    const outcome = outcomeOf(await scheduler.update('t-env', 'TASK_FINISHED'))
    const names = Buffer.from(outcome.stdoutTail!)
      .toString()
      .split('\n')
      .map(line => line.split('=')[0])
    expect(names.filter(name => name?.startsWith('MESOS_'))).to.deep.equal(['MESOS_SANDBOX'])
    expect(names).to.include.members([
      'TASK_ID',
      'JUICE_TASK_ID',
      'JUICE_ATTEMPT',
      'JUICE_SERVICE',
      'INSTANCE',
    ])
    const left = await readdir(outcome.sandbox!)
    expect(left.sort()).to.deep.equal(['sandbox', 'stderr', 'stdout'])
  })
})
