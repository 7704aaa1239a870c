// Command tasks with real processes. As root they run as another user (65534), else as ourselves.
import type { Server } from 'node:net'
import { expect } from 'chai'
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TaskPayload } from '../../proto/payload.ts'
import { pause, systemClock } from '../clock.ts'
import { openTaskLogs, type TaskLogs } from '../logs.ts'
import { TaskFolder } from '../sandbox.ts'
import { defaultSettings } from '../settings.ts'
import { dealPorts, taskEnvironment } from '../task-environment.ts'
import type { ContainerLabels, RunningTask, TaskEnd } from '../types.ts'
import { startCommandTask, type CommandTools } from './command-task.ts'
import { MemoryWatch } from './memory.ts'
import { holdOwnerSocket } from '../owner.ts'
import { PipePool } from './pipes.ts'
import { listProcesses, readVariables } from './proc.ts'
import { ProcessTable } from './processes.ts'
import type { UnixUser } from './users.ts'

const isRoot = process.getuid?.() === 0
const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const labels: ContainerLabels = {
  'juice.framework': '',
  'juice.agent': '',
  'juice.executor': '',
  'juice.task': '',
  'juice.attempt': '',
  'juice.mesos-task': '',
  'juice.service': '',
  'juice.owner': '',
  'juice.netns': '',
  'juice.boot': '',
}

describe('command tasks', function () {
  this.timeout(20_000)
  let dir: string
  let socket: Server
  let tools: CommandTools
  let user: UnixUser
  let number = 0
  const opened: TaskLogs[] = []

  interface Running {
    readonly task: RunningTask
    readonly logs: TaskLogs
    readonly folder: TaskFolder
    readonly mesosTaskId: string
    output(): Promise<string>
  }

  async function start(command: string, payload: Partial<TaskPayload> = {}): Promise<Running> {
    const mesosTaskId = `task-${++number}`
    const whole: TaskPayload = { taskId: 12, attempt: 3, service: 'svc', command, ...payload }
    const folder = await TaskFolder.create(join(dir, 'tasks'), mesosTaskId, { kind: 'user', ...user })
    const logs = await openTaskLogs({
      dir: folder.dir,
      fileBytes: 1e7,
      filesKept: 1,
      onError: () => undefined,
    })
    opened.push(logs)
    await folder.open()
    const ports = dealPorts(whole)
    const task = startCommandTask(
      {
        mesosTaskId,
        payload: whole,
        sandboxDir: folder.sandboxDir,
        env: taskEnvironment({ payload: whole, hostname: 'host', sandbox: folder.sandboxDir, ports }),
        ports,
        logs,
        settings: defaultSettings,
        labels,
        clock: systemClock,
        logger: silent,
      },
      user,
      tools,
    )
    const output = async (): Promise<string> => {
      await logs.close()
      return readFile(join(folder.dir, 'stdout'), 'utf8')
    }
    return { task, logs, folder, mesosTaskId, output }
  }

  async function run(command: string, payload?: Partial<TaskPayload>): Promise<TaskEnd & { stdout: string }> {
    const running = await start(command, payload)
    const end = await running.task.ended
    return { ...end, stdout: await running.output() }
  }

  /** Resolves when the task has printed `text`. */
  async function printed(running: Running, text: string): Promise<void> {
    while (!Buffer.from(running.logs.tails().stdout).includes(text)) await pause(systemClock, 5)
  }

  const processesOf = (mesosTaskId: string): number[] =>
    listProcesses()
      .filter(({ pid }) => {
        const [owner, task] = readVariables(pid, ['JUICE_OWNER', 'JUICE_MESOS_TASK_ID'])
        return owner === tools.owner && task === mesosTaskId
      })
      .map(({ pid }) => pid)

  before(async () => {
    // The clock's timers don't keep a process alive; here nothing else may.
    dir = await mkdtemp(join(tmpdir(), 'juice-command-'))
    await chmod(dir, 0o711)
    const owner = randomUUID()
    // Held, so that no executor of another test run takes these tasks for orphans.
    socket = await holdOwnerSocket(owner)
    const table = new ProcessTable({ owner, clock: systemClock })
    tools = {
      owner,
      self,
      table,
      memory: new MemoryWatch({ table, clock: systemClock }),
      pipes: new PipePool({ dir: join(dir, '.pipes'), env: process.env }),
    }
    user = isRoot
      ? { name: 'nobody', uid: 65534, gid: 65534, groups: [] }
      : { name: 'self', ...self, groups: [] }
  })
  afterEach(async () => {
    for (const logs of opened.splice(0)) await logs.close()
  })
  after(async () => {
    tools.memory.close()
    socket.close()
    await tools.pipes.close()
    await rm(dir, { recursive: true, force: true })
  })

  it('tell an exit code, a signal, and 127 for a command that does not exist', async () => {
    expect(await run('exit 3'))
      .to.include({ exitCode: 3, oom: false })
      .and.not.have.property('signal')
    expect(await run('kill -TERM $$'))
      .to.include({ signal: 15 })
      .and.not.have.property('exitCode')
    expect(await run('/no/such/program'))
      .to.include({ exitCode: 127 })
      .and.not.have.property('failure')
    const end = await run('true')
    expect(end).to.include({ exitCode: 0 })
    expect(end.startedAtMs).to.be.at.most(end.finishedAtMs)
  })

  it('have the promised environment, nothing of ours, and their sandbox as folder (E6)', async () => {
    process.env['SECRET_OF_TEST'] = 'secret'
    const { stdout } = await run('pwd; env', {
      env: [
        { name: 'OWN', value: 'ü $HOME' },
        { name: 'JUICE_TASK_ID', value: 'forged' },
        { name: 'APP_NAME', value: 'mine' },
      ],
      ports: [31001, 31002],
    })
    delete process.env['SECRET_OF_TEST']
    const [pwd, ...lines] = stdout.trim().split('\n')
    const env = Object.fromEntries(lines.map(line => line.split(/=(.*)/s).slice(0, 2))) as Record<
      string,
      string
    >
    expect(env).to.include({
      TASK_ID: '12',
      JUICE_TASK_ID: '12',
      JUICE_ATTEMPT: '3',
      JUICE_SERVICE: 'svc',
      APP_NAME: 'mine',
      INSTANCE: 'host-3',
      OWN: 'ü $HOME',
      PORT0: '31001',
      PORT1: '31002',
      MESOS_SANDBOX: pwd,
      HOME: pwd,
    })
    expect(env).to.not.have.property('SECRET_OF_TEST')
    expect(stdout).to.match(/tasks\/task-\d+\/sandbox\n/)
  })

  it('run as their user, without any group of ours, in a sandbox that is theirs', async () => {
    const { stdout } = await run('id -u; id -g; id -G; touch "$MESOS_SANDBOX/x" && echo written')
    const expected = isRoot ? '65534\n65534\n65534\nwritten\n' : undefined
    if (expected) expect(stdout).to.equal(expected)
    else expect(stdout).to.match(new RegExp(`^${self.uid}\n${self.gid}\n.*\nwritten\n$`))
  })

  it('have supplementary groups of their user where it has some', async () => {
    if (!isRoot) return
    const before = { user, tools }
    const setpriv = execFileSync('sh', ['-c', 'command -v setpriv']).toString().trim()
    user = { ...user, groups: [4, 100] }
    tools = { ...tools, setpriv }
    try {
      expect((await run('id -G')).stdout).to.equal('65534 4 100\n')
    } finally {
      ;({ user, tools } = before)
    }
  })

  it('can write to /dev/stdout and /dev/stderr, keep the streams apart, and read nothing', async () => {
    const running = await start('echo one > /dev/stdout; echo two > /dev/stderr; cat; echo three')
    expect(await running.task.ended).to.include({ exitCode: 0 })
    expect(await running.output()).to.equal('one\nthree\n')
    expect(await readFile(join(running.folder.dir, 'stderr'), 'utf8')).to.equal('two\n')
  })

  it('lose no output: 10 MB without a newline', async () => {
    const running = await start('head -c 10000000 /dev/zero | tr "\\0" x')
    expect(await running.task.ended).to.include({ exitCode: 0 })
    const stdout = await running.output()
    expect(stdout.length).to.equal(10_000_000)
  })

  it('get TERM, and the time for an orderly end', async () => {
    const running = await start('trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.02; done')
    await printed(running, 'ready')
    running.task.kill(10_000)
    expect(await running.task.ended).to.include({ exitCode: 7 })
    expect(await running.output()).to.equal('ready\nbye\n')
  })

  it('leave that time to what their shell started, though the shell dies at once', async () => {
    const child = `trap "sleep 0.2; echo orderly; exit" TERM; echo ready; while :; do sleep 0.02; done`
    const running = await start(`sh -c '${child}'; echo never`)
    await printed(running, 'ready')
    running.task.kill(10_000)
    expect(await running.task.ended).to.include({ signal: 15 })
    expect(await running.output()).to.equal('ready\norderly\n')
  })

  it('are killed after the grace; a second, shorter one wins', async () => {
    const running = await start('trap "" TERM; echo ready; while :; do sleep 0.02; done')
    await printed(running, 'ready')
    running.task.kill(60_000)
    running.task.kill(50)
    running.task.kill(60_000)
    expect(await running.task.ended).to.include({ signal: 9 })
  })

  it('take all their processes with them, also those in a session of their own', async () => {
    const stray = 'setsid sh -c \'echo "stray $$"; exec sleep 300\' >&2 & sleep 0.1; '
    const ended = await start(`${stray} (sleep 300 &) ; echo ready`)
    expect(await ended.task.ended).to.include({ exitCode: 0 })
    expect(processesOf(ended.mesosTaskId)).to.deep.equal([])

    const killed = await start(`${stray} echo ready; sleep 300`)
    await printed(killed, 'ready')
    expect(processesOf(killed.mesosTaskId).length).to.be.greaterThan(1)
    killed.task.kill(0)
    await killed.task.ended
    expect(processesOf(killed.mesosTaskId)).to.deep.equal([])
  })

  it('take those with them that hid their environment, once they were seen', async () => {
    const running = await start('setsid env -i sh -c "echo ready; exec sleep 300" & sleep 300')
    await printed(running, 'ready')
    await tools.table.refresh()
    running.task.kill(0)
    await running.task.ended
    const inSandbox = listProcesses().filter(({ pid }) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === running.folder.sandboxDir
      } catch {
        return false
      }
    })
    expect(inSandbox).to.deep.equal([])
  })

  it('are ended when they use more memory than they asked for, and say so', async () => {
    const end = await run('a=xxxxxxxxxxxxxxxx; while :; do a="$a$a"; done', { memMb: 24 })
    expect(end).to.include({ oom: true, failure: 'FAILURE_OOM', signal: 9 })
    expect(end.message).to.match(/^Out of memory: the task used \d+ MB, its limit is 24 MB$/)
  })

  it('count memory of all their processes', async () => {
    const hog = 'a=$(head -c 10000000 /dev/zero | tr "\\0" x); sleep 300; :'
    const end = await run(`(${hog}) & (${hog}) & (${hog}) & wait`, { memMb: 24 })
    expect(end).to.include({ oom: true })
  })

  it('killed before their start never start', async () => {
    const running = await start('touch started')
    running.task.kill(0)
    const end = await running.task.ended
    expect(end).to.not.have.any.keys('exitCode', 'signal', 'startedAtMs', 'failure')
  })

  it('that can not be started say why', async () => {
    const noFolder = await start('true')
    await noFolder.task.ended
    const nul = await run('true', { env: [{ name: 'A', value: 'x\0y' }] })
    expect(nul).to.include({ failure: 'FAILURE_START' })
    expect(nul.message).to.match(/could not be started: .*null bytes/i)
    const big = await run(`: ${'x'.repeat(200_000)}`)
    expect(big).to.include({ failure: 'FAILURE_START' })
    expect(big.message).to.match(/E2BIG/)
  })
})
