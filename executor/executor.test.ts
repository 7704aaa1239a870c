// The executor as an agent runs it, with command tasks.
import { expect } from 'chai'
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { listProcesses } from './command/proc.ts'
import { ExecutorBed, outcomeOf, processesOf, until } from './test-bed.ts'

describe('executor on a local Mesos', function () {
  this.timeout(60_000)
  let bed: ExecutorBed
  /** The same test may run twice at once on one machine, and processes are looked for by this. */
  const run = `t${process.pid.toString(36)}${Date.now().toString(36)}`
  const name = (task: string): string => `${run}-${task}`
  before(async () => {
    bed = await ExecutorBed.start({ dockerHost: 'unix:///nowhere/docker.sock' })
  })
  after(() => bed.close())

  it('runs a command to its end: states, outcome, output, result', async () => {
    await bed.launch(name('good'), { command: 'echo out; echo err >&2; echo "[1]" > result.json' })
    const status = await bed.scheduler.update(name('good'), 'TASK_FINISHED')
    expect(bed.statesOf(name('good'))).to.equal('STARTING RUNNING FINISHED')
    const outcome = outcomeOf(status)
    expect(outcome).to.include({ exitCode: 0, resultJson: '[1]\n' })
    expect(Buffer.from(outcome.stdoutTail!).toString()).to.equal('out\n')
    expect(await readFile(join(outcome.sandbox!, 'stdout'), 'utf8')).to.equal('out\n')
    expect(await readFile(join(outcome.sandbox!, 'stderr'), 'utf8')).to.equal('err\n')
    expect(outcomeOf(bed.scheduler.updatesOf(name('good'))[0]!).sandbox).to.equal(outcome.sandbox)
  })

  it('runs the next tasks on the same executor', async () => {
    const executorId = await bed.launch(name('first'), { command: 'exit 3' })
    const first = await bed.scheduler.update(name('first'), 'TASK_FAILED')
    expect(first.message).to.equal('Exited with code 3')
    const pids = bed.pidsOf(executorId)
    await bed.launch(name('second'), { command: 'true' }, executorId)
    await bed.scheduler.update(name('second'), 'TASK_FINISHED')
    expect(bed.pidsOf(executorId)).to.deep.equal(pids)
  })

  it('kills a task, also one that ignores TERM', async () => {
    const command = 'trap "" TERM; : > deaf; sleep 300 & while :; do sleep 0.05; done'
    await bed.launch(name('kill'), { command, killGraceMs: 100 })
    const { sandbox = '' } = outcomeOf(await bed.scheduler.update(name('kill'), 'TASK_RUNNING'))
    // A shell runs before it has read its trap.
    await until(() => existsSync(join(sandbox, 'sandbox/deaf')))
    await bed.kill(name('kill'))
    const status = await bed.scheduler.update(name('kill'), 'TASK_KILLED')
    expect(bed.statesOf(name('kill'))).to.equal('STARTING RUNNING KILLING KILLED')
    expect(outcomeOf(status).signal).to.equal(9)
    expect(processesOf(name('kill'))).to.deep.equal([])
  })

  it('tells an image without an engine as the engine’s fault', async () => {
    await bed.launch(name('image'), { image: 'busybox' })
    const status = await bed.scheduler.update(name('image'), 'TASK_FAILED')
    expect(outcomeOf(status).failure).to.equal('FAILURE_ENGINE')
    expect(status.message).to.match(/^The Docker engine is not to be had/)
  })

  it('ends a task whose folder grows beyond its disk', async () => {
    await bed.launch(name('disk'), { command: 'head -c 3000000 /dev/zero > big; sleep 300', diskMb: 2 })
    const status = await bed.scheduler.update(name('disk'), 'TASK_FAILED')
    expect(outcomeOf(status).failure).to.equal('FAILURE_DISK')
    expect(status.message).to.equal('Out of disk: its folder has 3 MB or more, its limit is 2 MB')
  })

  it('fails a task whose URI can not be had', async () => {
    await bed.launch(name('uri'), {
      command: 'true',
      uris: [{ value: 'http://127.0.0.1:9/x.tgz', extract: true }],
    })
    const status = await bed.scheduler.update(name('uri'), 'TASK_FAILED')
    expect(outcomeOf(status).failure).to.equal('FAILURE_URI')
    expect(status.message).to.match(/^Could not fetch http:\/\/127\.0\.0\.1:9\/x\.tgz: .*ECONNREFUSED/)
    expect(bed.statesOf(name('uri'))).to.equal('STARTING FAILED')
  })

  it('keeps the agent’s secrets and its own environment from tasks', async () => {
    await bed.launch(name('env'), { command: 'env' })
    const outcome = outcomeOf(await bed.scheduler.update(name('env'), 'TASK_FINISHED'))
    const lines = Buffer.from(outcome.stdoutTail!).toString().split('\n')
    const names = lines.map(line => line.split('=')[0] ?? '')
    expect(names.filter(name => name.startsWith('MESOS_'))).to.deep.equal(['MESOS_SANDBOX'])
    expect(names).to.include.members([
      'TASK_ID',
      'JUICE_TASK_ID',
      'JUICE_ATTEMPT',
      'JUICE_SERVICE',
      'INSTANCE',
    ])
    expect((await readdir(outcome.sandbox!)).sort()).to.deep.equal(['sandbox', 'stderr', 'stdout'])
  })

  it('is cleaned up after by its parent when it is killed: no process is left when the agent hears of it', async () => {
    const executorId = await bed.launch(name('orphan'), { command: 'setsid sleep 300 & sleep 300' })
    await bed.scheduler.update(name('orphan'), 'TASK_RUNNING')
    await until(() => processesOf(name('orphan')).length >= 3)
    process.kill(bed.pidsOf(executorId).executor, 'SIGKILL')
    expect(await bed.failureOf(executorId), 'exit code 3: all is gone').to.equal(3 << 8)
    expect(processesOf(name('orphan'))).to.deep.equal([])
    expect((await bed.scheduler.update(name('orphan'), 'TASK_FAILED')).reason).to.equal(
      'REASON_EXECUTOR_TERMINATED',
    )
  })

  it('sweeps what an executor left that was killed together with its parent', async () => {
    const executorId = await bed.launch(name('left'), { command: 'setsid sleep 300 & sleep 300' })
    await bed.scheduler.update(name('left'), 'TASK_RUNNING')
    await until(() => processesOf(name('left')).length >= 3)
    const { parent, executor } = bed.pidsOf(executorId)
    for (const pid of [parent, executor]) process.kill(pid, 'SIGKILL')
    await bed.scheduler.update(name('left'), 'TASK_FAILED')
    await bed.launch(name('next'), { command: 'true' })
    await bed.scheduler.update(name('next'), 'TASK_STARTING')
    expect(processesOf(name('left'))).to.deep.equal([])
    await bed.scheduler.update(name('next'), 'TASK_FINISHED')
  })

  it('goes on with its tasks when the agent restarts, and tells what happened meanwhile', async () => {
    await bed.launch(name('agent'), { command: 'until test -e go; do sleep 0.02; done; echo done' })
    const { sandbox } = outcomeOf(await bed.scheduler.update(name('agent'), 'TASK_RUNNING'))
    const agent = bed.mesos.agents[0]!
    await agent.stop()
    await writeFile(join(sandbox!, 'sandbox/go'), '')
    await agent.start()
    const status = await bed.scheduler.update(name('agent'), 'TASK_FINISHED')
    expect(outcomeOf(status).exitCode).to.equal(0)
    expect(bed.statesOf(name('agent'))).to.equal('STARTING RUNNING FINISHED')
  })

  it('kills its tasks and leaves when it is told to shut down', async () => {
    const executorId = await bed.launch(name('down'), { command: 'sleep 300' })
    await bed.scheduler.update(name('down'), 'TASK_RUNNING')
    const { parent, executor } = bed.pidsOf(executorId)
    await bed.shutdown(executorId)
    await bed.scheduler.update(name('down'), 'TASK_KILLED')
    await bed.failureOf(executorId)
    const alive = listProcesses().map(({ pid }) => pid)
    expect(alive).to.not.include(parent).and.not.include(executor)
    expect(processesOf(name('down'))).to.deep.equal([])
  })
})
