// The executor in pid and mount namespaces of its own, as the isolators `namespaces/pid` and `filesystem/linux` give it:
// other numbers for processes, another /proc, the same paths, the same network namespace.
import { expect } from 'chai'
import { existsSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { containersOf, testDocker, testImage } from '../test/support/docker.ts'
import { listProcesses } from './command/proc.ts'
import { ExecutorBed, isRoot, outcomeOf, processesOf, until } from './test-bed.ts'

describe('executor in namespaces of its own', function () {
  this.timeout(60_000)
  let bed: ExecutorBed
  let dockerHost: string
  const run = `n${process.pid.toString(36)}${Date.now().toString(36)}`
  const name = (task: string): string => `${run}-${task}`
  const containers = async (task: string): Promise<number> =>
    (await containersOf(dockerHost, { 'juice.mesos-task': name(task) })).length

  before(async () => {
    ;({ dockerHost } = await testDocker())
    bed = await ExecutorBed.start({ dockerHost }, { authenticateExecutors: true, domainSockets: true })
    const user = isRoot ? '' : '--user --map-current-user '
    bed.launcher = `unshare ${user}--pid --mount --fork --mount-proc`
  })
  after(() => bed.close())

  /** The first process of the namespace, by its number outside. */
  function initOf(executorId: string): number {
    return bed.pidsOf(executorId).executor
  }

  it('runs commands and containers, whose folders are the agent’s', async () => {
    const command = 'echo out; test -e /proc/1/environ && tr "\\0" "\\n" < /proc/1/cmdline | head -n 1'
    const executorId = await bed.launch(name('command'), {
      command: `${command}; echo '"x"' > result.json; until test -e go; do sleep 0.05; done`,
    })
    const { sandbox = '' } = outcomeOf(await bed.scheduler.update(name('command'), 'TASK_RUNNING'))
    await until(async () => (await readFile(join(sandbox, 'stdout'), 'utf8')).includes('sh\n'))
    const container = 'cat $MESOS_SANDBOX/given; echo 5 > $MESOS_SANDBOX/result.json; sleep 300'
    await bed.launch(name('image'), { image: testImage, command: container, memMb: 32 }, executorId)
    const image = outcomeOf(await bed.scheduler.update(name('image'), 'TASK_RUNNING'))
    await until(() => existsSync(join(image.sandbox ?? '', 'sandbox', 'result.json')))
    await writeFile(join(sandbox, 'sandbox', 'go'), '')
    const done = outcomeOf(await bed.scheduler.update(name('command'), 'TASK_FINISHED'))
    expect(done.resultJson).to.equal('"x"\n')
    await bed.kill(name('image'))
    await bed.scheduler.update(name('image'), 'TASK_KILLED')
    expect(await containers('image')).to.equal(0)
    await bed.shutdown(executorId)
    await bed.failureOf(executorId)
  })

  it('ends a command task with what left its session, and a task beyond its memory', async () => {
    const command = '(setsid sleep 300 &) ; sleep 300'
    const executorId = await bed.launch(name('kill'), { command, killGraceMs: 0 })
    await bed.scheduler.update(name('kill'), 'TASK_RUNNING')
    await until(() => processesOf(name('kill')).length === 3)
    await bed.kill(name('kill'))
    await bed.scheduler.update(name('kill'), 'TASK_KILLED')
    expect(processesOf(name('kill'))).to.deep.equal([])
    const greedy = 'while :; do head -c 4M /dev/zero; sleep 0.01; done | tail -c 200M'
    await bed.launch(name('oom'), { command: greedy, memMb: 32 }, executorId)
    const status = await bed.scheduler.update(name('oom'), 'TASK_FAILED')
    expect(outcomeOf(status).failure).to.equal('FAILURE_OOM')
    await bed.shutdown(executorId)
    await bed.failureOf(executorId)
  })

  it('is in a namespace: its processes have other numbers there', async () => {
    const executorId = await bed.launch(name('numbers'), { command: 'sleep 300' })
    await bed.scheduler.update(name('numbers'), 'TASK_RUNNING')
    const status = readFileSync(`/proc/${initOf(executorId)}/status`, 'utf8')
    expect(/^NSpid:\s+\d+\s+1$/m.test(status)).to.equal(true)
    await bed.shutdown(executorId)
    await bed.failureOf(executorId)
  })

  it('with the end of the namespace loses its commands at once, and its containers to the next executor', async () => {
    const executorId = await bed.launch(name('first'), { command: 'setsid sleep 300' })
    await bed.launch(name('left'), { image: testImage, command: 'sleep 300', memMb: 32 }, executorId)
    const living = await bed.launch(name('stays'), { image: testImage, command: 'sleep 300', memMb: 32 })
    for (const task of ['first', 'left', 'stays']) await bed.scheduler.update(name(task), 'TASK_RUNNING')
    const init = initOf(executorId)
    process.kill(init, 'SIGKILL')
    await bed.scheduler.update(name('left'), 'TASK_FAILED')
    expect(processesOf(name('first'))).to.deep.equal([])
    expect(listProcesses().some(({ ppid }) => ppid === init)).to.equal(false)
    expect(await containers('left')).to.equal(1)
    await bed.launch(name('next'), { image: testImage, command: 'true', memMb: 32 })
    await bed.scheduler.update(name('next'), 'TASK_STARTING')
    expect(await containers('left'), 'swept before STARTING').to.equal(0)
    expect(await containers('stays'), 'its executor lives').to.equal(1)
    await bed.scheduler.update(name('next'), 'TASK_FINISHED')
    await bed.shutdown(living)
    await bed.failureOf(living)
    expect(await containers('stays')).to.equal(0)
  })
})
