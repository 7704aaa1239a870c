// The executor on agents that authenticate it and speak to it over a unix socket.
import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { listProcesses } from './command/proc.ts'
import { ExecutorBed, outcomeOf, until } from './test-bed.ts'

const nowhere = { dockerHost: 'unix:///nowhere/docker.sock' }
const self = `${process.getuid?.()}:${process.getgid?.()}`

describe('executor that its agent authenticates (E4)', function () {
  this.timeout(60_000)
  let bed: ExecutorBed
  const run = `a${process.pid.toString(36)}${Date.now().toString(36)}`
  before(async () => {
    bed = await ExecutorBed.start(nowhere, { authenticateExecutors: true, domainSockets: true })
  })
  after(() => bed.close())

  /** All that a process of this user can read of others: names and values of the token, and open pipes that hold it. */
  const scan = [
    "grep -alsz '^MESOS_EXECUTOR_AUTH[A-Z_]*=' /proc/[0-9]*/environ",
    "grep -alsz '^eyJ' /proc/[0-9]*/cmdline",
    'env | grep -e AUTH -e eyJ; test -e /proc/self/fd/3 && echo "fd 3"; echo scanned',
  ].join('\n')

  it('shows its token to no task, not even to one of its own user', async () => {
    const id = `${run}-scan`
    const executorId = await bed.launch(id, { command: scan, commandUser: self })
    const { sandbox = '' } = outcomeOf(await bed.scheduler.update(id, 'TASK_FINISHED'))
    expect(await readFile(join(sandbox, 'stdout'), 'utf8')).to.equal('scanned\n')
    const { parent, executor } = bed.pidsOf(executorId)
    for (const pid of [parent, executor]) {
      const environ = readFileSync(`/proc/${pid}/environ`, 'latin1')
      expect(environ).to.include('MESOS_EXECUTOR_ID=').and.not.include('eyJ')
      expect(environ).to.include('MESOS_DOMAIN_SOCKET=')
    }
  })

  it('comes back to a restarted agent with its token, over the agent’s socket (E5)', async () => {
    const id = `${run}-back`
    await bed.launch(id, { command: 'sleep 300', commandUser: self })
    await bed.scheduler.update(id, 'TASK_RUNNING')
    const agent = bed.mesos.agents[0]!
    // The listening one, and one each for the executor's events and its calls.
    const sockets = (): number =>
      readFileSync('/proc/net/unix', 'latin1')
        .split('\n')
        .filter(line => line.endsWith(join(agent.workDir, 'agent.sock'))).length
    expect(sockets()).to.be.greaterThan(1)
    await agent.restart()
    await agent.waitUntilRegistered()
    expect(sockets()).to.be.greaterThan(1)
    await bed.kill(id)
    await bed.scheduler.update(id, 'TASK_KILLED')
    expect(bed.statesOf(id)).to.equal('STARTING RUNNING KILLING KILLED')
  })

  it('cleans up after an executor that died without it', async () => {
    const id = `${run}-dies`
    const executorId = await bed.launch(id, { command: 'sleep 300', commandUser: self })
    await bed.scheduler.update(id, 'TASK_RUNNING')
    const { parent, executor } = bed.pidsOf(executorId)
    process.kill(executor, 'SIGKILL')
    await until(() => {
      const sweeping = listProcesses().find(({ ppid, pid }) => ppid === parent && pid !== executor)
      if (sweeping === undefined) return false
      expect(readFileSync(`/proc/${sweeping.pid}/environ`, 'latin1')).to.not.include('eyJ')
      return true
    })
    expect(await bed.failureOf(executorId)).to.equal(3 << 8)
  })
})

describe('executor whose agent holds it to its disk', function () {
  this.timeout(60_000)
  const run = `d${process.pid.toString(36)}${Date.now().toString(36)}`
  let bed: ExecutorBed
  const limited = async (disk: number): Promise<void> => {
    bed = await ExecutorBed.start(nowhere, { isolation: { disk: true, intervalMs: 50 } })
    bed.executorResources = { cpus: 0.1, mem: 160, ...(disk > 0 ? { disk } : {}) }
  }
  afterEach(() => bed.close())
  const plain = { cpus: 0.1, mem: 32 }
  const name = (task: string): string => `${run}-${task}`
  const untilGo = 'until test -e go; do sleep 0.05; done'

  /** A neighbour that runs until `finish`, which also shows that it was not disturbed. */
  async function neighbour(): Promise<{ readonly executorId: string; readonly finish: () => Promise<void> }> {
    const id = name('neighbour')
    const executorId = await bed.launch(id, { command: untilGo }, undefined, plain)
    const { sandbox = '' } = outcomeOf(await bed.scheduler.update(id, 'TASK_RUNNING'))
    const pids = bed.pidsOf(executorId)
    return {
      executorId,
      finish: async () => {
        expect(bed.pidsOf(executorId)).to.deep.equal(pids)
        await writeFile(join(sandbox, 'sandbox', 'go'), '')
        await bed.scheduler.update(id, 'TASK_FINISHED')
        expect(bed.statesOf(id)).to.equal('STARTING RUNNING FINISHED')
      },
    }
  }

  for (const [kind, diskMb] of [
    ['beyond its own disk', 40],
    ['without disk of its own beyond what there is room for', 0],
  ] as const)
    it(`ends a task that writes ${kind}, and nobody else`, async () => {
      await limited(64)
      const { executorId, finish } = await neighbour()
      const id = name(`greedy${diskMb}`)
      const resources = diskMb > 0 ? { ...plain, disk: diskMb } : plain
      const command = 'head -c 50M /dev/zero > large; sleep 300'
      await bed.launch(id, { command, diskMb }, executorId, resources)
      const status = await bed.scheduler.update(id, 'TASK_FAILED')
      expect(status.source).to.equal('SOURCE_EXECUTOR')
      expect(status.message).to.match(/^Out of disk/)
      expect(outcomeOf(status).failure).to.equal('FAILURE_DISK')
      await finish()
    })

  it('ends nobody for printing, and keeps logs within what was asked for', async () => {
    await limited(64)
    const { executorId, finish } = await neighbour()
    for (const [task, diskMb] of [
      ['talker', 0],
      ['talker10', 10],
    ] as const) {
      const command = 'head -c 90M /dev/zero; exit 5'
      const resources = diskMb > 0 ? { ...plain, disk: diskMb } : plain
      await bed.launch(name(task), { command, diskMb }, executorId, resources)
      const status = await bed.scheduler.update(name(task), 'TASK_FAILED')
      expect(status.message).to.equal('Exited with code 5')
    }
    await finish()
  })

  it('keeps folders of ended tasks only as far as they fit', async () => {
    await limited(64)
    const { executorId, finish } = await neighbour()
    for (let number = 0; number < 6; number++) {
      const id = name(`leaves${number}`)
      const command = 'head -c 12M /dev/zero > left'
      await bed.launch(id, { command, diskMb: 20 }, executorId, { ...plain, disk: 20 })
      await bed.scheduler.update(id, 'TASK_FINISHED')
    }
    await finish()
  })

  it('would take all with it without disk of its own, which is why it asks for some', async () => {
    await limited(0)
    const { executorId } = await neighbour()
    const command = 'head -c 30M /dev/zero > left'
    await bed.launch(name('first'), { command, diskMb: 40 }, executorId, { ...plain, disk: 40 })
    await bed.scheduler.update(name('first'), 'TASK_FINISHED')
    await bed.launch(name('second'), { command: 'sleep 300', diskMb: 10 }, executorId, { ...plain, disk: 10 })
    for (const task of ['second', 'neighbour']) {
      const status = await bed.scheduler.update(name(task), 'TASK_FAILED')
      expect(status).to.include({ source: 'SOURCE_AGENT', reason: 'REASON_CONTAINER_LIMITATION_DISK' })
    }
  })
})

describe('executor whose agent holds it to its memory', function () {
  this.timeout(60_000)
  const run = `m${process.pid.toString(36)}${Date.now().toString(36)}`
  const name = (task: string): string => `${run}-${task}`
  let bed: ExecutorBed
  beforeEach(async () => {
    bed = await ExecutorBed.start(nowhere, { isolation: { memory: true, intervalMs: 20 } })
    // As the framework asks for by default.
    bed.executorResources = { cpus: 0.1, mem: 160 }
  })
  afterEach(() => bed.close())

  const resources = { cpus: 0.1, mem: 64 }
  /** Takes up to 400 MB in steps of 4: `tail` keeps what it may have to print. */
  const greedy = 'while :; do head -c 4M /dev/zero; sleep 0.01; done | tail -c 400M'

  async function neighbour(): Promise<string> {
    const executorId = await bed.launch(
      name('neighbour'),
      { command: 'until test -e go; do sleep 0.05; done', memMb: 64 },
      undefined,
      resources,
    )
    await bed.scheduler.update(name('neighbour'), 'TASK_RUNNING')
    return executorId
  }

  it('ends a task beyond its own memory by itself, and nobody else', async () => {
    const executorId = await neighbour()
    const pids = bed.pidsOf(executorId)
    await bed.launch(name('greedy'), { command: greedy, memMb: 64 }, executorId, resources)
    const status = await bed.scheduler.update(name('greedy'), 'TASK_FAILED')
    expect(status.source).to.equal('SOURCE_EXECUTOR')
    expect(outcomeOf(status)).to.include({ failure: 'FAILURE_OOM', oom: true })
    expect(bed.pidsOf(executorId)).to.deep.equal(pids)
    const { sandbox = '' } = outcomeOf(await bed.scheduler.update(name('neighbour'), 'TASK_RUNNING'))
    await writeFile(join(sandbox, 'sandbox', 'go'), '')
    await bed.scheduler.update(name('neighbour'), 'TASK_FINISHED')
  })

  it('could not save anybody from a task that it does not watch', async () => {
    const executorId = await neighbour()
    await bed.launch(name('unwatched'), { command: greedy, memMb: 0 }, executorId, resources)
    for (const task of ['unwatched', 'neighbour'])
      expect((await bed.scheduler.update(name(task), 'TASK_FAILED')).reason).to.equal(
        'REASON_CONTAINER_LIMITATION_MEMORY',
      )
  })
})
