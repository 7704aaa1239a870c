import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import pg from 'pg'
import { startPostgres } from './postgres.ts'

describe('embedded PostgreSQL', function () {
  this.timeout(30_000)
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'juice-postgres-'))
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  const ask = async (url: string, sql: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query<{ x: unknown }>(sql)).rows
    } finally {
      await client.end()
    }
  }

  it('keeps its data from one start to the next, and a taken port from nobody', async () => {
    const first = await startPostgres({ dir, durable: false })
    await ask(first.url, 'create table kept as select 7 as x')
    const other = join(dir, 'other')
    const error: unknown = await startPostgres({ dir: other, port: first.port }).catch((e: unknown) => e)
    expect(error).to.have.property('message').that.contains('Address already in use')
    await first.close()
    const second = await startPostgres({ dir, durable: false })
    expect(await ask(second.url, 'select x from kept')).to.deep.equal([{ x: 7 }])
    await second.close()
    await second.close()
  })

  it('does not run as the user of command tasks, who could kill it', async () => {
    const server = await startPostgres({ dir, durable: false })
    const { uid } = await stat(join(dir, 'data'))
    await server.close()
    expect(uid).not.to.equal(65534)
    if (process.getuid?.() === 0) expect(uid).not.to.equal(0)
  })

  it('ends with the process that started it, even by SIGKILL', async () => {
    const script = `
      import { startPostgres } from ${JSON.stringify(join(import.meta.dirname, 'postgres.ts'))}
      await startPostgres({ dir: ${JSON.stringify(dir)}, durable: false })
      console.log('started')
      setInterval(() => {}, 1000)`
    const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (!child.stdout) throw new Error('no output')
    await once(createInterface({ input: child.stdout }), 'line')
    child.kill('SIGKILL')
    // PostgreSQL removes it last.
    while (existsSync(join(dir, 'data', 'postmaster.pid'))) await sleep(20)
  })
})
