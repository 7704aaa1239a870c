// What the master is answered when it asks for agents, and how often (S44).
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import type { InverseOffer } from 'mesos-http-client'
import type { CurrentAttempt } from '../domain/task.ts'
import { InverseOffers } from './inverse-offers.ts'
import { eventually, RecordedCalls } from './testing/support.ts'

function asked(id: string, agentId?: string): InverseOffer {
  return {
    id: { value: id },
    framework_id: { value: 'f-1' },
    unavailability: { start: { nanoseconds: 0 } },
    ...(agentId === undefined ? {} : { agent_id: { value: agentId } }),
  }
}

class Fixture implements AsyncDisposable {
  readonly calls = new RecordedCalls()
  readonly errors: unknown[] = []
  looks = 0
  store: () => Promise<readonly CurrentAttempt[]> = () =>
    Promise.resolve([{ taskId: 1, mesosTaskId: 't', agentId: 'busy' }])
  readonly inverse: InverseOffers

  constructor(everyMs: number) {
    this.inverse = new InverseOffers({
      store: {
        loadActive: () => {
          this.looks += 1
          return this.store()
        },
      },
      calls: this.calls,
      onError: error => this.errors.push(error),
      everyMs,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.inverse.close()
  }
}

describe('inverse offers', () => {
  it('lets agents go where nothing of ours runs, and no others', async () => {
    await using at = new Fixture(1)
    at.inverse.add([asked('i1', 'idle'), asked('i2', 'busy'), asked('i3')])
    await at.calls.until('DECLINE_INVERSE_OFFERS')
    expect(at.calls.calls).to.deep.equal([
      {
        type: 'ACCEPT_INVERSE_OFFERS',
        accept_inverse_offers: { inverse_offer_ids: [{ value: 'i1' }], filters: { refuse_seconds: 300 } },
      },
      {
        type: 'DECLINE_INVERSE_OFFERS',
        decline_inverse_offers: {
          inverse_offer_ids: [{ value: 'i2' }, { value: 'i3' }],
          filters: { refuse_seconds: 30 },
        },
      },
    ])
  })

  it('answers all that came meanwhile with one look at the store: a REVIVE brings the questions again', async () => {
    await using at = new Fixture(50)
    at.inverse.add([asked('i1', 'idle')])
    await at.calls.until('ACCEPT_INVERSE_OFFERS')
    for (let n = 0; n < 20; n += 1) at.inverse.add([asked(`j${n}`, 'idle')])
    at.inverse.rescind('j3')
    await at.calls.until('ACCEPT_INVERSE_OFFERS', 2)
    const [, second] = at.calls.of('ACCEPT_INVERSE_OFFERS')
    expect(second?.accept_inverse_offers?.inverse_offer_ids).to.have.length(19)
    expect(second?.accept_inverse_offers?.inverse_offer_ids).to.not.deep.include({ value: 'j3' })
    expect(at.looks).to.equal(2)
  })

  it('rests after an answer also where more questions came while it was being found', async () => {
    await using at = new Fixture(60_000)
    const answer = at.store
    at.store = () => {
      at.inverse.add([asked('i2', 'idle')])
      return answer()
    }
    at.inverse.add([asked('i1', 'idle')])
    await at.calls.until('ACCEPT_INVERSE_OFFERS')
    // Time for a run that nobody should have asked for.
    await setImmediate()
    at.inverse.add([asked('i3', 'idle')])
    await setImmediate()
    expect(at.looks).to.equal(1)
  })

  it('keeps the question while the store does not answer, and forgets it with its subscription (S38)', async () => {
    await using at = new Fixture(1)
    const answer = at.store
    at.store = () => Promise.reject(new Error('store'))
    at.inverse.add([asked('i1', 'idle')])
    await eventually(() => at.errors.length > 0)
    at.store = answer
    await at.calls.until('ACCEPT_INVERSE_OFFERS')
    at.store = () => {
      at.inverse.clear()
      return Promise.resolve([])
    }
    at.inverse.add([asked('i2', 'idle')])
    await eventually(() => at.looks === 3)
    await at.inverse.close()
    expect(at.calls.calls).to.have.length(1)
  })
})
