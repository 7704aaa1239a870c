// A recording of a real Mesos per test, see scenarios.ts; what a test is about is the recording's first words.
import { Player } from './player.ts'
import { scenarios } from './scenarios.ts'

describe('replay of recordings', () => {
  for (const scenario of scenarios) {
    it(`${scenario.trace}: ${scenario.about}`, async function () {
      this.timeout(20_000)
      await Player.play(scenario)
    })
  }
})
