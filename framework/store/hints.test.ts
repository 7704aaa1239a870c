import { expect } from 'chai'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { Listener } from './listener.ts'
import { type Channel, Notifier } from './notifier.ts'

describe('hints', function () {
  this.timeout(20_000)
  let db: TestDatabase
  before(async () => {
    db = await testDatabase()
  })
  after(() => db.close())

  it('reach a listener on their channel, and each channel once after every connection', async () => {
    const heard: Channel[] = []
    let wake = () => {}
    const listener = new Listener({
      url: db.url,
      channels: ['pending', 'kills'],
      reconnectMs: 1,
      onHint: channel => {
        heard.push(channel)
        wake()
      },
    })
    const count = async (n: number) => {
      while (heard.length < n) await new Promise<void>(resolve => (wake = resolve))
    }
    const notifier = new Notifier({ pool: db.pool })
    listener.start()
    try {
      await count(2)
      notifier.notify('kills')
      notifier.notify('outbox')
      await count(3)
      expect(heard).to.deep.equal(['pending', 'kills', 'kills'])
      await db.pool.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'juice listener' and datname = current_database()",
      )
      await count(5)
      expect(heard.slice(3)).to.deep.equal(['pending', 'kills'])
    } finally {
      await listener.close()
      await notifier.close()
    }
  })

  it('are sent at once, and then at most once per interval however often they are asked for', async () => {
    const sent: string[] = []
    const client = await db.pool.connect()
    client.on('notification', ({ channel }) => sent.push(channel))
    await client.query('listen juice_events')
    const notifier = new Notifier({ pool: db.pool, intervalMs: 60_000 })
    for (let i = 0; i < 50; i++) notifier.notify('events')
    // One went at once; closing sends what was held back as one more.
    await notifier.close()
    await client.query('select 1')
    expect(sent).to.deep.equal(['juice_events', 'juice_events'])
    client.release(true)
  })

  it('that cannot be sent are nobody’s trouble', async () => {
    const other = await testDatabase()
    await other.close()
    const notifier = new Notifier({ pool: other.pool })
    notifier.notify('pending')
    await notifier.close()
  })
})
