// Runs the README: its scheduler launches its executor on a local cluster.
import type { ChildProcess } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { LocalMesos } from 'local-mesos'
import * as client from './index.ts'
import { FakeMesos } from './testing/fake-mesos.ts'
import { Log } from './testing/log.ts'
import { closers } from './testing/scheduler-harness.ts'
import { textOf, trace } from './testing/traces.ts'

const root = join(import.meta.dirname, '../..')

/** The code blocks of the README that name a file. */
function examples(): Map<string, string> {
  const text = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
  const blocks = text.matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gm)
  return new Map([...blocks].map(([, name = '', code = '']) => [name, code]))
}

describe('README', function () {
  this.timeout(60_000)
  const toClose = closers()

  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'mesos-http-client-'))
    toClose.push(async () => rmSync(path, { recursive: true }))
    symlinkSync(join(root, 'node_modules'), join(path, 'node_modules'))
    writeFileSync(join(path, 'package.json'), '{"type":"module"}')
    for (const [name, code] of examples()) writeFileSync(join(path, name), code)
    return path
  }

  async function cluster(): Promise<LocalMesos> {
    const mesos = await LocalMesos.start({ allocationIntervalMs: 50 })
    toClose.push(() => mesos.close())
    return mesos
  }

  /** Runs an example; its lines, and its exit code when it ends. */
  function start(path: string, file: string, ...parameters: string[]) {
    const child: ChildProcess = spawn(process.execPath, [join(path, file), ...parameters], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    toClose.push(async () => void child.kill('SIGKILL'))
    const lines = new Log<string>()
    let rest = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n')
      rest = parts.pop() ?? ''
      parts.forEach(lines.add)
    })
    const ended = new Promise<number | null>(resolve => child.once('close', resolve))
    return { lines, ended }
  }

  /** Runs the scheduler. */
  function run(path: string, master: string, line: string) {
    const executor = `exec '${process.execPath}' '${join(path, 'executor.ts')}'`
    return start(path, 'scheduler.ts', master, executor, line)
  }

  it('has examples that type-check', async () => {
    const path = folder()
    const config = { extends: join(root, 'tsconfig.json'), include: ['*.ts'] }
    writeFileSync(join(path, 'tsconfig.json'), JSON.stringify(config))
    expect([...examples().keys()]).to.deep.equal([
      'scheduler.ts',
      'executor.ts',
      'operator.ts',
      'events.ts',
      'files.ts',
    ])
    const { stdout } = await promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', path]).catch(
      (error: { stdout: string }) => error,
    )
    expect(stdout).to.equal('')
  })

  it('has a scheduler that launches its executor: a task that finishes', async () => {
    const mesos = await cluster()
    const { lines, ended } = run(folder(), mesos.url, 'echo hello from a task')
    expect(await ended).to.equal(0)
    expect(lines.items.map(line => line.replace(/^\S+: /, ''))).to.deep.equal([
      lines.items[0],
      'TASK_STARTING',
      'TASK_RUNNING',
      'TASK_FINISHED exit code 0',
    ])
    expect(lines.items[0]).to.match(/^subscribed as /)
    const [agent] = mesos.agents
    const files = readdirSync(agent?.workDir ?? '', { recursive: true, encoding: 'utf8' })
    const stdout = files.find(
      name => name.endsWith('runs/latest/stdout') || /runs\/[^/]+\/stdout$/.test(name),
    )
    expect(readFileSync(join(agent?.workDir ?? '', stdout ?? ''), 'utf8')).to.contain('hello from a task')
  })

  it('tells why a task failed', async () => {
    const mesos = await cluster()
    const { lines, ended } = run(folder(), mesos.url, 'exit 3')
    expect(await ended).to.equal(0)
    expect(lines.items.at(-1)).to.match(/: TASK_FAILED exit code 3$/)
  })

  it('has an executor that stays with its task while the agent restarts, a scheduler while the master does', async () => {
    const mesos = await cluster()
    const path = folder()
    const { lines, ended } = run(path, mesos.url, `while [ ! -e '${path}/go' ]; do sleep 0.05; done; exit 4`)
    await lines.first(line => line.endsWith('TASK_RUNNING'))
    await mesos.agents[0]?.restart()
    await mesos.restartMaster()
    await lines.first(line => line.startsWith('subscribed as '), 3)
    writeFileSync(join(path, 'go'), '')
    expect(await ended).to.equal(0)
    expect(lines.items.at(-1)).to.match(/: TASK_FAILED exit code 4$/)
  })

  it('has an operator that shows agents and tasks and marks an agent gone, files that show what a task wrote', async function () {
    // seven processes, one after the other
    this.timeout(60_000)
    const mesos = await cluster()
    const [agent] = mesos.agents
    const path = folder()
    const { lines, ended } = run(path, mesos.url, `echo out of the task; while :; do sleep 0.05; done`)
    await lines.first(line => line.endsWith('TASK_RUNNING'))
    const task = lines.items.at(-1)?.split(':')[0] ?? ''

    const show = start(path, 'operator.ts', mesos.url)
    expect(await show.ended).to.equal(0)
    const [first, second, ...none] = show.lines.items
    expect(first).to.match(new RegExp(`^${agent?.id} \\S+ active: .*cpus \\d.*mem \\d`))
    expect([second, none]).to.deep.equal([`  ${task} TASK_RUNNING`, []])

    const frameworkId = lines.items[0]?.replace('subscribed as ', '') ?? ''
    const sandbox = `/frameworks/${frameworkId}/executors/example-executor/runs/latest`
    const list = start(path, 'files.ts', agent?.url ?? '', sandbox)
    expect(await list.ended).to.equal(0)
    expect(list.lines.items.map(line => line.split('/').at(-1))).to.include.members(['stdout', 'stderr'])
    expect(list.lines.items[0]).to.match(/^-rw.* \d{4}-\d\d-\d\dT\S+Z \//)
    const stdout = start(path, 'files.ts', agent?.url ?? '', sandbox, 'stdout')
    expect(await stdout.ended).to.equal(0)
    expect(stdout.lines.items).to.include('out of the task')

    const unknown = start(path, 'operator.ts', mesos.url, 'gone', 'nobody')
    expect(await unknown.ended).to.equal(1)
    const gone = start(path, 'operator.ts', mesos.url, 'gone', agent?.id ?? '')
    expect(await gone.ended).to.equal(0)
    expect(gone.lines.items).to.deep.equal([`${agent?.id} is gone`])
    // which is the word for it to a scheduler that is not PARTITION_AWARE
    await lines.first(line => line.startsWith(`${task}: TASK_LOST`))
    expect(await ended).to.equal(0)
  })

  it('has a watcher of events, which comes back after its stream has broken', async () => {
    const recorded = trace('17d').exchanges.find(({ request }) => request.path === '/api/v1')
    const records = (recorded?.response.records ?? []).map(({ event }): object => JSON.parse(textOf(event)))
    const master = await FakeMesos.start()
    toClose.push(() => master.close())
    const { lines } = start(folder(), 'events.ts', master.url)
    const stream = (await master.requests.first()).stream('master.Event')
    stream.send(...records)
    await lines.first(line => line === 'task op-1 TASK_FAILED')
    expect(lines.items.map(line => line.replace(/[0-9a-f]{8}-\S+/, 'ID'))).to.deep.equal([
      '2 agents, 2 tasks',
      'task op-4 on ID',
      'task op-4 TASK_STARTING',
      'task op-4 TASK_RUNNING',
      'task op-4 TASK_FINISHED',
      'agent ID removed',
      'agent agent2.example added',
      'task op-1 TASK_FAILED',
    ])
    stream.cut()
    await lines.first(line => line === 'lost: disconnected')
    const again = await master.requests.first(() => true, 1)
    again.stream('master.Event').send({ type: 'SUBSCRIBED', subscribed: { get_state: {} } })
    await lines.first(line => line === '0 agents, 0 tasks')
  })

  it('names everything that is exported, and every method of a client', () => {
    const text = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
    const names = Object.entries(client).flatMap(([name, value]) =>
      typeof value === 'function' && name.endsWith('Client')
        ? [name, ...Object.getOwnPropertyNames(value.prototype).filter(each => each !== 'constructor')]
        : [name],
    )
    expect(names).to.include.members(['SchedulerClient', 'resubscribe', 'agentCall', 'codecOf'])
    expect(names.filter(name => !new RegExp(`\\b${name}\\b`).test(text))).to.deep.equal([])
  })

  it('names nothing among the layers below that is not exported', () => {
    const text = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
    const [, table = ''] = text.split('### The layers below')
    const cells = [...(table.split('\n### ')[0] ?? '').matchAll(/^\| (`[^|]+)\|/gm)].map(
      ([, cell]) => cell ?? '',
    )
    const names = cells.flatMap(cell => [...cell.matchAll(/`(\w+)/g)].map(([, name]) => name ?? ''))
    expect(names).to.include('codecOf')
    expect(names.filter(name => !(name in client))).to.deep.equal([])
  })
})
