// A real ZooKeeper server for tests: Debian's package, run by java on a port and folder of its own, that can be frozen,
// killed and started again. Nothing of it stays but the package.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock, ZooKeeperConnection, type ZooKeeperConnectionOptions } from 'mesos-http-client'
import { aptInstall, findProgram } from '../../scripts/apt.ts'
import { freePort } from '../../scripts/lib/ports.ts'

// The library holds the server as well; the package `zookeeper` only adds a service to it.
const jar = '/usr/share/java/zookeeper.jar'
const packages = ['libzookeeper-java', 'default-jre-headless']
const startMs = 60_000

/** How long a start may take where the packages are fetched first. */
export const installMs = 600_000

export class TestZooKeeper implements AsyncDisposable {
  readonly port: number
  readonly #dir: string
  #server: ChildProcess | undefined

  static async start(): Promise<TestZooKeeper> {
    if (!existsSync(jar) || findProgram('java') === undefined) await aptInstall(packages)
    const server = new TestZooKeeper(await mkdtemp(join(tmpdir(), 'zookeeper-')), await freePort())
    try {
      await server.start()
    } catch (error) {
      await server[Symbol.asyncDispose]()
      throw error
    }
    return server
  }

  private constructor(dir: string, port: number) {
    this.#dir = dir
    this.port = port
  }

  /** `127.0.0.1:port`. */
  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Starts it on the same port and data; sessions of before are still there. */
  async start(): Promise<void> {
    const config = join(this.#dir, 'zoo.cfg')
    const settings = {
      dataDir: join(this.#dir, 'data'),
      clientPort: this.port,
      clientPortAddress: '127.0.0.1',
      'admin.enableServer': false,
      maxClientCnxns: 0,
      // Sessions live 1 to 60 s, as their clients wish.
      tickTime: 500,
      maxSessionTimeout: 60_000,
    }
    await writeFile(
      config,
      Object.entries(settings)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    )
    const java = ['-Xmx64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dzookeeper.forceSync=no']
    const child = spawn(
      'java',
      [...java, '-cp', jar, 'org.apache.zookeeper.server.ZooKeeperServerMain', config],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    this.#server = child
    let output = ''
    child.stderr?.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)))
    const deadline = Date.now() + startMs
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline)
        throw new Error(`ZooKeeper did not start:\n${output}`)
      const connection = this.connect({ connectTimeoutMs: 5000 })
      const isReady = await connection.ready.then(
        () => true,
        () => false,
      )
      await connection.close()
      if (isReady) return
      await sleep(100)
    }
  }

  /** kill -9. */
  async stop(): Promise<void> {
    const child = this.#server
    this.#server = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  /** Forgets all that it held, sessions too; while it is stopped. */
  async wipe(): Promise<void> {
    await rm(join(this.#dir, 'data'), { recursive: true, force: true })
  }

  /** It keeps its connections and takes new ones, and answers nothing. */
  freeze(): void {
    this.#server?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#server?.kill('SIGCONT')
  }

  /** A connection of the test's own. */
  connect(options: Partial<ZooKeeperConnectionOptions> = {}): ZooKeeperConnection {
    return new ZooKeeperConnection({
      server: { host: '127.0.0.1', port: this.port },
      sessionTimeoutMs: 60_000,
      connectTimeoutMs: 10_000,
      answerTimeoutMs: 10_000,
      clock: systemClock,
      ...options,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await rm(this.#dir, { recursive: true, force: true })
  }
}
