// The executor on agents that authenticate it and speak to it over a unix socket.
import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
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
    'for p in /proc/[0-9]*; do',
    '  tr "\\0" "\\n" < $p/environ 2>/dev/null | sed -n "s|^MESOS_EXECUTOR_AUTH[A-Z_]*=|$p environ &|p"',
    '  tr "\\0" "\\n" < $p/cmdline 2>/dev/null | grep "^eyJ" | sed "s|^|$p cmdline |"',
    'done; env | grep -e AUTH -e eyJ; test -e /proc/self/fd/3 && echo "fd 3"; echo scanned',
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
