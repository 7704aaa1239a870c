// How tests are pointed at a cluster, and what they read off a framework's log.
import { expect } from 'chai'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { givenMesos, lastSubscription } from './given-mesos.ts'

describe('a given cluster for the whole-system tests', () => {
  it('is none unless JUICE_TEST_MESOS_MASTER says so', () => {
    expect(givenMesos({})).to.equal(undefined)
    expect(givenMesos({ JUICE_TEST_MESOS_MASTER: '' })).to.equal(undefined)
  })

  it('takes further variables of the framework', () => {
    const env = {
      JUICE_TEST_MESOS_MASTER: 'http://10.0.0.1:5050',
      JUICE_TEST_SETTINGS: '{"JUICE_MESOS_PRINCIPAL": "juice"}',
    }
    expect(givenMesos(env)).to.deep.equal({
      master: 'http://10.0.0.1:5050',
      settings: { JUICE_MESOS_PRINCIPAL: 'juice' },
    })
  })

  for (const text of ['x', '[]', 'null', '{"PATH": "/bin"}', '{"JUICE_HTTP_PORT": 1}']) {
    it(`refuses the settings ${text}`, () => {
      const env = { JUICE_TEST_MESOS_MASTER: 'http://m:5050', JUICE_TEST_SETTINGS: text }
      expect(() => givenMesos(env)).to.throw('JUICE_TEST_SETTINGS must be a JSON object')
    })
  }

  it('is told by the log as whom a framework subscribed last', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'juice-given-'))
    try {
      const file = join(dir, 'log')
      await writeFile(file, '{"msg":"leading"}\n')
      expect(await lastSubscription(file)).to.equal(undefined)
      const lines = ['f-1', 'f-2'].map(id =>
        JSON.stringify({ url: 'http://m:5050/x', frameworkId: id, msg: 'subscribed' }),
      )
      await writeFile(file, `${lines.join('\n')}\n{"msg":"other"}\n`)
      expect((await lastSubscription(file))?.frameworkId).to.equal('f-2')
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  })
})
