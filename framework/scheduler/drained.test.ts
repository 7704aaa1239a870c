// When our executors on a drained agent are ended: Mesos calls it drained, and launches there again, only without them.
import { expect } from 'chai'
import type { CurrentAttempt } from '../domain/task.ts'
import { Drained } from './drained.ts'
import { eventually, RecordedCalls } from './testing/support.ts'

class Fixture implements AsyncDisposable {
  readonly calls = new RecordedCalls()
  readonly errors: unknown[] = []
  active: CurrentAttempt[] = []
  looks = 0
  fails = false
  readonly drained = new Drained({
    store: {
      loadActive: () => {
        this.looks += 1
        return this.fails ? Promise.reject(new Error('store')) : Promise.resolve(this.active)
      },
    },
    calls: this.calls,
    agents: { executorsOn: agentId => (agentId === 'a' ? ['e-juice', 'e-batch'] : ['e']) },
    onError: error => this.errors.push(error),
  })

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drained.close()
  }
}

const shutdown = (agentId: string, executorId: string): unknown => ({
  type: 'SHUTDOWN',
  shutdown: { agent_id: { value: agentId }, executor_id: { value: executorId } },
})

describe('drained agents', () => {
  it('lose every executor once no task of ours is left there', async () => {
    await using at = new Fixture()
    at.active = [{ taskId: 1, mesosTaskId: 't', agentId: 'a' }]
    at.drained.heard('a')
    await eventually(() => at.looks === 1)
    expect(at.calls.calls).to.deep.equal([])
    at.active = [{ taskId: 2, mesosTaskId: 'u', agentId: 'b' }]
    at.drained.heard('a')
    await at.calls.until('SHUTDOWN', 2)
    expect(at.calls.calls).to.deep.equal([shutdown('a', 'e-juice'), shutdown('a', 'e-batch')])
  })

  it('lose them later where the store does not answer, and never for what an earlier subscription said', async () => {
    await using at = new Fixture()
    at.fails = true
    at.drained.heard('b')
    await eventually(() => at.errors.length > 0)
    at.fails = false
    await at.calls.until('SHUTDOWN')
    expect(at.calls.calls).to.deep.equal([shutdown('b', 'e')])
    at.drained.heard('a')
    at.drained.clear()
    await at.drained.close()
    expect(at.calls.of('SHUTDOWN')).to.have.length(1)
  })
})
