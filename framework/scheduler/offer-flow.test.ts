// When offers are asked for and refused: by tables, then by a walk through time.
import { expect } from 'chai'
import { flowAction, flowing, nextPhase, offersCame, type Demand, type FlowPhase } from './offer-flow.ts'
import { TokenBucket } from './token-bucket.ts'

const idle: Demand = { waits: false, held: false }
const waits = (newestMs: number): Demand => ({ waits: true, newestMs, held: false })

describe('offer flow', () => {
  const cases: [string, FlowPhase, Demand, number, object][] = [
    ['suppressed, nothing waits: nothing', { name: 'suppressed' }, idle, 0, { name: 'none' }],
    ['suppressed, a task waits: REVIVE at once', { name: 'suppressed' }, waits(1000), 0, { name: 'revive' }],
    ['no token: later', { name: 'suppressed' }, waits(1000), 300, { name: 'none', atMs: 1300 }],
    [
      'suppressed, yet offers came: SUPPRESS again',
      { name: 'suppressed' },
      { ...idle, held: true },
      0,
      { name: 'suppress' },
    ],
    [
      'flowing, everybody has seen the offers: nothing',
      { name: 'flowing', freshSinceMs: 900 },
      waits(900),
      0,
      { name: 'none' },
    ],
    [
      'flowing, a newcomer: REVIVE',
      { name: 'flowing', freshSinceMs: 900 },
      waits(901),
      0,
      { name: 'revive' },
    ],
    [
      'offers were asked for: the newcomer waits for them',
      { name: 'flowing', freshSinceMs: 900, awaitedUntilMs: 1900 },
      waits(950),
      0,
      { name: 'none', atMs: 1900 },
    ],
    ['idle since now: later', { name: 'flowing', freshSinceMs: 900 }, idle, 0, { name: 'none', atMs: 3000 }],
    [
      'idle for 2 s: SUPPRESS',
      { name: 'flowing', freshSinceMs: 0, idleSinceMs: -1000 },
      idle,
      0,
      { name: 'suppress' },
    ],
  ]
  for (const [title, phase, demand, tokenInMs, action] of cases) {
    it(title, () => expect(flowAction(phase, demand, tokenInMs, 1000)).to.deep.equal(action))
  }

  it('goes round: suppressed, asked, offered, idle, suppressed', () => {
    let phase: FlowPhase = { name: 'suppressed' }
    const step = (demand: Demand, nowMs: number): string => {
      const action = flowAction(phase, demand, 0, nowMs)
      phase = nextPhase(phase, action, demand, nowMs)
      return action.name
    }
    expect(step(waits(100), 100)).to.equal('revive')
    expect(phase).to.deep.equal(flowing(100))
    phase = offersCame(phase, 105)
    expect(phase).to.deep.equal({ name: 'flowing', freshSinceMs: 105 })
    expect(step(idle, 110)).to.equal('none')
    expect(step(waits(120), 120)).to.equal('revive')
    expect(step(idle, 130)).to.equal('none')
    expect(step(idle, 2129)).to.equal('none')
    expect(step(idle, 2130)).to.equal('suppress')
    expect(step(idle, 9000)).to.equal('none')
  })
})

describe('token bucket', () => {
  it('gives a burst, then one a second (S35)', () => {
    const bucket = new TokenBucket({ size: 5, perSecond: 1, nowMs: 0 })
    expect([1, 2, 3, 4, 5, 6].map(() => bucket.take(0))).to.deep.equal([true, true, true, true, true, false])
    expect(bucket.waitMs(400)).to.equal(600)
    expect(bucket.take(999)).to.equal(false)
    expect(bucket.take(1000)).to.equal(true)
    expect(bucket.take(1001)).to.equal(false)
    expect([1, 2, 3, 4, 5, 6].filter(() => bucket.take(60_000))).to.have.length(5)
  })
})
