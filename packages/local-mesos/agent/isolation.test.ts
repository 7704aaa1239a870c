// Executors that take more than they and their tasks were given, and those that do not.
import { expect } from 'chai'
import type { TaskStatus } from 'mesos-http-client'
import { LocalMesos } from '../local-mesos.ts'
import { formatBytes } from '../model/bytes.ts'
import type { IsolationOptions } from '../options.ts'
import { scalar, taskInfo, TestScheduler } from '../testing/test-scheduler.ts'

describe('isolation', function () {
  this.timeout(30_000)
  let mesos: LocalMesos | undefined
  let scheduler: TestScheduler | undefined
  afterEach(async () => {
    scheduler?.close()
    await mesos?.close()
  })

  /** An executor with 32 MB each of memory and disk and one task with the same runs `command`. */
  async function launch(
    isolation: IsolationOptions,
    command: string,
    resources: Readonly<Record<string, number>> = { mem: 32, disk: 32 },
  ): Promise<void> {
    mesos = await LocalMesos.start({ isolation: { ...isolation, intervalMs: 20 }, allocationIntervalMs: 50 })
    scheduler = await TestScheduler.subscribe(mesos.url)
    const offer = await scheduler.offer()
    const lumps = Object.entries({ cpus: 0.1, ...resources }).map(([name, value]) => scalar(name, value))
    const { executor, ...task } = taskInfo(offer, 't', { command: { shell: true, value: command } })
    await scheduler.launch(offer, [
      { ...task, resources: lumps, executor: { ...executor!, resources: lumps } },
    ])
  }

  const ended = (): Promise<TaskStatus> => scheduler!.update('t', 'TASK_FAILED')
  const node = (script: string): string =>
    `exec ${process.execPath} -e '${script}; setInterval(() => {}, 1000)'`

  it('kills an executor with all it runs for memory, and tells its tasks why', async () => {
    await launch({ memory: true }, `setsid ${node('globalThis.kept = Buffer.alloc(100 << 20, 1)').slice(5)}`)
    const status = await ended()
    expect(status).to.include({ source: 'SOURCE_AGENT', reason: 'REASON_CONTAINER_LIMITATION_MEMORY' })
    expect(status.message).to.match(
      /^Memory limit exceeded: Requested: 64MB Maximum Used: \d+[KMG]?B\n\nMEMORY STATISTICS: \nrss \d+\n\n$/,
    )
    const [limited] = status.limitation?.resources ?? []
    expect(limited?.name).to.equal('mem')
    expect(limited?.scalar?.value).to.be.greaterThan(64)
  })

  it('kills it for disk, with the quota that was exceeded', async () => {
    await launch({ disk: true }, 'head -c 65M /dev/zero > large; exec sleep 1000')
    const status = await ended()
    expect(status).to.include({ source: 'SOURCE_AGENT', reason: 'REASON_CONTAINER_LIMITATION_DISK' })
    expect(status.message).to.match(/^Disk usage \(\d+[KM]B\) exceeds quota \(64MB\)$/)
    expect(status.limitation?.resources).to.deep.equal([
      { name: 'disk', type: 'SCALAR', scalar: { value: 64 }, allocation_info: { role: 'web' } },
    ])
  })

  it('holds nothing against an executor that was given no disk', async () => {
    await launch({ disk: true, memory: true }, 'head -c 65M /dev/zero > large; exit 7', { mem: 32 })
    expect((await ended()).reason).to.equal('REASON_EXECUTOR_TERMINATED')
  })

  it('leaves alone who stays within', async () => {
    await launch({ disk: true, memory: true }, 'head -c 20M /dev/zero > large; sleep 0.5; exit 7')
    expect((await ended()).reason).to.equal('REASON_EXECUTOR_TERMINATED')
  })

  it('writes bytes as Mesos does', () => {
    expect([0, 1, 1024, 1536, 64 << 20, 3 * 1024 ** 4].map(formatBytes)).to.deep.equal([
      '0B',
      '1B',
      '1KB',
      '1536B',
      '64MB',
      '3TB',
    ])
  })
})
