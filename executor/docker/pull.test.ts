import { expect } from 'chai'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demoArchive } from '../../scripts/demo-image.ts'
import { ContainerBench } from '../../test/support/container-tasks.ts'
import { testDocker } from '../../test/support/docker.ts'
import { TestRegistry } from '../../test/support/registry.ts'
import { EngineHttp } from './http.ts'

describe('pulling images', function () {
  this.timeout(60_000)
  let dockerHost: string
  let bench: ContainerBench
  let registry: TestRegistry
  let layer: Uint8Array
  const pulled: string[] = []

  before(async () => {
    dockerHost = (await testDocker()).dockerHost
    layer = await demoArchive()
  })

  beforeEach(async () => {
    bench = await ContainerBench.open(dockerHost)
    registry = await TestRegistry.start(layer)
  })

  afterEach(async () => {
    const left = await bench.left()
    await bench[Symbol.asyncDispose]()
    await registry[Symbol.asyncDispose]()
    await removeImages(dockerHost, pulled.splice(0))
    expect(left, 'containers left behind').to.deep.equal([])
  })

  function image(name = 'tool', version = ':1'): string {
    const made = `${registry.host}/${name}-${randomUUID().slice(0, 8)}${version}`
    pulled.push(made)
    return made
  }

  it('happens where the image is absent, and once for many tasks', async () => {
    const name = image()
    let release = (): void => {}
    registry.layerHeld = new Promise(resolve => (release = resolve))
    const requested = registry.layerRequested()
    const tasks = await Promise.all([1, 2, 3].map(() => bench.start({ image: name, command: 'echo here' })))
    await requested
    release()
    for (const { sink, end } of tasks) {
      expect((await end()).exitCode).to.equal(0)
      expect(sink.text()).to.equal('here\n')
    }
    expect(registry.layers).to.equal(1)
    const asked = registry.manifests.length
    const again = await bench.start({ image: name, command: 'true' })
    expect((await again.end()).exitCode).to.equal(0)
    expect(registry.manifests.length, 'present: not asked again').to.equal(asked)
    const forced = await bench.start({ image: name, command: 'true', docker: { forcePull: true } })
    expect((await forced.end()).exitCode).to.equal(0)
    expect(registry.manifests.length, 'forcePull').to.be.greaterThan(asked)
  })

  it('takes latest where no tag is given, and digests', async () => {
    const untagged = await bench.start({ image: image('tool', ''), command: 'true' })
    expect((await untagged.end()).exitCode).to.equal(0)
    expect(registry.manifests[0]).to.match(/ latest$/)
    const byDigest = await bench.start({ image: image('tool', `@${registry.digest}`), command: 'true' })
    expect((await byDigest.end()).exitCode).to.equal(0)
  })

  it("fails with the registry's words where there is no such image", async () => {
    const ended = await (await bench.start({ image: image('missing') })).end()
    expect(ended).to.deep.include({ failure: 'FAILURE_IMAGE', oom: false })
    expect(ended).to.not.have.any.keys('exitCode', 'containerId')
    expect(ended.message).to.match(/missing-.*can't be pulled: .*manifest unknown/)
  })

  it('fails where nobody listens, and where the name is none', async () => {
    const [unreachable, nonsense] = await Promise.all([
      bench.start({ image: '127.0.0.1:1/tool:1' }),
      bench.start({ image: 'No Image' }),
    ])
    expect(await unreachable.end()).to.deep.include({ failure: 'FAILURE_IMAGE' })
    const ended = await nonsense.end()
    expect(ended).to.deep.include({ failure: 'FAILURE_IMAGE', message: "No Image is no image's name" })
  })

  it('killed meanwhile: ends at once and once, and gives the pull up', async () => {
    let release = (): void => {}
    registry.layerHeld = new Promise(resolve => (release = resolve))
    const requested = registry.layerRequested()
    const { task, end } = await bench.start({ image: image(), command: 'true' })
    await requested
    task.kill(10_000)
    const ended = await end()
    expect(ended).to.not.have.any.keys('exitCode', 'failure', 'startedAtMs')
    release()
  })

  it('given up by one, goes on for the others', async () => {
    const name = image()
    let release = (): void => {}
    registry.layerHeld = new Promise(resolve => (release = resolve))
    const requested = registry.layerRequested()
    const abort = new AbortController()
    const left = bench.engine.pull(name, {}, abort.signal).catch((error: unknown) => error)
    const stayed = bench.engine.pull(name)
    await requested
    abort.abort()
    expect(await left).to.include({ kind: 'cancelled' })
    release()
    await stayed
    expect(registry.layers).to.equal(1)
  })

  it('gives up where the registry sends nothing any more', async () => {
    registry.layerHeld = new Promise(() => {})
    await using impatient = await ContainerBench.open(dockerHost, { pullIdleMs: 300 })
    const ended = await (await impatient.start({ image: image() })).end()
    expect(ended).to.deep.include({ failure: 'FAILURE_IMAGE' })
    expect(ended.message).to.match(/no progress|did not answer/)
  })

  it('brings credentials, and says so where they are missing or wrong', async () => {
    registry.credentials = 'me:secret'
    const dir = await mkdtemp(join(tmpdir(), 'juice-credentials-'))
    try {
      const registryAuthFile = join(dir, 'config.json')
      const run = async (config: object): Promise<Awaited<ReturnType<typeof runTask>>> => {
        await writeFile(registryAuthFile, JSON.stringify(config))
        return runTask()
      }
      const runTask = async () =>
        (await bench.start({ image: image(), command: 'true' }, { settings: { registryAuthFile } })).end()
      const auth = (login: string): object => ({
        auths: { [registry.host]: { auth: Buffer.from(login).toString('base64') } },
      })
      expect((await run(auth('me:secret'))).exitCode).to.equal(0)
      for (const config of [auth('me:wrong'), {}, { credsStore: 'desktop' }]) {
        const ended = await run(config)
        expect(ended).to.deep.include({ failure: 'FAILURE_IMAGE' })
        expect(ended.message).to.match(/unauthorized|no basic auth credentials|authentication required/i)
        if ('credsStore' in config) expect(ended.message).to.contain('"desktop"')
      }
    } finally {
      await rm(dir, { recursive: true })
    }
  })
})

async function removeImages(dockerHost: string, names: readonly string[]): Promise<void> {
  const http = new EngineHttp(dockerHost)
  for (const name of names)
    await http
      .call('DELETE', `/images/${name}`, { query: { force: true }, timeoutMs: 10_000 })
      .catch(() => {})
  http.close()
}
