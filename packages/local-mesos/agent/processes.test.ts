import { expect } from 'chai'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '../core/clock.ts'
import { ProcessHost } from './processes.ts'

/** A zombie that nobody has reaped yet is dead. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat !== '' && !/\) Z /.test(stat)
}

describe('processes', () => {
  let directory: string
  let host: ProcessHost
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'local-mesos-processes-'))
    host = new ProcessHost(systemClock)
  })
  afterEach(async () => {
    await host.killAll()
    await rm(directory, { recursive: true, force: true })
  })

  const start = (script: string): Promise<number> =>
    host.start({
      file: '/bin/sh',
      args: ['-c', script],
      environment: { PATH: '/usr/bin:/bin' },
      directory,
      stdout: join(directory, 'stdout'),
      stderr: join(directory, 'stderr'),
    })
  const exit = (pid: number): Promise<number> => {
    const { promise, resolve } = Promise.withResolvers<number>()
    host.onExit(pid, undefined, resolve)
    return promise
  }
  /** The lines that a script has written, once there are that many. */
  const lines = async (count: number): Promise<string[]> => {
    for (;;) {
      const written = (await readFile(join(directory, 'stdout'), 'utf8')).split('\n').slice(0, -1)
      if (written.length >= count) return written
      await pause(2)
    }
  }

  it('tell the raw wait status, also to one who asks late', async () => {
    const pid = await start('exit 3')
    expect(await exit(pid)).to.equal(3 << 8)
    expect(await exit(pid)).to.equal(3 << 8)
    expect(await exit(await start('kill -TERM $$'))).to.equal(15)
  })

  it('lead a session of their own', async () => {
    const pid = await start(
      'read -r _ _ _ _ pgrp session _ < /proc/$$/stat; echo $pgrp; echo $session; sleep 100',
    )
    expect(await lines(2)).to.deep.equal([String(pid), String(pid)])
  })

  it('are killed with children, background jobs and those that left the session', async () => {
    const leader = await start(
      'sleep 100 & setsid sh -c "echo \\$\\$; sleep 100 & wait" & echo $!; echo $$; wait',
    )
    const pids = (await lines(3)).map(Number)
    host.killTree(leader)
    expect(await exit(leader)).to.equal(9)
    for (const pid of pids) while (await isAlive(pid)) await pause(2)
  })

  it('leave nothing behind in their session when the leader ends by itself', async () => {
    const leader = await start('sleep 100 & echo $!; exit 0')
    const [child] = await lines(1)
    await exit(leader)
    host.killTree(leader)
    while (await isAlive(Number(child))) await pause(2)
  })

  it('of an earlier life are taken up by pid and start time', async () => {
    const pid = await start('exec sleep 100')
    const other = new ProcessHost(systemClock)
    const { promise, resolve } = Promise.withResolvers<number>()
    other.onExit(pid, other.startTime(pid), resolve)
    process.kill(pid, 'SIGKILL')
    expect(await promise).to.equal(0)
    // The same pid with another start is another process: the former one has ended.
    const again = Promise.withResolvers<number>()
    new ProcessHost(systemClock).onExit(process.pid, '1', again.resolve)
    expect(await again.promise).to.equal(0)
  })

  it('that cannot be started are an error', async () => {
    const spec = { environment: {}, directory, stdout: join(directory, 'o'), stderr: join(directory, 'e') }
    const failed = await host
      .start({ ...spec, file: '/no/such/program', args: [] })
      .catch((error: unknown) => error)
    expect(failed).to.be.instanceOf(Error)
  })
})
