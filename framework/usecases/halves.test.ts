import { expect } from 'chai'
import fc from 'fast-check'
import { inHalves } from './halves.ts'

class DatabaseError extends Error {
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = code
  }
}

describe('a batch in halves', () => {
  it('finds every culprit, keeps the order, and runs all others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 40 }), async bad => {
        const items = bad.map((isBad, index) => ({ isBad, index }))
        const done: number[] = []
        const results = await inHalves(
          items,
          part => {
            if (part.some(({ isBad }) => isBad)) return Promise.reject(new DatabaseError('22021'))
            done.push(...part.map(({ index }) => index))
            return Promise.resolve(part.map(({ index }) => `${index} done`))
          },
          ({ index }) => {
            done.push(index)
            return Promise.resolve(`${index} bad`)
          },
        )
        expect(results).to.deep.equal(bad.map((isBad, index) => `${index} ${isBad ? 'bad' : 'done'}`))
        expect(done).to.deep.equal(items.map(({ index }) => index))
      }),
      { numRuns: 50 },
    )
  })

  it('repeats what two transactions did to each other, and throws on what is no fault of the data', async () => {
    let runs = 0
    const collide = () =>
      ++runs < 3 ? Promise.reject(new DatabaseError('40P01')) : Promise.resolve(['done'])
    expect(await inHalves([1], collide, () => Promise.resolve('bad'))).to.deep.equal(['done'])
    const broken = () => Promise.reject(new DatabaseError('57P01'))
    const error: unknown = await inHalves([1, 2], broken, () => Promise.resolve('bad')).catch(
      (e: unknown) => e,
    )
    expect(error).to.include({ code: '57P01' })
  })
})
