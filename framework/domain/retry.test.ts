import { expect } from 'chai'
import { faultDelayMs, retryBackoffMs } from './retry.ts'

describe('retry', () => {
  it('backs off by the task’s own policy, up to its maximum', () => {
    const policy = { max: 9, backoffSeconds: 0.5, backoffFactor: 3, maxBackoffSeconds: 10 }
    expect([1, 2, 3, 4, 5].map(failures => retryBackoffMs(policy, failures))).to.deep.equal([
      500, 1500, 4500, 10_000, 10_000,
    ])
    expect(retryBackoffMs(policy, 5_000)).to.equal(10_000)
  })

  it('repeats faults of the platform at once first, then ever more slowly', () => {
    expect([1, 2, 3, 4, 7, 2_000].map(faultDelayMs)).to.deep.equal([0, 1_000, 2_000, 4_000, 30_000, 30_000])
  })
})
