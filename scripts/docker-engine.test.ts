import { expect } from 'chai'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { DockerEngine } from '../executor/docker/engine.ts'
import { answer, FakeEngine, silence } from '../test/support/fake-engine.ts'
import { packDemoImage } from './demo-image.ts'
import { findDockerEngine, startDockerEngine } from './docker-engine.ts'

const image = 'juice-demo:latest'

/** What an engine has on this machine beside its processes. */
interface Traces {
  readonly dir: string
  readonly name: string
}

async function tracesOf(dockerHost: string): Promise<Traces> {
  const dir = dirname(dockerHost.slice('unix://'.length))
  const file = (await readdir(dir)).find(name => name.endsWith('.json'))
  return { dir, name: file?.replace('.json', '') ?? 'none' }
}

async function left({ dir, name }: Traces): Promise<string[]> {
  const found: string[] = []
  if (existsSync(dir)) found.push(dir)
  if (name in networkInterfaces()) found.push(`network device ${name}`)
  for (const hierarchy of ['', ...(await readdir('/sys/fs/cgroup').catch(() => []))])
    if (existsSync(join('/sys/fs/cgroup', hierarchy, name))) found.push(`cgroup ${hierarchy}/${name}`)
  for (const pid of await readdir('/proc')) {
    const command = await readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => '')
    if (command.includes(dir)) found.push(`process ${pid} ${command.replaceAll('\0', ' ')}`)
  }
  if ((await readFile('/proc/self/mounts', 'utf8')).includes(dir)) found.push(`mounts in ${dir}`)
  return found
}

async function runContainer(docker: DockerEngine): Promise<string> {
  const { id } = await docker.create(`test-${Math.random().toString(36).slice(2)}`, {
    Image: image,
    Cmd: ['sleep', '600'],
    HostConfig: {},
  })
  await docker.start(id)
  return id
}

describe('a private Docker engine', function () {
  this.timeout(60_000)

  it('runs beside another one, and leaves nothing behind with a container running', async () => {
    const [one, two] = await Promise.all([startDockerEngine(), startDockerEngine()])
    const [first, second] = [one, two].map(({ dockerHost }) => new DockerEngine({ dockerHost })) as [
      DockerEngine,
      DockerEngine,
    ]
    try {
      await Promise.all([one, two].map(({ dockerHost }) => packDemoImage(dockerHost, image)))
      const [traces, others] = [await tracesOf(one.dockerHost), await tracesOf(two.dockerHost)]
      await runContainer(first)
      expect(await left(traces)).to.include(`network device ${traces.name}`)
      await one.close()
      expect(await left(traces)).to.deep.equal([])
      const id = await runContainer(second)
      expect((await second.inspect(id)).running).to.equal(true)
      await two.close()
      expect(await left(others)).to.deep.equal([])
    } finally {
      await Promise.all([first.close(), second.close(), one.close(), two.close()])
    }
  })

  it('keeps a given folder with its images, and heeds no pid file of a dead one', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'juice-kept-'))
    try {
      const first = await startDockerEngine({ dir })
      await packDemoImage(first.dockerHost, image)
      await first.close()
      // The number of a process that lives in every pid namespace.
      await writeFile(join(dir, 'docker.pid'), '1')
      const second = await startDockerEngine({ dir })
      const docker = new DockerEngine({ dockerHost: second.dockerHost })
      expect((await docker.inspectImage(image)).id).to.match(/^sha256:/)
      const third = startDockerEngine({ dir })
      expect(await third.catch((error: Error) => error.message)).to.contain('another engine runs in')
      expect((await docker.inspectImage(image)).id).to.match(/^sha256:/)
      await docker.close()
      await second.close()
    } finally {
      await rm(dir, { recursive: true })
    }
  })

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`ends with the process that started it: ${signal}`, async () => {
      const program = spawn(process.execPath, [join(import.meta.dirname, 'docker-engine.ts')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [line] = (await once(createInterface({ input: program.stdout }), 'line')) as [string]
      expect(line).to.match(/^DOCKER_HOST=unix:\/\//)
      const traces = await tracesOf(line.slice('DOCKER_HOST='.length))
      expect((await left(traces)).length).to.be.greaterThan(2)
      program.kill(signal)
      const [code] = (await once(program, 'exit')) as [number | null]
      if (signal === 'SIGTERM') expect([code, await left(traces)]).to.deep.equal([0, []])
      while ((await left(traces)).length > 0) await delay(50)
    })
  }
})

describe('findDockerEngine', () => {
  const before = process.env['DOCKER_HOST']
  let fake: FakeEngine

  beforeEach(async () => {
    fake = await FakeEngine.start()
    process.env['DOCKER_HOST'] = fake.dockerHost
  })

  afterEach(async () => {
    if (before === undefined) delete process.env['DOCKER_HOST']
    else process.env['DOCKER_HOST'] = before
    await fake[Symbol.asyncDispose]()
  })

  it('takes the one of DOCKER_HOST if it answers', async () => {
    expect(await findDockerEngine()).to.deep.equal({ dockerHost: fake.dockerHost })
  })

  it('finds none that fails, hangs, is gone, or whose address it does not know', async function () {
    this.timeout(10_000)
    fake.answers.set('GET /_ping', answer(500, ''))
    expect(await findDockerEngine()).to.equal(undefined)
    fake.answers.set('GET /_ping', silence)
    expect(await findDockerEngine()).to.equal(undefined)
    for (const dockerHost of ['unix:///no/such.sock', 'ssh://host', 'nonsense']) {
      process.env['DOCKER_HOST'] = dockerHost
      expect(await findDockerEngine(), dockerHost).to.equal(undefined)
    }
  })
})
