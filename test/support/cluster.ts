// The whole system for a test: a database of its own, a local Mesos with real executors or a given cluster, a Docker engine,
// and framework processes that can be killed. Everything ends in reverse order; what a test left behind is an error.
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalMesos, type LocalMesosOptions } from 'local-mesos'
import { packDemoImage } from '../../scripts/demo-image.ts'
import { startFramework, type FrameworkProcess } from '../../scripts/lib/framework-process.ts'
import { freePort } from '../../scripts/lib/ports.ts'
import { getTask, submit, terminal, until, type TaskJson } from '../../scripts/lib/task-client.ts'
import { testDocker } from './docker.ts'
import { givenMesos, lastSubscription, tearDown, executorProcesses } from './given-mesos.ts'
import { testDatabase } from './postgres.ts'

export const image = 'juice-demo:latest'

export interface ClusterOptions {
  readonly agents?: number
  /** More about the local Mesos. */
  readonly mesos?: LocalMesosOptions
  readonly env?: Readonly<Record<string, string>>
}

export class Cluster implements AsyncDisposable {
  readonly dir: string
  readonly dockerHost: string
  readonly databaseUrl: string
  readonly #mesos: LocalMesos | undefined
  #framework: FrameworkProcess
  readonly #resources: AsyncDisposableStack
  readonly #restart: () => Promise<FrameworkProcess>

  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    await using resources = new AsyncDisposableStack()
    const dir = await mkdtemp(join(tmpdir(), 'juice-system-'))
    resources.defer(() => rm(dir, { recursive: true, force: true }))
    const { dockerHost } = await testDocker()
    await packDemoImage(dockerHost, image)
    const database = await testDatabase()
    resources.defer(() => database.close())
    const given = givenMesos()
    const mesos =
      given === undefined
        ? await LocalMesos.start({
            agents: options.agents ?? 2,
            workDir: join(dir, 'mesos'),
            allocationIntervalMs: 50,
            ...options.mesos,
          })
        : undefined
    resources.defer(() => mesos?.close())
    const port = await freePort()
    const name = `juice-test-${randomUUID().slice(0, 8)}`
    const restart = (): Promise<FrameworkProcess> =>
      startFramework({
        dir,
        databaseUrl: database.url,
        mesosMaster: mesos?.url ?? given?.master ?? '',
        port,
        dockerHost,
        env: {
          JUICE_FRAMEWORK_NAME: name,
          JUICE_ORPHAN_WAIT_SECONDS: '5',
          ...given?.settings,
          ...options.env,
        },
      })
    const framework = await restart()
    if (given !== undefined) {
      const { logFile } = framework
      resources.defer(async () => {
        const subscribed = await lastSubscription(logFile)
        if (subscribed) await tearDown(given, subscribed)
      })
    }
    return new Cluster({
      dir,
      mesos,
      dockerHost,
      databaseUrl: database.url,
      framework,
      restart,
      resources: resources.move(),
    })
  }

  private constructor(parts: {
    dir: string
    mesos: LocalMesos | undefined
    dockerHost: string
    databaseUrl: string
    framework: FrameworkProcess
    restart: () => Promise<FrameworkProcess>
    resources: AsyncDisposableStack
  }) {
    this.dir = parts.dir
    this.#mesos = parts.mesos
    this.dockerHost = parts.dockerHost
    this.databaseUrl = parts.databaseUrl
    this.#framework = parts.framework
    this.#restart = parts.restart
    this.#resources = parts.resources
    this.#resources.defer(() => this.#framework.close())
  }

  /** For tests that steer it; a given cluster is not ours to restart. */
  get mesos(): LocalMesos {
    if (this.#mesos === undefined) throw new Error('this test steers local-mesos, not a given cluster')
    return this.#mesos
  }

  /** Of this test's executors on this machine: their small parents and themselves. */
  async executorPids(): Promise<{ readonly parents: number[]; readonly children: number[] }> {
    const frameworkId = (await lastSubscription(this.#framework.logFile))?.frameworkId
    if (frameworkId === undefined) return { parents: [], children: [] }
    const all = await executorProcesses(frameworkId)
    const isChild = ({ command }: { command: string }): boolean => /executor\.mjs/.test(command)
    return {
      parents: all.filter(process => !isChild(process)).map(({ pid }) => pid),
      children: all.filter(isChild).map(({ pid }) => pid),
    }
  }

  get url(): string {
    return this.#framework.url
  }

  /** All that it has logged. */
  frameworkLog(): Promise<string> {
    return readFile(this.#framework.logFile, 'utf8')
  }

  /** Until its log has `text` so many times; throws with the log's end after a minute. */
  async logged(text: string, times: number): Promise<void> {
    const deadline = performance.now() + 60_000
    for (;;) {
      const log = await this.frameworkLog()
      if (log.split(text).length > times) return
      if (performance.now() > deadline) throw new Error(`not logged: ${text}\n${log.slice(-3000)}`)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }

  /** SIGKILL to the framework, as when its machine dies. */
  async killFramework(): Promise<void> {
    await this.#framework.kill()
  }

  async startFramework(): Promise<void> {
    this.#framework = await this.#restart()
  }

  /** Submits a small task in the demo image; `spec` overrides. */
  submit(spec: object): Promise<TaskJson> {
    return submit(this.url, { name: 'test', image, resources: { cpus: 0.1, memMb: 32 }, ...spec })
  }

  /** The same without an image: a process on the agent. */
  submitCommand(spec: object): Promise<TaskJson> {
    return submit(this.url, { name: 'test', resources: { cpus: 0.1, memMb: 32 }, ...spec })
  }

  get(id: number): Promise<TaskJson> {
    return getTask(this.url, id)
  }

  until(id: number, condition: (task: TaskJson) => boolean, timeoutMs?: number): Promise<TaskJson> {
    return until(this.url, id, condition, timeoutMs)
  }

  ended(id: number, timeoutMs?: number): Promise<TaskJson> {
    return this.until(id, task => terminal.has(task.state), timeoutMs)
  }

  running(id: number): Promise<TaskJson> {
    return this.until(id, task => {
      if (terminal.has(task.state)) throw new Error(`task ${id} ended before it ran: ${JSON.stringify(task)}`)
      return task.state === 'RUNNING'
    })
  }

  async kill(id: number): Promise<TaskJson> {
    const response = await fetch(`${this.url}/v2/tasks/${id}/kill`, { method: 'POST' })
    if (!response.ok) throw new Error(`kill answered ${response.status}: ${await response.text()}`)
    return (await response.json()) as TaskJson
  }

  async log(id: number, stream: 'stdout' | 'stderr' = 'stdout'): Promise<Buffer> {
    const response = await fetch(`${this.url}/v2/tasks/${id}/logs?stream=${stream}`)
    const body = Buffer.from(await response.arrayBuffer())
    if (!response.ok) throw new Error(`logs answered ${response.status}: ${body.toString()}`)
    return body
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync()
  }
}
