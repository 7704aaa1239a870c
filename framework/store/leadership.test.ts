import { expect } from 'chai'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { Leadership, type LeadershipPhase } from './leadership.ts'

const name = 'juice'

/** A process that wants to lead, and all phases that it went through. */
class Process {
  readonly leadership: Leadership
  readonly phases: string[] = []
  readonly #waiting: { readonly phase: string; readonly resolve: () => void }[] = []

  constructor(url: string, holder: string, times: { ttlMs?: number; renewMs?: number } = {}) {
    this.leadership = new Leadership({
      url,
      name,
      holder,
      address: `http://${holder}`,
      pollMs: 10,
      renewMs: 20,
      ttlMs: 60_000,
      ...times,
      onPhase: phase => this.#enter(phase),
    })
  }

  get epoch(): number | undefined {
    const { phase } = this.leadership
    return phase.name === 'leading' ? phase.hold.epoch : undefined
  }

  /** Resolves when it enters the phase, or is in it. */
  async reached(phase: LeadershipPhase['name']): Promise<void> {
    if (this.leadership.phase.name === phase) return
    await new Promise<void>(resolve => this.#waiting.push({ phase, resolve }))
  }

  #enter(phase: LeadershipPhase): void {
    this.phases.push(phase.name)
    for (const waiting of this.#waiting) if (waiting.phase === phase.name) waiting.resolve()
  }
}

describe('leadership', function () {
  this.timeout(20_000)
  let db: TestDatabase
  let processes: Process[]
  beforeEach(async () => {
    db = await testDatabase()
    processes = []
  })
  afterEach(async () => {
    await Promise.all(processes.map(({ leadership }) => leadership.close()))
    await db.close()
  })

  const begin = (holder: string, times = {}) => {
    const process = new Process(db.url, holder, times)
    processes.push(process)
    process.leadership.start()
    return process
  }

  /** Who holds it, as an operator would ask. */
  const heldBy = async (): Promise<unknown> => {
    const { rows } = await db.pool.query(
      'select epoch, holder, address from scheduling.leader where name = $1 and expires_at > clock_timestamp()',
      [name],
    )
    return rows[0]
  }

  it('is won by one of many, and says by whom', async () => {
    const all = ['a', 'b', 'c'].map(holder => begin(holder))
    await Promise.race(all.map(process => process.reached('leading')))
    const leading = all.filter(({ epoch }) => epoch !== undefined)
    expect(leading).to.have.length(1)
    const holder = 'abc'[all.findIndex(({ epoch }) => epoch !== undefined)]
    expect(await heldBy()).to.deep.equal({ epoch: 1, holder, address: `http://${holder}` })
  })

  it('is given back at a close, so that the next one leads at once', async () => {
    const first = begin('a')
    await first.reached('leading')
    const second = begin('b')
    await first.leadership.close()
    await second.reached('leading')
    expect(second.epoch).to.equal(2)
    expect(first.phases).to.deep.equal(['candidate', 'leading', 'closed'])
  })

  it('falls with the holder’s connection, long before its time is over', async () => {
    const first = begin('a')
    await first.reached('leading')
    const second = begin('b')
    await second.reached('candidate')
    await db.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where pid in (select pid from pg_locks where locktype = 'advisory') and datname = current_database()`,
    )
    await first.reached('candidate')
    await Promise.race([first.reached('leading'), second.reached('leading')])
    expect(first.epoch ?? second.epoch).to.equal(2)
    expect(first.phases.slice(0, 3)).to.deep.equal(['candidate', 'leading', 'candidate'])
  })

  it('falls when it is not renewed in time, though the connection stands', async () => {
    const first = begin('a', { renewMs: 60_000 })
    await first.reached('leading')
    const second = begin('b')
    // As time passes for a holder that hangs.
    await db.pool.query('update scheduling.leader set expires_at = clock_timestamp()')
    await second.reached('leading')
    expect(second.epoch).to.equal(2)
    // The first one's lock is of a past epoch: nobody may take it for the second one's absence.
    const third = begin('c')
    await first.leadership.close()
    await third.reached('candidate')
    expect(await heldBy()).to.include({ epoch: 2, holder: 'b' })
  })

  it('is noticed as lost by the one who lost it', async () => {
    const first = begin('a')
    await first.reached('leading')
    await db.pool.query('update scheduling.lease set epoch = epoch + 1')
    await first.reached('candidate')
    await first.reached('leading')
    expect(first.epoch).to.equal(3)
  })

  it('is not trusted beyond its time where the database does not answer', async () => {
    const first = begin('a', { ttlMs: 300 })
    await first.reached('leading')
    const blocker = await db.pool.connect()
    try {
      await blocker.query('begin')
      await blocker.query('select 1 from scheduling.leader for update')
      await first.reached('candidate')
      expect(first.epoch).to.equal(undefined)
      await blocker.query('rollback')
      await first.reached('leading')
    } finally {
      blocker.release(true)
    }
  })
})
