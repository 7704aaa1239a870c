import { expect } from 'chai'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { ContainerBench } from '../../test/support/container-tasks.ts'
import { testDocker, testImage } from '../../test/support/docker.ts'
import { containerName } from './container-spec.ts'

describe('a container task on a real engine', function () {
  this.timeout(60_000)
  let bench: ContainerBench

  before(async () => {
    bench = await ContainerBench.open((await testDocker()).dockerHost)
  })

  after(async () => {
    const left = await bench.left()
    await bench[Symbol.asyncDispose]()
    expect(left, 'containers left behind').to.deep.equal([])
  })

  it('runs, tells its times and container, and writes to both streams', async () => {
    const { task, sink, end } = await bench.start({ command: 'echo out; echo err >&2' })
    const { startedAtMs, containerId } = await task.started
    const ended = await end()
    expect(ended).to.deep.include({ exitCode: 0, oom: false, containerId, startedAtMs })
    expect(ended).to.not.have.any.keys('failure', 'message')
    expect(ended.finishedAtMs).to.be.at.least(startedAtMs)
    expect([sink.text(), sink.text('stderr')]).to.deep.equal(['out\n', 'err\n'])
  })

  it('passes arguments, environment, user, workdir, sandbox and volumes', async () => {
    const shared = await bench.start({ command: 'echo written > $MESOS_SANDBOX/file' })
    await shared.end()
    const { sink, sandboxDir, end } = await bench.start(
      {
        args: [
          '-c',
          'id -u; pwd; echo "$GREETING"; cat /in/file; echo r > $MESOS_SANDBOX/result.json; touch /in/x',
        ],
        docker: {
          entrypoint: ['sh'],
          user: '1000',
          workdir: '/var',
          volumes: [{ hostPath: shared.sandboxDir, containerPath: '/in', readOnly: true }],
        },
      },
      { env: { GREETING: 'hello = world' } },
    )
    expect((await end()).exitCode).to.equal(1)
    expect(sink.text()).to.equal('1000\n/var\nhello = world\nwritten\n')
    expect(sink.text('stderr')).to.contain('Read-only file system')
    expect(await readFile(`${sandboxDir}/result.json`, 'utf8')).to.equal('r\n')
  })

  it("runs the image's own command where the task names none", async () => {
    const { sink, end } = await bench.start({}, { env: { TASK_ID: '7' } })
    expect((await end()).exitCode).to.equal(0)
    expect(sink.text()).to.contain('task 7').and.contain('frame 3 of 3')
  })

  it('keeps 10 MB without a newline, and bytes as they are', async () => {
    const bytes = randomBytes(10 * 1024 * 1024).map(byte => (byte === 10 ? 0 : byte))
    const { sink, sandboxDir, end } = await bench.start({
      command: 'while [ ! -e $MESOS_SANDBOX/go ]; do sleep 0.02; done; cat $MESOS_SANDBOX/in',
    })
    await writeFile(`${sandboxDir}/in`, bytes)
    await writeFile(`${sandboxDir}/go`, '')
    expect((await end()).exitCode).to.equal(0)
    expect(sink.bytes('stdout').equals(bytes)).to.equal(true)
  })

  it('tells exit codes', async () => {
    const codes = [1, 42, 137, 255]
    const tasks = await Promise.all(codes.map(code => bench.start({ command: `exit ${code}` })))
    const ends = await Promise.all(tasks.map(task => task.end()))
    expect(ends.map(({ exitCode }) => exitCode)).to.deep.equal(codes)
    for (const ended of ends)
      expect(ended).to.include({ oom: false }).and.not.have.any.keys('failure', 'signal')
  })

  it('tells running out of memory from being killed (E45)', async () => {
    const { end } = await bench.start({ memMb: 16, command: 'head -c 60000000 /dev/zero | tail; exit 137' })
    const ended = await end()
    expect(ended).to.deep.include({ exitCode: 137, oom: true, failure: 'FAILURE_OOM' })
    expect(ended.message).to.contain('limit of 16 MB')
  })

  it('has the limits and the parameters that were asked for', async () => {
    const { sink, end } = await bench.start({
      memMb: 40,
      cpuMillis: 500,
      command: 'df -k /dev/shm | tail -1; ulimit -n; hostname; cat /proc/1/comm; ls /run | wc -l; touch /x',
      docker: {
        parameters: [
          { key: 'shm-size', value: '8m' },
          { key: 'ulimit', value: 'nofile=123:456' },
          { key: 'hostname', value: 'worker-7' },
          { key: 'read-only', value: 'true' },
          { key: 'tmpfs', value: '/run:size=1m' },
        ],
      },
    })
    await end()
    expect(sink.text())
      .to.match(/^shm\s+8192 /)
      .and.contain('\n123\nworker-7\n')
    expect(sink.text('stderr')).to.contain('Read-only file system')
  })

  it('ends at TERM within its grace, and at once by KILL where it ignores TERM', async () => {
    const obedient = await bench.start({
      command: 'trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.05; done',
    })
    const stubborn = await bench.start({ command: 'trap "" TERM; echo up; while :; do sleep 0.05; done' })
    await Promise.all([obedient.sink.said('up'), stubborn.sink.said('up')])
    obedient.task.kill(20_000)
    stubborn.task.kill(20_000)
    expect(await obedient.end()).to.deep.include({ exitCode: 3 })
    expect(obedient.sink.text()).to.contain('bye')
    stubborn.task.kill(60_000)
    stubborn.task.kill(50)
    expect(await stubborn.end()).to.deep.include({ exitCode: 137, oom: false })
  })

  it('lets a shell die of TERM although it is the first process', async () => {
    const { task, sink, end } = await bench.start({ command: 'echo up; sleep 600; echo never' })
    await sink.said('up')
    task.kill(30_000)
    expect(await end()).to.deep.include({ exitCode: 143 })
  })

  it('killed before its start: no start, no exit code, no container', async () => {
    const { task, end } = await bench.start({ command: 'sleep 600' })
    task.kill(0)
    const ended = await end()
    expect(ended).to.not.have.any.keys('exitCode', 'failure')
    expect(ended.message).to.contain('killed before')
  })

  it('a command that the image lacks: 127; one that is not executable: 126', async () => {
    const absent = await (await bench.start({ args: ['/no/such'] })).end()
    expect(absent).to.deep.include({ failure: 'FAILURE_START', exitCode: 127 })
    expect(absent.message).to.contain('/no/such')
    const refused = await (await bench.start({ args: ['/etc/passwd'] })).end()
    expect(refused).to.deep.include({ failure: 'FAILURE_START', exitCode: 126 })
    const inShell = await (await bench.start({ command: 'no-such' })).end()
    expect(inShell).to.deep.include({ exitCode: 127 }).and.not.have.any.keys('failure')
  })

  for (const [what, docker] of [
    ['user', { user: 'nosuchuser' }],
    ['network', { network: 'nosuchnetwork' }],
    ['volume', { volumes: [{ hostPath: '/no/such/folder', containerPath: '/in' }] }],
    ['sysctl', { parameters: [{ key: 'sysctl', value: 'no.such=1' }] }],
    ['device', { parameters: [{ key: 'device', value: '/dev/nosuch' }] }],
  ] as const) {
    it(`a ${what} that does not exist is the task's fault`, async () => {
      const ended = await (await bench.start({ command: 'true', docker })).end()
      expect(ended).to.deep.include({ failure: 'FAILURE_START' })
      expect(ended.message).to.match(/no.?such/i)
    })
  }

  it('may do what a capability allows, and nothing without it', async () => {
    const command = 'mount -t tmpfs none /mnt && echo mounted'
    const allowed = {
      parameters: [
        { key: 'cap-add', value: 'SYS_ADMIN' },
        { key: 'security-opt', value: 'apparmor=unconfined' },
      ],
    }
    const [plain, mighty] = await Promise.all([
      bench.start({ command }),
      bench.start({ command, docker: allowed }),
    ])
    expect((await plain.end()).exitCode).to.equal(1)
    expect((await mighty.end()).exitCode).to.equal(0)
    expect(mighty.sink.text()).to.equal('mounted\n')
  })

  it('maps a port of the offer to one of the container', async () => {
    const hostPort = await freePort()
    const { task, sink, end } = await bench.start(
      {
        command: 'echo up; nc -l -p 8000 -e echo answered',
        docker: { portMappings: [{ containerPort: 8000, hostPort: 0, protocol: 'tcp' }] },
      },
      { ports: { mapped: [hostPort], free: [] } },
    )
    await sink.said('up')
    const answer = await ask(hostPort)
    task.kill(0)
    await end()
    expect(answer).to.equal('answered\n')
  })

  it('twenty at once', async () => {
    const tasks = await Promise.all(
      Array.from({ length: 20 }, (_, index) => bench.start({ command: `echo number ${index}` })),
    )
    const ends = await Promise.all(tasks.map(task => task.end()))
    expect(ends.map(({ exitCode }) => exitCode)).to.deep.equal(Array(20).fill(0))
    expect(tasks.map(({ sink }) => sink.text())).to.deep.equal(tasks.map((_, index) => `number ${index}\n`))
  })

  it('takes the place of what an executor before it left under its name', async () => {
    const id = `test-${randomUUID()}`
    await bench.engine.create(containerName(id), {
      Image: testImage,
      Labels: bench.labels(id),
      HostConfig: {},
    })
    const { sink, end } = await bench.start({ command: 'echo mine' }, { id })
    expect((await end()).exitCode).to.equal(0)
    expect(sink.text()).to.equal('mine\n')
  })

  it("leaves a stranger's container of that name alone", async () => {
    const id = `test-${randomUUID()}`
    const stranger = await bench.engine.create(containerName(id), { Image: testImage, HostConfig: {} })
    try {
      const ended = await (await bench.start({ command: 'true' }, { id })).end()
      expect(ended).to.deep.include({ failure: 'FAILURE_START' })
      expect(ended.message).to.contain('already in use')
      expect((await bench.engine.inspect(stranger.id)).status).to.equal('created')
    } finally {
      await bench.engine.remove(stranger.id, { force: true, volumes: true })
    }
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** What a server on loopback says; tries until it listens. */
async function ask(port: number): Promise<string> {
  for (;;) {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of connect(port, '127.0.0.1') as AsyncIterable<Buffer>) chunks.push(chunk)
    } catch {
      // Not yet.
    }
    if (chunks.length > 0) return Buffer.concat(chunks).toString()
    await delay(20)
  }
}
