// The recurring job: never twice at once, woken or timed, with backoff after failures.
import { expect } from 'chai'
import { Loop } from './loop.ts'

/** Runs that the test ends by hand. */
function stepper(): { run: () => Promise<number | undefined>; started: () => Promise<Step>; runs: number } {
  const started: Step[] = []
  const waiting: ((step: Step) => void)[] = []
  const state = {
    runs: 0,
    run: (): Promise<number | undefined> => {
      state.runs += 1
      const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
      const step: Step = { end: resolve, fail: reject }
      const next = waiting.shift()
      if (next) next(step)
      else started.push(step)
      return promise
    },
    started: async (): Promise<Step> => {
      const step = started.shift()
      return step ?? (await new Promise<Step>(resolve => waiting.push(resolve)))
    },
  }
  return state
}

interface Step {
  end(delayMs?: number): void
  fail(error: Error): void
}

describe('loop', () => {
  it('runs when woken, and once more where it was woken meanwhile', async () => {
    const job = stepper()
    const loop = new Loop({ run: job.run, onError: () => {} })
    loop.wake()
    const first = await job.started()
    loop.wake()
    loop.wake()
    first.end()
    const second = await job.started()
    expect(job.runs).to.equal(2)
    second.end()
    await loop.close()
    expect(job.runs).to.equal(2)
  })

  it('comes again after its interval, or earlier where the run said so', async () => {
    const job = stepper()
    const loop = new Loop({ run: job.run, intervalMs: 60_000, onError: () => {} })
    loop.wake()
    ;(await job.started()).end(1)
    ;(await job.started()).end()
    loop.wake()
    ;(await job.started()).end()
    await loop.close()
    expect(job.runs).to.equal(3)
  })

  it('tries again after a failure, not before its backoff', async () => {
    const job = stepper()
    const errors: unknown[] = []
    const loop = new Loop({
      run: job.run,
      onError: error => errors.push(error),
      backoff: { initialMs: 1, maxMs: 4 },
    })
    loop.wake()
    const first = await job.started()
    loop.wake()
    first.fail(new Error('no'))
    ;(await job.started()).end()
    await loop.close()
    expect([job.runs, errors.length]).to.deep.equal([2, 1])
  })

  it('waits for the run in flight when it is closed, and begins none', async () => {
    const job = stepper()
    const loop = new Loop({ run: job.run, intervalMs: 1, onError: () => {} })
    loop.wake()
    const step = await job.started()
    let closed = false
    const closing = loop.close().then(() => (closed = true))
    expect(closed).to.equal(false)
    step.end()
    await closing
    loop.wake()
    await loop.close()
    expect(job.runs).to.equal(1)
  })
})
