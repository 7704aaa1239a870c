import { expect } from 'chai'
import type { TaskStatus } from 'mesos-http-client'
import { statusUpdate } from './status.ts'
import { UpdateIntake } from './update-intake.ts'

const back: TaskStatus = {
  task_id: { value: 'task-1-1-abcd' },
  state: 'TASK_FINISHED',
  source: 'SOURCE_MASTER',
  reason: 'REASON_AGENT_REREGISTERED',
}

describe('what the master says of tasks whose agent is back', () => {
  it('is without details, as the answer of a reconciliation is (S58)', () => {
    expect(statusUpdate(back, false).isReconciliation).to.equal(true)
    expect(statusUpdate({ ...back, reason: 'REASON_RECONCILIATION' }, false).isReconciliation).to.equal(true)
    const { reason: _, ...own } = back
    expect(statusUpdate({ ...own, source: 'SOURCE_EXECUTOR' }, false).isReconciliation).to.equal(false)
  })

  it('is waited for before anything is launched in their place', async () => {
    const stored = Promise.withResolvers<void>()
    const taken = Promise.withResolvers<void>()
    const intake = new UpdateIntake({
      applyUpdates: () => stored.promise,
      applyFailure: () => Promise.resolve(),
      pause: () => undefined,
      resume: () => undefined,
      onError: error => taken.reject(error),
      onDepth: depth => {
        if (depth === 0) taken.resolve()
      },
    })
    const { reason: _, ...running } = back
    intake.update({ ...running, state: 'TASK_RUNNING' })
    expect(intake.holdsReturned).to.equal(false)
    intake.update(back)
    expect(intake.holdsReturned).to.equal(true)
    stored.resolve()
    await taken.promise
    expect(intake.holdsReturned).to.equal(false)
    await intake.close()
  })
})
