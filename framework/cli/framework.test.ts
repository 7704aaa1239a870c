// `juice framework …` as a process, on a real PostgreSQL: what it prints, and its exit codes.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { expect } from 'chai'
import { clusterOf } from '../domain/origin.ts'
import { leaderLease, Leadership } from '../store/index.ts'
import { loadFramework, saveFramework } from '../usecases/index.ts'
import { World } from '../usecases/test-support.ts'
import { testDatabase } from '../../test/support/postgres.ts'
import { parseArguments } from './arguments.ts'

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function juice(env: Record<string, string>, ...args: string[]): Promise<Outcome> {
  const entry = join(import.meta.dirname, '../juice.ts')
  return new Promise(resolve => {
    const child = execFile(process.execPath, [entry, ...args], { env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

describe('juice framework', function () {
  this.timeout(60_000)
  let world: World
  beforeEach(async () => {
    world = await World.open()
  })
  afterEach(() => world.close())

  const run = (...args: string[]): Promise<Outcome> =>
    juice({ JUICE_DATABASE_URL: world.db.url }, 'framework', ...args)

  const save = () =>
    saveFramework(world.deps, world.lease, {
      name: 'juice',
      frameworkId: 'f-1',
      principal: 'batch',
      user: 'root',
      checkpoint: true,
      capabilities: [],
      cluster: clusterOf(['zk://user:hush@z1,z2/mesos']),
    })
  const known = () => loadFramework(world.deps, { name: 'juice' })

  /** Somebody who leads until the returned function is called. */
  async function lead(): Promise<() => Promise<void>> {
    const leading = Promise.withResolvers<void>()
    const leadership = new Leadership({
      url: world.db.url,
      name: leaderLease,
      holder: 'agent7 process 1',
      address: 'http://agent7:31000',
      onPhase: ({ name }) => {
        if (name === 'leading') leading.resolve()
      },
    })
    leadership.start()
    await leading.promise
    return () => leadership.close()
  }

  it('shows who the framework is, where it is at home, who leads and what is under way', async () => {
    await save()
    await world.started()
    await world.submit()
    const end = await lead()
    try {
      const { code, stdout, stderr } = await run('show')
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
      for (const line of [
        /^name: +juice$/m,
        /^framework id: +f-1$/m,
        /^cluster: +zk:\/\/z1:2181,z2:2181\/mesos$/m,
        /^database: +system \d+, database \d+$/m,
        /^principal: +batch$/m,
        /^user: +root$/m,
        /^since: +2026-03-01T12:00:00\.000Z$/m,
        /^leader: +agent7 process 1 at http:\/\/agent7:31000, since .*Z, lease until .*Z$/m,
        /^tasks: +1 live, 1 waiting$/m,
      ]) {
        expect(stdout).to.match(line)
      }
      expect(stdout).to.not.contain('hush')
      const asJson = await run('show', '--json')
      const shown = JSON.parse(asJson.stdout) as { database: object; databaseHere: object }
      expect(shown).to.deep.include({
        name: 'juice',
        frameworkId: 'f-1',
        cluster: 'zk://z1:2181,z2:2181/mesos',
        copied: false,
        principal: 'batch',
        user: 'root',
        tasks: { live: 1, waiting: 1 },
      })
      expect(shown.databaseHere).to.deep.equal(shown.database)
    } finally {
      await end()
    }
  })

  it('shows that nothing is registered yet, and that a database looks like a copy', async () => {
    const first = await run('show')
    expect(first.code).to.equal(0)
    expect(first.stdout)
      .to.match(/^framework id: +none yet/m)
      .and.to.match(/^leader: +none$/m)
    await save()
    await world.db.pool.query("update scheduling.framework set database_system = '1'")
    expect((await run('show')).stdout).to.contain('it looks like a copy')
  })

  it('forgets the id where nothing is live', async () => {
    await save()
    const { code, stdout } = await run('reset')
    expect(code).to.equal(0)
    expect(stdout).to.equal(
      'framework "juice" has forgotten its id f-1; 0 attempts that were live ended as lost\n',
    )
    expect(await known()).to.equal(undefined)
    expect(await run('reset')).to.deep.equal({
      code: 0,
      stdout: 'no framework id was kept under "juice"\n',
      stderr: '',
    })
  })

  it('gives live attempts up only with --yes', async () => {
    await save()
    const { id } = await world.started()
    const refused = await run('reset')
    expect(refused.code).to.equal(4)
    expect(refused.stderr).to.contain('1 attempts are live').and.to.contain('--yes')
    expect(await world.state(id)).to.equal('RUNNING')
    expect(await known()).to.include({ frameworkId: 'f-1' })
    const agreed = await run('reset', '--yes', '--json')
    expect(agreed.code).to.equal(0)
    expect(JSON.parse(agreed.stdout)).to.deep.equal({ name: 'juice', frameworkId: 'f-1', forsaken: 1 })
    const task = await world.get(id)
    expect(task.state).to.equal('QUEUED')
    expect(task.caveat).to.contain('a second run could not be excluded')
    expect(task.attempts[0]).to.include({ state: 'TASK_LOST', blame: 'mesos' })
    // The lease is free again: nobody waits for the command's.
    expect((await run('show')).stdout).to.match(/^leader: +none$/m)
  })

  it('does nothing while a process leads, and says which', async () => {
    await save()
    const end = await lead()
    try {
      const { code, stderr } = await run('reset', '--yes')
      expect(code).to.equal(3)
      expect(stderr).to.contain('agent7 process 1 at http://agent7:31000').and.to.contain('End it first')
      expect(await known()).to.include({ frameworkId: 'f-1' })
    } finally {
      await end()
    }
  })

  it('names what is wrong with its configuration or database', async () => {
    await save()
    const other = await juice(
      { JUICE_DATABASE_URL: world.db.url, JUICE_FRAMEWORK_NAME: 'juce' },
      'framework',
      'reset',
    )
    expect(other.code).to.equal(2)
    expect(other.stderr).to.contain('JUICE_FRAMEWORK_NAME may be one of "juice"')
    const none = await juice({}, 'framework', 'show')
    expect(none.code).to.equal(2)
    expect(none.stderr).to.contain('JUICE_DATABASE_URL is required')
    const lost = await juice(
      { JUICE_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
      'framework',
      'show',
    )
    expect(lost.code).to.equal(1)
    expect(lost.stderr).to.contain('127.0.0.1:1/none').and.to.contain('ECONNREFUSED')
    const empty = await testDatabase({ empty: true })
    try {
      const unmigrated = await juice({ JUICE_DATABASE_URL: empty.url }, 'framework', 'show')
      expect(unmigrated.code).to.equal(2)
      expect(unmigrated.stderr).to.contain('does not have the schema of this version')
    } finally {
      await empty.close()
    }
  })

  it('helps, and refuses what it does not know', async () => {
    const help = await juice({}, '--help')
    expect(help.code).to.equal(0)
    expect(help.stdout).to.contain('juice framework reset').and.to.contain('Exit codes')
    const wrong = await juice({}, 'framework', 'show', '--yes')
    expect(wrong.code).to.equal(2)
    expect(wrong.stderr).to.equal('framework show has no "--yes" (juice --help tells what there is)\n')
    for (const args of [['frame'], ['framework'], ['framework', 'move'], ['framework', 'reset', 'yes']]) {
      expect(parseArguments(args).name, args.join(' ')).to.equal('wrong')
    }
  })
})
