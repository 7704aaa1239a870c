import { expect } from 'chai'
import type { Clock } from '../types.ts'
import { DockerError } from './errors.ts'
import { Removals } from './removals.ts'
import { EngineWatch } from './watch.ts'

/** Time that stands still until a test moves it. */
class TestClock implements Clock {
  #nowMs = 0
  readonly #timers = new Set<{ atMs: number; callback: () => void }>()

  wallMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  get waiting(): number {
    return this.#timers.size
  }

  /** Moves on, and lets promises settle after each timer. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    for (;;) {
      const [next] = [...this.#timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)
      if (next === undefined) break
      this.#timers.delete(next)
      this.#nowMs = next.atMs
      next.callback()
      await new Promise(setImmediate)
    }
    this.#nowMs = endMs
  }
}

const away = (): Promise<never> => Promise.reject(new DockerError('unreachable', 'gone'))

describe('Removals', () => {
  it('try again, ever more slowly, until the container is gone', async () => {
    const clock = new TestClock()
    const tries: number[] = []
    let answers = false
    const removals = new Removals({
      clock,
      remove: async () => {
        tries.push(clock.monotonicMs())
        if (!answers) await away()
      },
    })
    await removals.remove('c1')
    expect(removals.owed).to.deep.equal(['c1'])
    await clock.advance(7000)
    expect(tries).to.deep.equal([0, 1000, 3000, 7000])
    answers = true
    await clock.advance(8000)
    expect([tries.length, removals.owed, clock.waiting]).to.deep.equal([5, [], 0])
  })

  it('end with close', async () => {
    const clock = new TestClock()
    const removals = new Removals({ clock, remove: away })
    await removals.remove('c1')
    removals.close()
    await removals.remove('c2')
    expect(clock.waiting).to.equal(0)
  })
})

describe('EngineWatch', () => {
  it('asks only while somebody waits, and tells all of them once the silence is long enough', async () => {
    const clock = new TestClock()
    let pings = 0
    let answers = true
    const watch = new EngineWatch({
      clock,
      intervalMs: 10,
      lostAfterMs: 100,
      ping: async () => {
        pings++
        if (!answers) await away()
      },
    })
    const leaving = new AbortController()
    const staying = new AbortController()
    const told: string[] = []
    void watch.lost(leaving.signal).then(error => told.push(`left: ${error.message}`))
    void watch.lost(staying.signal).then(error => told.push(error.message))
    await clock.advance(95)
    expect(pings).to.equal(9)
    leaving.abort()
    answers = false
    await clock.advance(50)
    answers = true
    await clock.advance(10)
    answers = false
    await clock.advance(100)
    expect(told, 'an answer between two silences').to.deep.equal([])
    await clock.advance(20)
    expect(told).to.deep.equal(['the Docker engine has not answered for 0 s: gone'])
    expect(clock.waiting).to.equal(0)
  })

  it('stops asking when nobody waits any more', async () => {
    const clock = new TestClock()
    const watch = new EngineWatch({ clock, intervalMs: 10, lostAfterMs: 100, ping: () => Promise.resolve() })
    const abort = new AbortController()
    void watch.lost(abort.signal)
    expect(clock.waiting).to.equal(1)
    abort.abort()
    expect(clock.waiting).to.equal(0)
  })

  it('goes on with one question at a time, and holds no old silence against the engine', async () => {
    const clock = new TestClock()
    let answer = Promise.withResolvers<void>()
    const watch = new EngineWatch({ clock, intervalMs: 10, lostAfterMs: 100, ping: () => answer.promise })
    const first = new AbortController()
    void watch.lost(first.signal)
    await clock.advance(10)
    // While the question is under way one goes and another comes.
    first.abort()
    const second = new AbortController()
    void watch.lost(second.signal)
    expect(clock.waiting).to.equal(0)
    second.abort()
    answer.reject(new DockerError('unreachable', 'gone'))
    await clock.advance(1000)
    expect(clock.waiting).to.equal(0)
    answer = Promise.withResolvers<void>()
    const told: unknown[] = []
    const third = new AbortController()
    void watch.lost(third.signal).then(error => told.push(error))
    await clock.advance(10)
    answer.reject(new DockerError('unreachable', 'gone'))
    await clock.advance(0)
    await new Promise(setImmediate)
    expect([told, clock.waiting]).to.deep.equal([[], 1])
    third.abort()
  })
})
