// The whole loop against a local Mesos with real agents and processes, and a real database.
import { expect } from 'chai'
import { eventually, LoopCluster } from './testing/loop-cluster.ts'

describe('whole loop', function () {
  this.timeout(20_000)

  it('takes a task from its submission to FINISHED', async () => {
    await using cluster = await LoopCluster.start()
    cluster.lead()
    const task = await cluster.ended(await cluster.submit('finish'))
    expect(task).to.deep.include({ state: 'FINISHED', attempt: 1, exitCode: 0 })
    expect(task.attempts.map(({ state }) => state)).to.deep.equal(['TASK_FINISHED'])
  })
})
