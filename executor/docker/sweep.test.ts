import { expect } from 'chai'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { ContainerBench } from '../../test/support/container-tasks.ts'
import { testDocker, testImage } from '../../test/support/docker.ts'
import { askOwner, listOrphans, ownerSocket, removeOrphans, removeOwned } from './sweep.ts'

describe('the sweep for containers without an owner', function () {
  this.timeout(30_000)
  let bench: ContainerBench

  before(async () => {
    bench = await ContainerBench.open((await testDocker()).dockerHost)
  })

  after(async () => {
    await removeOwned(bench.engine, bench.owner)
    const left = await bench.left()
    await bench[Symbol.asyncDispose]()
    expect(left).to.deep.equal([])
  })

  async function container(labels: Record<string, string>): Promise<string> {
    const Labels = { ...bench.labels(randomUUID()), ...labels }
    const HostConfig = { NetworkMode: 'none' }
    return (await bench.engine.create(`test-${randomUUID()}`, { Image: testImage, Labels, HostConfig })).id
  }

  it('knows an owner by its socket', async () => {
    const owner = randomUUID()
    expect(await askOwner(owner)).to.equal(false)
    const server = createServer().listen({ path: ownerSocket(owner) })
    await once(server, 'listening')
    expect(await askOwner(owner)).to.equal(true)
    server.close()
    await once(server, 'close')
    expect(await askOwner(owner)).to.equal(false)
  })

  it('takes what is surely an orphan and nothing else', async () => {
    const mine = await container({})
    const elsewhere = await container({ 'juice.netns': 'another' })
    const [unowned, unknown] = await Promise.all([
      container({ 'juice.owner': '' }),
      container({ 'juice.boot': '' }),
    ])
    const ours = new Set([mine, elsewhere, unowned, unknown])
    const orphans = async (boot: string, answers: boolean): Promise<string[]> => {
      const asked = async (owner: string): Promise<boolean> => answers || owner !== bench.owner
      const found = await listOrphans(bench.engine, { ...bench.host, boot }, asked)
      return found.map(({ id }) => id).filter(id => ours.has(id))
    }
    expect(await orphans(bench.host.boot, true), 'owner answers').to.deep.equal([])
    expect(await orphans(bench.host.boot, false), 'owner is gone').to.deep.equal([mine])
    expect(await orphans(`boot-${randomUUID()}`, true), 'host has booted').to.have.members([mine, elsewhere])
    for (const id of ours) await bench.engine.remove(id, { force: true, volumes: true })
  })

  it('removes orphans that run', async () => {
    const { task, sink } = await bench.start({ command: 'echo up; sleep 600' })
    await sink.said('up')
    const report = await removeOrphans(bench.engine, bench.host, async owner => owner !== bench.owner)
    const { containerId } = await task.started
    expect(report).to.deep.equal({ removed: [containerId], failed: [] })
    const ended = await task.ended
    expect(ended.containerId).to.equal(containerId)
    await task.dispose()
  })

  it("removes all of one owner's, and of no other", async () => {
    const other = randomUUID()
    const [mine, theirs] = await Promise.all([container({}), container({ 'juice.owner': other })])
    expect(await removeOwned(bench.engine, bench.owner)).to.deep.equal({ removed: [mine], failed: [] })
    expect(await removeOwned(bench.engine, other)).to.deep.equal({ removed: [theirs], failed: [] })
  })
})
