// The executor as an agent runs it, with container tasks on a real engine.
import { expect } from 'chai'
import { containersOf, testDocker, testImage } from '../test/support/docker.ts'
import { ExecutorBed, outcomeOf, until } from './test-bed.ts'

describe('executor on a local Mesos with a Docker engine', function () {
  this.timeout(60_000)
  let bed: ExecutorBed
  let dockerHost: string
  const run = `c${process.pid.toString(36)}${Date.now().toString(36)}`
  const name = (task: string): string => `${run}-${task}`
  const containers = async (task: string): Promise<number> =>
    (await containersOf(dockerHost, { 'juice.mesos-task': name(task) })).length

  before(async () => {
    ;({ dockerHost } = await testDocker())
    bed = await ExecutorBed.start({ dockerHost })
  })
  after(() => bed.close())

  it('runs an image to its end: states, outcome, output, result; nothing of it stays', async () => {
    const command = 'echo out; echo $MESOS_SANDBOX; echo 5 > $MESOS_SANDBOX/result.json; id -u'
    const docker = { user: '1234' }
    await bed.launch(name('good'), { image: testImage, command, memMb: 32, docker })
    const status = await bed.scheduler.update(name('good'), 'TASK_FINISHED')
    expect(bed.statesOf(name('good'))).to.equal('STARTING RUNNING FINISHED')
    const outcome = outcomeOf(status)
    expect(outcome).to.include({ exitCode: 0, resultJson: '5\n' })
    expect(outcome.containerId).to.match(/^[0-9a-f]{64}$/)
    expect(Buffer.from(outcome.stdoutTail!).toString()).to.equal('out\n/mnt/mesos/sandbox\n1234\n')
    expect(await containers('good')).to.equal(0)
  })

  it('kills a container, and tells its end once', async () => {
    await bed.launch(name('kill'), { image: testImage, command: 'sleep 300', memMb: 32, killGraceMs: 0 })
    await bed.scheduler.update(name('kill'), 'TASK_RUNNING')
    await bed.kill(name('kill'))
    await bed.scheduler.update(name('kill'), 'TASK_KILLED')
    expect(bed.statesOf(name('kill'))).to.equal('STARTING RUNNING KILLING KILLED')
    expect(await containers('kill')).to.equal(0)
  })

  it('killed with -9 leaves no container when the agent hears of it', async () => {
    const executorId = await bed.launch(name('orphan'), { image: testImage, command: 'sleep 300', memMb: 32 })
    await bed.scheduler.update(name('orphan'), 'TASK_RUNNING')
    process.kill(bed.pidsOf(executorId).executor, 'SIGKILL')
    expect(await bed.failureOf(executorId), 'exit code 3: all is gone').to.equal(3 << 8)
    expect(await containers('orphan')).to.equal(0)
  })

  it('killed with -9 together with its parent leaves them to the next executor, and to that alone', async () => {
    const executorId = await bed.launch(name('left'), { image: testImage, command: 'sleep 300', memMb: 32 })
    const living = await bed.launch(name('stays'), { image: testImage, command: 'sleep 300', memMb: 32 })
    for (const task of ['left', 'stays']) await bed.scheduler.update(name(task), 'TASK_RUNNING')
    const { parent, executor } = bed.pidsOf(executorId)
    for (const pid of [parent, executor]) process.kill(pid, 'SIGKILL')
    await bed.scheduler.update(name('left'), 'TASK_FAILED')
    expect(await containers('left')).to.equal(1)
    await bed.launch(name('next'), { image: testImage, command: 'true', memMb: 32 })
    await bed.scheduler.update(name('next'), 'TASK_STARTING')
    expect(await containers('left'), 'swept before STARTING').to.equal(0)
    expect(await containers('stays'), 'its executor lives').to.equal(1)
    await bed.scheduler.update(name('next'), 'TASK_FINISHED')
    await bed.shutdown(living)
    await bed.scheduler.update(name('stays'), 'TASK_KILLED')
    await bed.failureOf(living)
    await until(async () => (await containers('stays')) === 0)
  })
})
