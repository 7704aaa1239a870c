// The framework as a process: what it does with its environment, its signals and its exit codes.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'chai'
import { LocalMesos } from 'local-mesos'
import { createPool } from './store/index.ts'
import { freePort } from '../scripts/lib/ports.ts'
import { testDatabase, type TestDatabase } from '../test/support/postgres.ts'

interface Line {
  readonly level: string
  readonly msg: string
  readonly url?: string
  readonly frameworkId?: string
}

class Process {
  readonly child: ChildProcess
  readonly lines: Line[] = []
  stderr = ''
  stdout = ''
  readonly ended: Promise<number | null>
  #look: () => void = () => {}

  constructor(env: Record<string, string>, args: readonly string[] = []) {
    this.child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { stdout, stderr } = this.child
    stderr?.on('data', chunk => (this.stderr += String(chunk)))
    if (stdout) {
      stdout.on('data', chunk => (this.stdout += String(chunk)))
      createInterface({ input: stdout }).on('line', line => {
        if (line.startsWith('{')) this.lines.push(JSON.parse(line) as Line)
        this.#look()
      })
    }
    this.ended = once(this.child, 'close').then(([code]) => {
      this.#look()
      return code as number | null
    })
  }

  /** The first log line with this message; throws where the process ends before. */
  async said(msg: string): Promise<Line> {
    for (;;) {
      const line = this.lines.find(candidate => candidate.msg === msg)
      if (line) return line
      if (this.child.exitCode !== null) throw new Error(`ended without "${msg}": ${this.stderr}`)
      await new Promise<void>(resolve => (this.#look = resolve))
    }
  }
}

describe('framework process', function () {
  this.timeout(120_000)
  let database: TestDatabase
  let mesos: LocalMesos
  const processes: Process[] = []

  function start(more: Record<string, string> = {}, args: readonly string[] = []): Process {
    const env = {
      JUICE_DATABASE_URL: database.url,
      JUICE_MESOS_MASTER: mesos.url,
      JUICE_HTTP_PORT: '0',
      ...more,
    }
    const started = new Process(env, args)
    processes.push(started)
    return started
  }

  before(async () => {
    database = await testDatabase({ empty: true })
    mesos = await LocalMesos.start({ simulated: true })
  })

  after(async () => {
    for (const { child, ended } of processes) {
      child.kill('SIGKILL')
      await ended
    }
    await mesos.close()
    await database.close()
  })

  it('tells its usage without any configuration, and refuses arguments that it does not know', async () => {
    const help = new Process({}, ['--help'])
    expect(await help.ended).to.equal(0)
    expect(help.stdout).to.contain('--same-cluster').and.to.contain('Exit codes')
    const wrong = start({}, ['--yes', '--force'])
    expect(await wrong.ended).to.equal(2)
    expect(wrong.stderr).to.equal('wrong arguments: unknown: "--force" (--help tells what there is)\n')
  })

  it('names every wrong variable and ends with 2', async () => {
    const wrong = new Process({ JUICE_HTTP_PORT: 'eighty', JUICE_LOGLEVEL: 'debug' })
    expect(await wrong.ended).to.equal(2)
    expect(wrong.stderr).to.contain('JUICE_DATABASE_URL is required')
    expect(wrong.stderr).to.contain('JUICE_HTTP_PORT must be a whole number')
    expect(wrong.stderr).to.contain('JUICE_LOGLEVEL is unknown')
  })

  it('ends with 1 where there is no database', async () => {
    const lost = start({ JUICE_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
    expect(await lost.ended).to.equal(1)
    expect(lost.lines.at(-1)).to.include({
      level: 'fatal',
      msg: "the framework process can't go on: the database 127.0.0.1:1/none can't be used: connect ECONNREFUSED 127.0.0.1:1",
    })
  })

  it('migrates, leads and answers; the next one stands by and takes over when it ends', async () => {
    const first = start()
    const { url = '' } = await first.said('framework process is up')
    await first.said('subscribed')
    for (const path of ['/health', '/ready', '/metrics']) {
      expect((await fetch(url + path)).status, path).to.equal(200)
    }
    const second = start()
    const { url: other = '' } = await second.said('framework process is up')
    const submitted = await fetch(`${other}/v2/tasks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'by the one that stands by', command: 'true' }),
    })
    expect(submitted.status).to.equal(201)
    await first.said('task ended')
    first.child.kill('SIGTERM')
    expect(await first.ended).to.equal(0)
    expect(first.lines.at(-1)?.msg).to.equal('ended in order')
    await second.said('subscribed')
    second.child.kill('SIGINT')
    expect(await second.ended).to.equal(0)
  })

  it('ends with 4 where Mesos would ignore what has changed (S24)', async () => {
    const changed = start({ JUICE_FRAMEWORK_USER: 'somebody' })
    expect(await changed.ended).to.equal(4)
    expect(changed.lines.find(({ level }) => level === 'fatal')?.msg).to.contain(
      'the user (JUICE_FRAMEWORK_USER) was "root"',
    )
  })

  it('ends with 5 where the store belongs to another cluster, also where it would only stand by (S16)', async () => {
    const leader = start()
    await leader.said('subscribed')
    const elsewhere = { JUICE_MESOS_MASTER: 'http://127.0.0.1:1' }
    const refused = start(elsewhere)
    expect(await refused.ended).to.equal(5)
    expect(refused.lines.at(-1)?.level).to.equal('fatal')
    expect(refused.lines.at(-1)?.msg).to.contain('127.0.0.1:1').and.to.contain(new URL(mesos.url).host)
    expect(leader.child.exitCode).to.equal(null)
    leader.child.kill('SIGTERM')
    expect(await leader.ended).to.equal(0)
    const agreed = start(elsewhere, ['--same-cluster'])
    await agreed.said('leading')
    agreed.child.kill('SIGTERM')
    expect(await agreed.ended).to.equal(0)
    const back = start({}, ['--same-cluster'])
    await back.said('subscribed')
    back.child.kill('SIGTERM')
    expect(await back.ended).to.equal(0)
    const needless = start({}, ['--yes'])
    await needless.said('nothing had to be confirmed: leave out --yes and --same-cluster')
    needless.child.kill('SIGTERM')
    expect(await needless.ended).to.equal(0)
  })

  it('ends with 5 where its database is a copy, until that replaces the original (S16)', async () => {
    const first = start()
    const { frameworkId } = await first.said('subscribed')
    first.child.kill('SIGTERM')
    expect(await first.ended).to.equal(0)
    const original = new URL(database.url).pathname.slice(1)
    const copy = new URL(database.url)
    copy.pathname = `/${original}_copy`
    const admin = new URL(database.url)
    admin.pathname = '/postgres'
    const pool = createPool({ url: admin.href, max: 1 })
    try {
      // A template must have no connections: those of the tests come back by themselves.
      await pool.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
        original,
      ])
      await pool.query(`create database ${original}_copy template ${original}`)
      const refused = start({ JUICE_DATABASE_URL: copy.href })
      expect(await refused.ended).to.equal(5)
      expect(refused.lines.at(-1)?.msg).to.contain('this looks like a copy')
      const agreed = start({ JUICE_DATABASE_URL: copy.href }, ['--yes'])
      await agreed.said('confirmed; carried out once this process leads')
      expect(await agreed.said('subscribed')).to.include({ frameworkId })
      agreed.child.kill('SIGTERM')
      expect(await agreed.ended).to.equal(0)
      const again = start({ JUICE_DATABASE_URL: copy.href })
      await again.said('subscribed')
      again.child.kill('SIGTERM')
      expect(await again.ended).to.equal(0)
    } finally {
      await pool.query(`drop database if exists ${original}_copy with (force)`)
      await pool.end()
    }
  })

  it('runs as Marathon runs it: its checks answer, and a rolling restart hands over within the grace', async () => {
    await using resources = new AsyncDisposableStack()
    const own = await testDatabase()
    resources.defer(() => own.close())
    const dir = await mkdtemp(join(tmpdir(), 'juice-marathon-'))
    resources.defer(() => rm(dir, { recursive: true, force: true }))
    await writeFile(join(dir, 'database-url'), `${own.url}\n`)
    await writeFile(join(dir, 'mesos-secret'), 'secret\n')
    const file = join(import.meta.dirname, '../scripts/marathon/juice.json')
    const app = JSON.parse(await readFile(file, 'utf8')) as {
      readonly id: string
      readonly env: Record<string, string>
      readonly container: { readonly volumes: readonly [{ readonly containerPath: string }] }
      readonly healthChecks: readonly [{ readonly path: string }]
      readonly readinessChecks: readonly [{ readonly path: string }]
      readonly taskKillGracePeriodSeconds: number
    }
    const [{ containerPath }] = app.container.volumes
    const instance = async (): Promise<{ process: Process; url: string }> => {
      const port = await freePort()
      const env = Object.entries(app.env).map(([name, value]) => [name, value.replace(containerPath, dir)])
      const process = new Process({
        ...(Object.fromEntries(env) as Record<string, string>),
        JUICE_MESOS_MASTER: mesos.url,
        MARATHON_APP_ID: app.id,
        HOST: '127.0.0.1',
        PORT0: String(port),
      })
      processes.push(process)
      await process.said('framework process is up')
      return { process, url: `http://127.0.0.1:${port}` }
    }
    const leader = async (): Promise<string | undefined> => {
      const { rows } = await own.pool.query<{ at: string }>(
        'select address as at from scheduling.leader where expires_at > clock_timestamp()',
      )
      return rows[0]?.at
    }
    const old = await instance()
    await old.process.said('subscribed')
    expect(await leader()).to.equal(old.url)
    const next = await instance()
    // What an agent asks the wrong version for, the leader has.
    const archive = `/executor/${'ab'.repeat(32)}.tar.gz`
    const sentOn = await fetch(`${next.url}${archive}`, { redirect: 'manual' })
    expect([sentOn.status, sentOn.headers.get('location')]).to.deep.equal([307, `${old.url}${archive}`])
    expect((await fetch(`${next.url}${archive}`)).status).to.equal(404)
    for (const { path } of [...app.healthChecks, ...app.readinessChecks]) {
      expect((await fetch(`${next.url}${path}`)).status, path).to.equal(200)
    }
    const killed = performance.now()
    old.process.child.kill('SIGTERM')
    await next.process.said('this process leads')
    expect(performance.now() - killed).to.be.below(app.taskKillGracePeriodSeconds * 1000)
    expect(await old.process.ended).to.equal(0)
    expect(performance.now() - killed).to.be.below(app.taskKillGracePeriodSeconds * 1000)
    expect(await leader()).to.equal(next.url)
    await next.process.said('subscribed')
  })

  it('ends with 3 where Mesos has removed the framework while tasks were live (S16)', async () => {
    await using resources = new AsyncDisposableStack()
    const own = await testDatabase()
    resources.defer(() => own.close())
    const endless = await LocalMesos.start({ simulated: { durationMs: -1 }, allocationIntervalMs: 50 })
    resources.defer(() => endless.close())
    const before = start({ JUICE_DATABASE_URL: own.url, JUICE_MESOS_MASTER: endless.url })
    const { url = '' } = await before.said('framework process is up')
    const submitted = await fetch(`${url}/v2/tasks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'live', command: 'sleep 1000' }),
    })
    expect(submitted.status).to.equal(201)
    const { id } = (await submitted.json()) as { id: number }
    for (let state = ''; state !== 'RUNNING';) {
      const answer = await fetch(`${url}/v2/tasks/${id}`)
      state = ((await answer.json()) as { state: string }).state
    }
    const { rows } = await own.pool.query<{ id: string }>(
      'select framework_id as id from scheduling.framework',
    )
    const removed = await fetch(`${endless.url}/api/v1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'TEARDOWN', teardown: { framework_id: { value: rows[0]?.id } } }),
    })
    expect(removed.ok).to.equal(true)
    expect(await before.ended).to.equal(3)
    expect(before.lines.find(({ level }) => level === 'fatal')?.msg).to.contain('juice framework reset --yes')
  })
})
