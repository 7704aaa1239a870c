// Sweeps with real processes, owners that live and owners that don't, and an engine that keeps notes.
import { expect } from 'chai'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:net'
import { systemClock } from './clock.ts'
import { listProcesses, readVariables } from './command/proc.ts'
import { holdOwnerSocket, hostIdentity } from './owner.ts'
import { sweepOrphanProcesses, sweepOwn } from './sweep.ts'
import type { ContainerEngine, ListedContainer } from './types.ts'

const logger = { debug() {}, info() {}, warn() {}, error() {} }
const clock = systemClock

describe('sweeps', () => {
  const children: ChildProcess[] = []
  const owners: string[] = []
  const sockets: Server[] = []
  const newOwner = (): string => {
    const owner = randomUUID()
    owners.push(owner)
    return owner
  }
  /** One that lives for every sweep on this machine, also for those of another test run. */
  const livingOwner = async (): Promise<string> => {
    const owner = newOwner()
    sockets.push(await holdOwnerSocket(owner))
    return owner
  }
  afterEach(() => {
    children.length = 0
    for (const socket of sockets.splice(0)) socket.close()
    for (const owner of owners.splice(0)) for (const pid of processesOf(owner)) process.kill(pid, 'SIGKILL')
  })

  const processesOf = (owner: string): number[] =>
    listProcesses()
      .filter(({ pid }) => readVariables(pid, ['JUICE_OWNER'])[0] === owner)
      .map(({ pid }) => pid)

  /** A process as a command task has it; resolves when it runs, with its children. */
  async function task(
    owner: string,
    command = 'sleep 300 & setsid sleep 300 & echo ready; wait',
  ): Promise<ChildProcess> {
    const env = { PATH: process.env['PATH'], JUICE_OWNER: owner, JUICE_MESOS_TASK_ID: 'task' }
    const child = spawn('sh', ['-c', command], { env, detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
    children.push(child)
    await once(child.stdout!, 'data')
    return child
  }

  it('end every process of their own dead executor, and nothing of another', async () => {
    const [mine, other] = [await livingOwner(), await livingOwner()]
    await task(mine)
    await task(mine)
    const stays = await task(other)
    expect(await sweepOwn({ owner: mine, engine: undefined, clock, logger, timeoutMs: 1000 })).to.equal(true)
    expect(processesOf(mine)).to.deep.equal([])
    expect(processesOf(other)).to.include(stays.pid)
  })

  it('end no executor: a process that has the owner alone is none of a task', async () => {
    const owner = newOwner()
    const child = spawn('sh', ['-c', 'echo ready; sleep 300; :'], {
      env: { PATH: process.env['PATH'], JUICE_OWNER: owner },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    children.push(child)
    await once(child.stdout, 'data')
    await sweepOwn({ owner, engine: undefined, clock, logger, timeoutMs: 1000 })
    expect(processesOf(owner)).to.include(child.pid)
  })

  it('at the start end what dead executors left, and leave living ones alone', async () => {
    const [own, dead, living] = [await livingOwner(), newOwner(), await livingOwner()]
    await task(dead)
    const stays = [await task(living), await task(own)]
    await sweepOrphanProcesses({ owner: own, host: await hostIdentity(), clock, logger })
    expect(processesOf(dead)).to.deep.equal([])
    for (const child of stays) expect(listProcesses().map(({ pid }) => pid)).to.include(child.pid)
  })

  it('spare the session that a process is in where somebody else leads it', async () => {
    const dead = newOwner()
    const command = `JUICE_OWNER=${dead} JUICE_MESOS_TASK_ID=task sleep 300 & echo ready; wait; sleep 300`
    const env = { PATH: process.env['PATH'] }
    const leader = spawn('sh', ['-c', command], { env, detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
    await once(leader.stdout, 'data')
    await sweepOrphanProcesses({ owner: newOwner(), host: await hostIdentity(), clock, logger })
    expect(processesOf(dead)).to.deep.equal([])
    expect(listProcesses().map(({ pid }) => pid)).to.include(leader.pid)
    process.kill(-leader.pid!, 'SIGKILL')
  })

  it('do not judge processes of another network namespace, whose owner can not be asked', async () => {
    // It lives, so that no other test run's executor takes it; here it is said not to answer.
    const silent = await livingOwner()
    const child = await task(silent)
    const host = await hostIdentity()
    const ask = (owner: string): Promise<boolean> => Promise.resolve(owner !== silent)
    await sweepOrphanProcesses({ owner: newOwner(), host: { ...host, netns: '1' }, clock, logger, ask })
    expect(processesOf(silent)).to.include(child.pid)
    await sweepOrphanProcesses({ owner: newOwner(), host, clock, logger, ask })
    expect(processesOf(silent)).to.deep.equal([])
  })

  it('hold an owner only once', async () => {
    const owner = newOwner()
    const socket = await holdOwnerSocket(owner)
    const failure = await holdOwnerSocket(owner).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    )
    expect(failure).to.equal('EADDRINUSE')
    socket.close()
  })

  describe('of containers', () => {
    /** Looks at the engine, one after another: the ids that are there, or the engine's failure. */
    function engine(
      looks: (readonly string[] | Error)[],
      failing = new Set<string>(),
    ): ContainerEngine & { removed: string[] } {
      const removed: string[] = []
      return {
        removed,
        list: ({ labels }) => {
          const look = looks.length > 1 ? looks.shift()! : looks[0]!
          expect(labels).to.deep.equal(['juice.owner=me'])
          return look instanceof Error
            ? Promise.reject(look)
            : Promise.resolve(look.map((id): ListedContainer => ({ id, labels: {} })))
        },
        remove: id => {
          removed.push(id)
          return failing.has(id) ? Promise.reject(new Error('busy')) : Promise.resolve()
        },
        close: () => Promise.resolve(),
      }
    }
    const sweep = (
      looks: (readonly string[] | Error)[],
      timeoutMs = 5000,
      failing?: Set<string>,
    ): Promise<[boolean, string[]]> => {
      const fake = engine(looks, failing)
      return sweepOwn({ owner: 'me', engine: fake, clock, logger, timeoutMs }).then(clean => [
        clean,
        fake.removed,
      ])
    }

    it('look again, since a last request of the dead executor may still be at work', async () => {
      expect(await sweep([['a', 'b'], [], ['late'], [], []])).to.deep.equal([true, ['a', 'b', 'late']])
    })

    it('try again while the engine fails, and give up in time', async () => {
      expect(await sweep([new Error('away'), ['a'], [], []])).to.deep.equal([true, ['a']])
      const [clean, removed] = await sweep([['a']], 1, new Set(['a']))
      expect(clean).to.equal(false)
      expect(removed).to.include('a')
      expect((await sweep([new Error('away')], 1))[0]).to.equal(false)
    })
  })
})
