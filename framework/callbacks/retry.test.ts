// When callbacks are repeated.
import { expect } from 'chai'
import { mostTries, retryDelayMs } from './retry.ts'

describe('retries of callbacks', () => {
  it('come after 1 s, 2 s, 4 s … 5 min', () => {
    const delays = [1, 2, 3, 8, 9, 10, 100].map(tries => retryDelayMs(tries, () => 0.5))
    expect(delays).to.deep.equal([1000, 2000, 4000, 128_000, 256_000, 300_000, 300_000])
  })

  it('are spread by a tenth', () => {
    expect([0, 0.999].map(value => retryDelayMs(10, () => value))).to.deep.equal([270_000, 329_940])
  })

  it('end after about a day', () => {
    let total = 0
    for (let tries = 1; ; tries++) {
      const delay = retryDelayMs(tries, () => 0.5)
      if (delay === undefined) {
        expect(tries).to.equal(mostTries)
        break
      }
      total += delay
    }
    expect(total / 3_600_000).to.be.within(23.5, 24.5)
  })
})
