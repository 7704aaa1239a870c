// Runs the README: its scheduler launches its executor on a local cluster.
import type { ChildProcess } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { LocalMesos } from 'local-mesos'
import { Log } from './testing/log.ts'
import { closers } from './testing/scheduler-harness.ts'

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

  /** Runs the scheduler; its lines, and its exit code when it ends. */
  function run(path: string, master: string, line: string) {
    const executor = `exec '${process.execPath}' '${join(path, 'executor.ts')}'`
    const child: ChildProcess = spawn(
      process.execPath,
      [join(path, 'scheduler.ts'), master, executor, line],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
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

  it('has examples that type-check', async () => {
    const path = folder()
    const config = { extends: join(root, 'tsconfig.json'), include: ['*.ts'] }
    writeFileSync(join(path, 'tsconfig.json'), JSON.stringify(config))
    expect([...examples().keys()]).to.deep.equal(['scheduler.ts', 'executor.ts'])
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
})
