// The whole loop for tests: a database, a local Mesos with stand-in executors, and leaders that can be replaced.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalMesos, type LocalMesosOptions } from 'local-mesos'
import { MesosError } from 'mesos-http-client'
import { testDatabase, type TestDatabase } from '../../../test/support/postgres.ts'
import type { Config } from '../../config.ts'
import type { TaskSpec } from '../../domain/spec.ts'
import { createLogger } from '../../observability/log.ts'
import { createMetrics, type Metrics } from '../../observability/metrics.ts'
import {
  connectToMesos,
  wireScheduler,
  type SchedulerWiringOptions,
  type WiredScheduler,
} from '../../scheduler-wiring.ts'
import { createPool, Notifier } from '../../store/index.ts'
import { getTask, requestKill, submitTask, type Deps, type TaskView } from '../../usecases/index.ts'
import type { MesosConnection } from '../settings.ts'
import { look, taskSpec } from './support.ts'

export interface Leader {
  readonly wired: WiredScheduler
  readonly metrics: Metrics
  /** What the process was told to die of. */
  readonly fatal: string[]
  close(): Promise<void>
}

export interface LeadOptions extends Partial<SchedulerWiringOptions> {
  /** As where the process dies: each ACCEPT gets lost on its way to Mesos, or its answer on the way back. */
  readonly dropAccepts?: 'before sending' | 'before the answer'
  readonly orphanWaitMs?: number
  /** To look at one test closely. */
  readonly logLevel?: 'silent' | 'debug'
}

const tenant = 'default'

export class LoopCluster implements AsyncDisposable {
  readonly mesos: LocalMesos
  readonly database: TestDatabase
  readonly #dir: string
  readonly #deps: Deps
  readonly #resources: AsyncDisposableStack

  static async start(options: LocalMesosOptions = {}): Promise<LoopCluster> {
    await using resources = new AsyncDisposableStack()
    const dir = await mkdtemp(join(tmpdir(), 'juice-loop-'))
    resources.defer(() => rm(dir, { recursive: true, force: true }))
    await chmod(dir, 0o755)
    const script = `exec ${process.execPath} ${join(import.meta.dirname, 'executor.ts')}\n`
    await writeFile(join(dir, 'juice-executor'), script, { mode: 0o755 })
    const database = await testDatabase()
    resources.defer(() => database.close())
    const notifier = new Notifier({ pool: database.pool })
    resources.defer(() => notifier.close())
    const mesos = await LocalMesos.start({
      agents: 1,
      allocationIntervalMs: 50,
      workDir: join(dir, 'mesos'),
      ...options,
    })
    resources.defer(() => mesos.close())
    const deps: Deps = { pool: database.pool, notifier, now: () => new Date() }
    return new LoopCluster({ dir, database, mesos, deps, resources: resources.move() })
  }

  private constructor(parts: {
    dir: string
    database: TestDatabase
    mesos: LocalMesos
    deps: Deps
    resources: AsyncDisposableStack
  }) {
    this.#dir = parts.dir
    this.database = parts.database
    this.mesos = parts.mesos
    this.#deps = parts.deps
    this.#resources = parts.resources
  }

  config(more: Partial<Config> = {}): Config {
    return {
      databaseUrl: this.database.url,
      mesos: { masters: [this.mesos.url], role: 'juice', codec: 'protobuf' },
      framework: { name: 'juice', user: 'root', failoverTimeoutSeconds: 60 },
      http: { host: '127.0.0.1', port: 0, allowUnauthenticated: false },
      publicUrl: 'http://127.0.0.1:1',
      advertiseUrl: 'http://127.0.0.1:1',
      executor: {
        dockerHost: 'unix:///none',
        cpusMillis: 100,
        memMb: 32,
        diskMb: 0,
        commandUser: 'nobody',
        sandboxRetentionMs: 1000,
      },
      orphanWaitMs: 300,
      unreachableWaitMs: 300,
      log: { level: 'info', format: 'json' },
      warnings: [],
      ...more,
    }
  }

  /** A process that campaigns; closed with the cluster at the latest. */
  lead({ dropAccepts, logLevel = 'silent', orphanWaitMs = 300, ...options }: LeadOptions = {}): Leader {
    const pool = createPool({ url: this.database.url })
    const notifier = new Notifier({ pool })
    const metrics = createMetrics({ ofProcess: false })
    const fatal: string[] = []
    const log = createLogger({
      level: logLevel,
      format: 'pattern',
      appName: 'juice',
      instance: 'test',
    })
    const wired = wireScheduler({
      config: this.config(),
      deps: { pool, notifier, now: () => new Date(), waits: { orphanWaitMs, unreachableWaitMs: 300 } },
      metrics,
      log,
      ...(dropAccepts === undefined
        ? {}
        : { connect: to => losing(dropAccepts, connectToMesos(this.config(), to, log)) }),
      executorUris: [`file://${join(this.#dir, 'juice-executor')}`],
      onFatal: (cause, message) => fatal.push(`${cause}: ${message}`),
      pollMs: 200,
      takeoverMs: 20,
      ...options,
    })
    let closed: Promise<void> | undefined
    const close = (): Promise<void> =>
      (closed ??= (async () => {
        await wired.close()
        await notifier.close()
        await pool.end()
      })())
    this.#resources.defer(close)
    wired.start()
    return { wired, metrics, fatal, close }
  }

  /** What the stand-in executor shall do, and else a small task. */
  async submit(command: string, more: Partial<TaskSpec> = {}): Promise<number> {
    const spec = taskSpec({ command, ...more })
    return (await submitTask(this.#deps, { tenant, spec })).task.id
  }

  async kill(id: number): Promise<void> {
    await requestKill(this.#deps, { tenant, id })
  }

  async task(id: number): Promise<TaskView> {
    const task = await getTask(this.#deps, { tenant, id })
    if (!task) throw new Error(`no task ${id}`)
    return task
  }

  /** Looks at the task until this holds. */
  async until(id: number, holds: (task: TaskView) => boolean): Promise<TaskView> {
    for (;;) {
      const task = await this.task(id)
      if (holds(task)) return task
      await look()
    }
  }

  async ended(id: number): Promise<TaskView> {
    return await this.until(id, ({ finishedAt }) => finishedAt !== undefined)
  }

  async running(id: number): Promise<TaskView> {
    return await this.until(id, ({ state }) => state === 'RUNNING')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync()
  }
}

function losing(when: 'before sending' | 'before the answer', connection: MesosConnection): MesosConnection {
  return {
    start: () => connection.start(),
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    close: () => connection.close(),
    async call(call) {
      if (call.type !== 'ACCEPT') return await connection.call(call)
      if (when === 'before the answer') await connection.call(call)
      throw new MesosError('disconnected', 'lost on the way')
    },
  }
}
