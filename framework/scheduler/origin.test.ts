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
  /** To whoever confirms something; else as above. */
  confirmed: OriginCheck | undefined
  fail: Error | undefined

  readonly check = (said: Confirmation): Promise<OriginCheck> => {
    this.said.push(said)
    return Promise.resolve((said !== unconfirmed && this.confirmed) || this.answer)
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
      expect(await new OriginGuard(undefined, log).settle(steps)).to.equal(refusal)
      expect(steps.done).to.deep.equal(done)
    })
  }

  describe('with what an operator confirmed at the start', () => {
    const elsewhere: OriginCheck = { decision: 'refuse', present, problem: 'elsewhere' }
    let guard: OriginGuard
    beforeEach(() => {
      guard = new OriginGuard({ said: yes, problem: 'elsewhere' }, log)
      steps.answer = elsewhere
      steps.confirmed = { decision: 'forget', present, why: 'moved' }
    })

    it('takes it once, and again where it could not be carried out', async () => {
      steps.fail = new Error('store')
      const failed: unknown = await guard.settle(steps).catch((error: unknown) => error)
      expect(failed).to.equal(steps.fail)
      steps.fail = undefined
      expect(await guard.settle(steps)).to.equal(undefined)
      expect(steps.done).to.deep.equal(['forsake: moved', 'forsake: moved'])
      expect(await guard.settle(steps)).to.equal('elsewhere')
    })

    it('does not take it for another problem than the one that was told', async () => {
      steps.answer = { ...elsewhere, problem: 'moved back meanwhile' }
      expect(await guard.settle(steps)).to.equal('moved back meanwhile')
      expect(steps.done).to.deep.equal([])
      expect(steps.said).to.deep.equal([unconfirmed])
    })

    it('forgets it where another process has carried it out before', async () => {
      steps.answer = { decision: 'go_on', present }
      expect(await guard.settle(steps)).to.equal(undefined)
      steps.answer = elsewhere
      expect(await guard.settle(steps)).to.equal('elsewhere')
      expect(steps.done).to.deep.equal([])
    })
  })
})
