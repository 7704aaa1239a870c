import { expect } from 'chai'
import { LocalMesos } from 'local-mesos'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { askDiskQuota, quotaOf } from './agent-quota.ts'
import type { Logger } from './types.ts'

const traces = join(import.meta.dirname, '../test/fixtures/mesos-traces')

/** The page of a real agent. */
function recordedFlags(): { flags: Record<string, string> } {
  const file = readdirSync(traces).find(name => name.startsWith('17b-')) ?? ''
  const { exchanges } = JSON.parse(readFileSync(join(traces, file), 'utf8'))
  return exchanges.find((each: { request?: { path?: string } }) => each.request?.path === '/flags').response
    .body
}

describe('the disk quota of an agent', () => {
  const warnings: string[] = []
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: message => void warnings.push(message),
    error: () => undefined,
  }

  it('is none on the recorded agent, which has no disk isolator', () => {
    expect(quotaOf(recordedFlags())).to.equal('none')
  })

  const cases: [isolation: string, enforce: string, quota: string][] = [
    ['posix/cpu,posix/mem', 'true', 'none'],
    ['cgroups/cpu,disk/du', 'false', 'none'],
    ['cgroups/cpu,disk/du', 'true', 'enforced'],
    ['disk/xfs', 'true', 'enforced'],
    ['posix/disk,posix/mem', 'true', 'enforced'],
    ['not-disk/du', 'true', 'none'],
  ]
  for (const [isolation, enforce, quota] of cases) {
    it(`is ${quota} with --isolation=${isolation} and --enforce_container_disk_quota=${enforce}`, () => {
      const { flags } = recordedFlags()
      expect(quotaOf({ flags: { ...flags, isolation, enforce_container_disk_quota: enforce } })).to.equal(
        quota,
      )
    })
  }

  it('is unknown where the page says nothing of it', () => {
    for (const page of [undefined, null, 'x', [], {}, { flags: null }, { flags: { isolation: 'disk/du' } }])
      expect(quotaOf(page), JSON.stringify(page)).to.equal('unknown')
  })

  it('is asked of the agent, and unknown where that may not be asked', async () => {
    const ask = async (options: Parameters<typeof LocalMesos.start>[0]): Promise<string> => {
      const mesos = await LocalMesos.start(options)
      try {
        const url = mesos.agents[0]?.url ?? ''
        return await askDiskQuota({ url, ca: undefined, limitMs: 5000, logger })
      } finally {
        await mesos.close()
      }
    }
    expect(await ask({})).to.equal('none')
    expect(await ask({ isolation: { disk: true } })).to.equal('enforced')
    expect(warnings).to.have.lengthOf(0)
    expect(await ask({ authenticateAgents: { operator: 'secret' } })).to.equal('unknown')
    expect(warnings).to.have.lengthOf(1)
  })
})
