import { expect } from 'chai'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDockerEngine } from '../../scripts/docker-engine.ts'
import { packDemoImage } from '../../scripts/demo-image.ts'
import { ContainerBench } from '../../test/support/container-tasks.ts'
import { testDocker, testImage } from '../../test/support/docker.ts'
import { answer, FakeEngine, silence } from '../../test/support/fake-engine.ts'
import { DockerEngine } from './engine.ts'
import { DockerError } from './errors.ts'
import { engineAddress } from './http.ts'

async function failureOf(promise: Promise<unknown>): Promise<DockerError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof DockerError)) throw new Error(`no DockerError: ${String(error)}`)
  return error
}

describe('an engine in trouble', function () {
  this.timeout(30_000)
  let fake: FakeEngine
  let docker: DockerEngine

  beforeEach(async () => {
    fake = await FakeEngine.start()
    docker = new DockerEngine({
      dockerHost: fake.dockerHost,
      timeouts: { pingMs: 200, callMs: 200, workMs: 200 },
    })
  })

  afterEach(async () => {
    await docker.close()
    await fake[Symbol.asyncDispose]()
  })

  it('that does not answer: every call ends in its time box (E43)', async () => {
    fake.answers.set('', silence)
    const sink = { stdout() {}, stderr() {}, close: () => Promise.resolve() }
    const calls = [
      docker.ping(),
      docker.create('x', { Image: 'x', HostConfig: {} }),
      docker.start('x'),
      docker.kill('x', 'SIGTERM'),
      docker.inspect('x'),
      docker.attach('x', sink),
      docker.list({ labels: [] }),
      docker.remove('x', { force: true, volumes: true }),
    ]
    for (const { kind, imageFault, specFault, message } of await Promise.all(calls.map(failureOf))) {
      expect([kind, imageFault, specFault]).to.deep.equal(['timeout', false, false])
      expect(message).to.contain('did not answer within 0.2 s')
    }
  })

  it('that stops in the middle of an answer', async () => {
    fake.answers.set('GET /containers/json', response => void response.writeHead(200).write('[{"Id"'))
    expect((await failureOf(docker.list({ labels: [] }))).kind).to.equal('timeout')
  })

  it('that is not there, or is none', async () => {
    const absent = new DockerEngine({ dockerHost: 'unix:///no/such.sock' })
    expect((await failureOf(absent.ping())).kind).to.equal('unreachable')
    await absent.close()
    fake.answers.set('GET /_ping', answer(404, '<html>'))
    const error = await failureOf(docker.inspect('x'))
    expect([error.kind, error.imageFault, error.specFault]).to.deep.equal(['engine', false, false])
    for (const dockerHost of ['', 'ssh://host', 'https://host:1', '/var/run/docker.sock', 'unix://relative'])
      expect(() => new DockerEngine({ dockerHost }), dockerHost).to.throw(DockerError, 'a Docker host is')
  })

  it('that is too old says so, a newer one is spoken to in our version', async () => {
    const version = (api: string) => (response: Parameters<typeof silence>[0]) =>
      void response.writeHead(200, { 'Api-Version': api }).end('OK')
    fake.answers.set('GET /_ping', version('1.40'))
    expect((await failureOf(docker.inspect('x'))).message).to.contain('speaks API 1.40')
    fake.answers.set('GET /_ping', version('1.99'))
    expect((await docker.inspect('x')).running).to.equal(true)
  })

  it('tells its kinds of refusal apart', async () => {
    for (const [status, kind, specFault] of [
      [400, 'bad_request', true],
      [404, 'not_found', true],
      [409, 'conflict', true],
      [500, 'engine', false],
      [503, 'engine', false],
    ] as const) {
      fake.answers.set('POST /containers/create', answer(status, { message: 'because' }))
      const error = await failureOf(docker.create('x', { Image: 'x', HostConfig: {} }))
      expect([error.kind, error.specFault, error.message]).to.deep.equal([kind, specFault, 'because'])
    }
    fake.answers.set('GET /containers/json', answer(200, 'no JSON'))
    expect((await failureOf(docker.list({ labels: [] }))).kind).to.equal('engine')
  })

  it('that closed a kept connection is asked again', async () => {
    await docker.inspect('x')
    fake.cut()
    expect((await docker.inspect('x')).id).to.equal('c1')
  })

  it('that cannot kill a container: the task ends all the same', async () => {
    await using bench = await ContainerBench.open(fake.dockerHost)
    const { task } = await bench.start({ command: 'true' }, { times: { unkillableMs: 150, retryMs: 20 } })
    await task.started
    fake.answers.set(
      'POST /containers/c1/kill',
      answer(500, { message: 'tried to kill container, but did not receive an exit event' }),
    )
    task.kill(0)
    const ended = await task.ended
    expect(ended).to.deep.include({ failure: 'FAILURE_ENGINE', containerId: 'c1' })
    expect(ended.message).to.contain('could not be killed').and.contain('exit event')
    await task.dispose()
    expect(fake.calls.at(-1)).to.equal('DELETE /containers/c1')
  })

  it('that hangs while a container runs is noticed', async () => {
    await using bench = await ContainerBench.open(fake.dockerHost, {
      pingMs: 50,
      watchMs: 20,
      lostAfterMs: 200,
      callMs: 50,
    })
    const { task } = await bench.start({ command: 'true' })
    await task.started
    fake.answers.set('', silence)
    const ended = await task.ended
    expect(ended).to.deep.include({ failure: 'FAILURE_ENGINE' })
    expect(ended.message).to.match(/has not answered for/)
  })

  it('that tells only after the end that the memory was the cause', async () => {
    await using bench = await ContainerBench.open(fake.dockerHost)
    const State = { Running: false, ExitCode: 137, OOMKilled: false, StartedAt: '2024-01-01T00:00:00Z' }
    fake.outputEnds = true
    fake.answers.set('POST /containers/c1/wait', answer(200, { StatusCode: 137 }))
    fake.answers.set('GET /containers/c1/json', answer(200, { Id: 'c1', State }))
    fake.answers.set('GET /events', response => {
      response.writeHead(200).flushHeaders()
      setTimeout(() => response.write('{"status":"oom","id":"c1"}\n'), 20)
    })
    const late = await (await bench.start({ memMb: 64 })).end()
    expect(late).to.deep.include({ exitCode: 137, oom: true, failure: 'FAILURE_OOM' })
    fake.answers.set('GET /events', response => response.writeHead(200).flushHeaders())
    const never = await (await bench.start({ memMb: 64 })).end()
    expect(never).to.deep.include({ exitCode: 137, oom: false }).and.not.have.any.keys('failure')
  })

  it('that fails in the middle of creating: one end, and its container is asked to go by its name', async () => {
    await using bench = await ContainerBench.open(fake.dockerHost, { workMs: 100 })
    fake.answers.set('POST /containers/create', silence)
    const { id, end } = await bench.start({ command: 'true' })
    expect(await end()).to.deep.include({ failure: 'FAILURE_ENGINE' })
    expect(fake.calls.at(-1)).to.equal(`DELETE /containers/juice-${id}`)
  })
})

describe('a real engine that goes away under a running container', function () {
  this.timeout(60_000)
  let dir: string

  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'juice-away-'))))
  afterEach(() => rm(dir, { recursive: true, force: true }))

  it('and comes back: the task ended with it, by the fault of the engine', async () => {
    const first = await startDockerEngine({ dir })
    await packDemoImage(first.dockerHost, testImage)
    const bench = await ContainerBench.open(first.dockerHost)
    const { task, sink, end } = await bench.start(
      { command: 'echo up; sleep 600' },
      { times: { retryMs: 50 } },
    )
    await Promise.all([task.started, sink.said('up')])
    const wait = bench.engine.wait.bind(bench.engine)
    const noticed = Promise.withResolvers<void>()
    bench.engine.wait = (id, signal) =>
      wait(id, signal).catch((error: unknown) => {
        noticed.resolve()
        throw error
      })
    await first.close()
    await noticed.promise
    const second = await startDockerEngine({ dir })
    try {
      const ended = await end()
      expect(ended).to.deep.include({ failure: 'FAILURE_ENGINE' })
      expect(ended.message).to.contain('went away while the container ran')
      expect(await bench.left()).to.deep.equal([])
      expect((await task.started).containerId).to.equal(ended.containerId)
    } finally {
      await bench[Symbol.asyncDispose]()
      await second.close()
    }
  })

  it('and comes back with it still running: the task goes on', async () => {
    const { dockerHost } = await testDocker()
    const { socketPath, host, port } = engineAddress(dockerHost)
    const between = join(dir, 'between.sock')
    const lines = new Set<Socket>()
    const relay = createServer(line => {
      const engine = socketPath ? connect(socketPath) : connect(Number(port), host ?? '')
      for (const end of [line, engine]) lines.add(end.on('error', () => {}))
      line.pipe(engine).pipe(line)
    })
    relay.listen(between)
    await once(relay, 'listening')
    const bench = await ContainerBench.open(`unix://${between}`)
    const command = 'echo up; while [ ! -e $MESOS_SANDBOX/go ]; do sleep 0.02; done; echo still here; exit 3'
    const { task, sink, sandboxDir, end } = await bench.start({ command }, { times: { retryMs: 20 } })
    await Promise.all([task.started, sink.said('up')])
    relay.close()
    for (const line of lines) line.destroy()
    await once(relay, 'close')
    relay.listen(between)
    const attached = new Promise<void>(resolve =>
      relay.on('connection', line =>
        line.on('data', (data: Buffer) => {
          if (data.includes('/attach')) resolve()
        }),
      ),
    )
    await attached
    await writeFile(join(sandboxDir, 'go'), '')
    expect(await end())
      .to.deep.include({ exitCode: 3 })
      .and.not.have.any.keys('failure')
    expect(sink.text()).to.equal('up\nstill here\n')
    await bench[Symbol.asyncDispose]()
    relay.close()
    for (const line of lines) line.destroy()
  })

  it('for good: the task is told lost', async () => {
    const engine = await startDockerEngine({ dir })
    await packDemoImage(engine.dockerHost, testImage)
    await using bench = await ContainerBench.open(engine.dockerHost, { watchMs: 50, lostAfterMs: 300 })
    const { task, sink } = await bench.start({ command: 'echo up; sleep 600' }, { times: { retryMs: 50 } })
    await Promise.all([task.started, sink.said('up')])
    await engine.close()
    const ended = await task.ended
    expect(ended).to.deep.include({ failure: 'FAILURE_ENGINE' })
    await task.dispose()
    expect(bench.engine.removals.owed).to.deep.equal([ended.containerId])
  })
})
