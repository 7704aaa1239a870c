import { expect } from 'chai'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { TestScheduler, taskInfo } from './testing/test-scheduler.ts'

const cli = join(import.meta.dirname, 'cli.ts')

interface Run {
  /** Resolves with the lines once there are that many. */
  lines(count: number): Promise<string[]>
  readonly ended: Promise<{ code: number | null; stderr: string }>
  kill(signal: NodeJS.Signals): void
}

function run(...args: string[]): Run {
  const child = spawn(process.execPath, [cli, ...args])
  let [stdout, stderr] = ['', '']
  const ended = Promise.withResolvers<{ code: number | null; stderr: string }>()
  const watchers = new Set<() => void>()
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
    for (const look of watchers) look()
  })
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  child.on('close', code => ended.resolve({ code, stderr }))
  return {
    ended: ended.promise,
    kill: signal => child.kill(signal),
    async lines(count) {
      const { promise, resolve } = Promise.withResolvers<string[]>()
      const look = (): void => {
        const lines = stdout.split('\n').slice(0, -1)
        if (lines.length >= count) resolve(lines)
      }
      watchers.add(look)
      look()
      return promise
    },
  }
}

describe('the command line', function () {
  this.timeout(20_000)

  it('prints where everything is, and ends with all executors on SIGTERM', async () => {
    const local = run('--agents', '2', '--port', '0', '--cpus', '2', '--resources', 'cpus(web):1')
    const [master = '', agent = ''] = await local.lines(3)
    expect(master).to.match(/^master http:\/\/127\.0\.0\.1:\d+$/)
    expect(agent).to.match(/^agent1 http:\/\/127\.0\.0\.1:\d+ \S+-S0$/)
    const scheduler = await TestScheduler.subscribe(master.split(' ')[1] ?? '')
    const offer = await scheduler.offer()
    const cpus = offer.resources?.filter(({ name }) => name === 'cpus') ?? []
    expect(
      cpus.map(({ scalar, reservations }) => [scalar?.value, reservations?.[0]?.role]),
    ).to.have.deep.members([
      [2, undefined],
      [1, 'web'],
    ])
    const command = { shell: true, value: 'exit 3' }
    await scheduler.launch(offer, [taskInfo(offer, 't', { command })])
    await scheduler.update('t', 'TASK_FAILED')
    const next = await scheduler.offer(({ id }) => id.value !== offer.id.value)
    await scheduler.launch(
      next,
      [
        { ...taskInfo(next, 'c'), executor: undefined, command: { shell: true, value: 'exec sleep 1000' } },
      ].map(({ executor: _executor, ...task }) => task),
    )
    const pid = (await scheduler.update('c', 'TASK_RUNNING')).container_status?.executor_pid
    local.kill('SIGTERM')
    expect((await local.ended).code).to.equal(0)
    expect(existsSync(`/proc/${pid}`)).to.equal(false)
    scheduler.close()
  })

  it('starts masters that stand by, and says where', async () => {
    const local = run('--agents', '1', '--port', '0', '--simulated', '--standby', '1')
    const [master = '', , standby = ''] = await local.lines(3)
    expect(standby).to.match(/^standby http:\/\/127\.0\.0\.1:\d+$/)
    const answer = await fetch(`${standby.split(' ')[1]}/state`, { redirect: 'manual' })
    const leader = master.replace(/^master http:/, '')
    expect([answer.status, answer.headers.get('location')]).to.deep.equal([307, `${leader}/master/state`])
    local.kill('SIGTERM')
    expect((await local.ended).code).to.equal(0)
  })

  it('says what is wrong with its arguments', async () => {
    const { code, stderr } = await run('--agents', 'many').ended
    expect(code).to.equal(2)
    expect(stderr).to.include("--agents must be a number, not 'many'")
    const isolation = await run('--isolation', 'memory,cpu').ended
    expect(isolation.code).to.equal(2)
    expect(isolation.stderr).to.include("--isolation must be memory, disk or memory,disk, not 'memory,cpu'")
    expect((await run('--nope').ended).stderr).to.include('usage: local-mesos')
    const zk = await run('--zk', 'zk://u:topsecret@a:2181').ended
    expect(zk.stderr)
      .to.match(/path of the masters is missing/)
      .and.not.include('topsecret')
  })
})
