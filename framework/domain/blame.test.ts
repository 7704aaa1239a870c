import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { judge } from './blame.ts'
import { update } from './test-support.ts'
import { type MesosUpdate, normaliseReason, normaliseSource, updateKind } from './update.ts'

const byAgent = { source: 'AGENT' } as const

describe('blame (S59)', () => {
  const ofMesos = [
    'INVALID_OFFERS',
    'MASTER_DISCONNECTED',
    'RESOURCES_UNKNOWN',
    'GC_ERROR',
    'AGENT_DISCONNECTED',
    'AGENT_REMOVED',
    'AGENT_REMOVED_BY_OPERATOR',
    'AGENT_RESTARTED',
    'AGENT_UNKNOWN',
    'AGENT_DRAINING',
    'CONTAINER_LAUNCH_FAILED',
    'CONTAINER_UPDATE_FAILED',
    'CONTAINER_PREEMPTED',
    'IO_SWITCHBOARD_EXITED',
    'EXECUTOR_REGISTRATION_TIMEOUT',
    'EXECUTOR_REREGISTRATION_TIMEOUT',
    'EXECUTOR_TERMINATED',
  ]
  for (const reason of ofMesos) {
    it(`gives ${reason} to Mesos: free, up to a cap`, () => {
      const verdict = judge(update('TASK_FAILED', { reason, ...byAgent }))
      expect(verdict).to.include({ blame: 'mesos', retry: 'free' })
      expect(verdict).to.not.have.property('unknownReason')
      expect(verdict.fault?.name).to.equal(reason)
      const caps: Record<string, number> = { CONTAINER_LAUNCH_FAILED: 10, EXECUTOR_TERMINATED: 3 }
      expect(verdict.fault?.cap).to.equal(caps[reason] ?? 20)
    })
  }

  it('gives the task what our executor reports', () => {
    for (const reason of [
      undefined,
      'CONTAINER_LIMITATION_MEMORY',
      'MAX_COMPLETION_TIME_REACHED',
      'COMMAND_EXECUTOR_FAILED',
    ]) {
      const seen = update('TASK_FAILED', { source: 'EXECUTOR', ...(reason === undefined ? {} : { reason }) })
      expect(judge(seen)).to.deep.equal({ blame: 'task', retry: 'counted' })
    }
    for (const failure of ['EXIT', 'OOM', 'IMAGE', 'START', 'URI', 'MAX_RUNTIME', 'DISK']) {
      const seen = update('TASK_FAILED', { source: 'EXECUTOR', report: { failure: `FAILURE_${failure}` } })
      expect(judge(seen).blame, failure).to.equal('task')
    }
    for (const failure of ['ENGINE', 'EXECUTOR']) {
      const seen = update('TASK_FAILED', { source: 'EXECUTOR', report: { failure: `FAILURE_${failure}` } })
      expect(judge(seen), failure).to.deep.include({ blame: 'mesos', retry: 'free' })
    }
  })

  it('reads the stamp of a draining agent only where the executor itself says nothing', () => {
    const stamped = { source: 'EXECUTOR', reason: 'AGENT_DRAINING' } as const
    expect(judge(update('TASK_FAILED', stamped)).blame).to.equal('mesos')
    expect(judge(update('TASK_FAILED', { ...stamped, report: { failure: 'FAILURE_EXIT' } })).blame).to.equal(
      'task',
    )
    expect(judge(update('TASK_KILLED', stamped)).blame).to.equal('mesos')
  })

  it('gives a limit of the shared executor to Mesos, unless it ran that task only', () => {
    for (const reason of [
      'CONTAINER_LIMITATION',
      'CONTAINER_LIMITATION_DISK',
      'CONTAINER_LIMITATION_MEMORY',
    ]) {
      expect(judge(update('TASK_FAILED', { reason, ...byAgent })).blame).to.equal('mesos')
      expect(judge(update('TASK_FAILED', { reason, ...byAgent, aloneInExecutor: true })).blame).to.equal(
        'task',
      )
    }
  })

  it('takes TASK_INVALID upon us, twice, and never retries TASK_UNAUTHORIZED', () => {
    const fault = { name: 'TASK_INVALID', cap: 2, beyond: 'error' }
    expect(judge(update('TASK_ERROR', { reason: 'TASK_INVALID' }))).to.deep.equal({
      blame: 'juice',
      retry: 'free',
      fault,
    })
    expect(judge(update('TASK_ERROR', { reason: 'TASK_UNAUTHORIZED' })).retry).to.equal('never')
  })

  it('judges by the state where the reason says nothing', () => {
    for (const reason of [
      'RECONCILIATION',
      'AGENT_REREGISTERED',
      'TASK_KILLED_DURING_LAUNCH',
      'FRAMEWORK_REMOVED',
    ]) {
      expect(judge(update('TASK_GONE', { reason })).fault?.name).to.equal('TASK_GONE')
    }
    expect(judge(update('TASK_KILLED', { healthy: false })).blame).to.equal('task')
  })

  it('gives a reason that it does not list to Mesos, capped low, and says so', () => {
    for (const reason of ['SOMETHING_NEW', 'constructor', '__proto__']) {
      const verdict = judge(update('TASK_FAILED', { reason, ...byAgent }))
      expect(verdict).to.include({ blame: 'mesos', retry: 'free', unknownReason: reason })
      expect(verdict.fault?.cap).to.equal(5)
    }
  })

  it('knows every end that a real Mesos was recorded to give', () => {
    const ends = recordedStatuses().filter(
      status => !['alive', 'running', 'finished'].includes(updateKind(status)),
    )
    expect(ends.length).to.be.above(50)
    for (const status of ends) {
      expect(updateKind(status), status.state).to.not.equal('unknown')
      expect(judge(status), JSON.stringify(status)).to.not.have.property('unknownReason')
    }
  })
})

/** Status updates that Mesos sent in the recordings; what the recorder sent was wrong on purpose now and then. */
function recordedStatuses(): MesosUpdate[] {
  const folder = join(import.meta.dirname, '../../test/fixtures/mesos-traces')
  const found: MesosUpdate[] = []
  for (const file of readdirSync(folder)) collect(JSON.parse(readFileSync(join(folder, file), 'utf8')), found)
  return found
}

function collect(value: unknown, found: MesosUpdate[]): void {
  if (typeof value !== 'object' || value === null) return
  if ('task_id' in value && 'state' in value && 'source' in value && typeof value.state === 'string') {
    const reason = normaliseReason(textOf('reason' in value ? value.reason : undefined))
    const source = normaliseSource(textOf(value.source))
    found.push(
      update(value.state, {
        ...(reason === undefined ? {} : { reason }),
        ...(source === undefined ? {} : { source }),
      }),
    )
  }
  for (const [name, inner] of Object.entries(value)) if (name !== 'request') collect(inner, found)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
