// What a term does about where its framework is at home, and that a confirmation counts once.
import { expect } from 'chai'
import { unconfirmed, type Confirmation, type Origin } from '../domain/origin.ts'
import { createLogger } from '../observability/log.ts'
import type { OriginCheck } from '../usecases/index.ts'
import { OriginGuard, type OriginSteps } from './origin.ts'

const log = createLogger({ level: 'silent', format: 'json', appName: 'juice', instance: 'test' })
const yes: Confirmation = { yes: true, sameCluster: false }
const present: Origin = { cluster: { hosts: ['m:5050'] } }

class Steps implements OriginSteps {
  readonly done: string[] = []
  readonly said: Confirmation[] = []
  answer: OriginCheck = { decision: 'go_on', present }
  fail: Error | undefined

  readonly check = (said: Confirmation): Promise<OriginCheck> => {
    this.said.push(said)
    return Promise.resolve(this.answer)
  }
  readonly adopt = (origin: Origin): Promise<void> => {
    this.done.push(`adopt ${origin.cluster?.hosts.join()}`)
    return Promise.resolve()
  }
  readonly forsake = (why: string): Promise<number> => {
    this.done.push(`forsake: ${why}`)
    return this.fail ? Promise.reject(this.fail) : Promise.resolve(2)
  }
}

describe('where a term is at home (S16)', () => {
  let steps: Steps
  beforeEach(() => {
    steps = new Steps()
  })

  const decisions: readonly (readonly [OriginCheck, string | undefined, readonly string[]])[] = [
    [{ decision: 'go_on', present }, undefined, []],
    [{ decision: 'remember', present }, undefined, ['adopt m:5050']],
    [{ decision: 'forget', present, why: 'moved' }, undefined, ['forsake: moved']],
    [{ decision: 'refuse', present, problem: 'elsewhere' }, 'elsewhere', []],
  ]
  for (const [answer, refusal, done] of decisions) {
    it(`does what was decided: ${answer.decision}`, async () => {
      steps.answer = answer
      expect(await new OriginGuard(unconfirmed, log).settle(steps)).to.equal(refusal)
      expect(steps.done).to.deep.equal(done)
    })
  }

  it('takes a confirmation once, and again where it could not be carried out', async () => {
    const guard = new OriginGuard(yes, log)
    steps.answer = { decision: 'forget', present, why: 'moved' }
    steps.fail = new Error('store')
    const failed: unknown = await guard.settle(steps).catch((error: unknown) => error)
    expect(failed).to.equal(steps.fail)
    steps.fail = undefined
    await guard.settle(steps)
    await guard.settle(steps)
    expect(steps.said).to.deep.equal([yes, yes, unconfirmed])
  })
})
