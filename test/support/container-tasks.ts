// Runs container tasks on an engine as the executor does, without the executor: contexts with harmless defaults, output kept in
// memory, and a check that no container is left.
import { randomUUID } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../executor/clock.ts'
import { startContainerTask } from '../../executor/docker/container-task.ts'
import { DockerEngine, type EngineTimeouts } from '../../executor/docker/engine.ts'
import type { HostIdentity } from '../../executor/docker/sweep.ts'
import { hostIdentity } from '../../executor/owner.ts'
import { defaultSettings } from '../../executor/settings.ts'
import {
  containerSandbox,
  type LogSink,
  type RunningTask,
  type Settings,
  type TaskContext,
  type TaskEnd,
} from '../../executor/types.ts'
import type { TaskPayload } from '../../proto/payload.ts'
import { testImage } from './docker.ts'

/** What a task wrote, and a way to wait for it. */
export class MemorySink implements LogSink {
  readonly #chunks: { stdout: Uint8Array[]; stderr: Uint8Array[] } = { stdout: [], stderr: [] }
  #waiting: (() => void)[] = []

  stdout(chunk: Uint8Array): void {
    this.#take('stdout', chunk)
  }

  stderr(chunk: Uint8Array): void {
    this.#take('stderr', chunk)
  }

  // oxlint-disable-next-line typescript/require-await -- nothing to close
  async close(): Promise<void> {
    this.#waiting = []
  }

  bytes(stream: 'stdout' | 'stderr'): Buffer {
    return Buffer.concat(this.#chunks[stream])
  }

  text(stream: 'stdout' | 'stderr' = 'stdout'): string {
    return this.bytes(stream).toString()
  }

  /** Resolves when stdout contains `text`. */
  async said(text: string): Promise<void> {
    while (!this.text().includes(text)) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  #take(stream: 'stdout' | 'stderr', chunk: Uint8Array): void {
    this.#chunks[stream].push(chunk)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

export interface BenchTask {
  readonly id: string
  readonly task: RunningTask
  readonly sink: MemorySink
  readonly sandboxDir: string
  /** Its end, after its container was removed. */
  readonly end: () => Promise<TaskEnd>
}

export interface BenchOptions {
  /** The Mesos task id; without it a new one. */
  readonly id?: string
  readonly ports?: TaskContext['ports']
  readonly env?: Readonly<Record<string, string>>
  readonly settings?: Partial<Settings>
  readonly times?: Parameters<typeof startContainerTask>[2]
}

export class ContainerBench implements AsyncDisposable {
  readonly engine: DockerEngine
  readonly owner = randomUUID()
  /** This boot, so that no real executor's sweep on the same engine takes our containers, and a namespace that isn't any. */
  readonly host: HostIdentity
  readonly #dir: string

  static async open(dockerHost: string, timeouts: Partial<EngineTimeouts> = {}): Promise<ContainerBench> {
    const { boot } = await hostIdentity()
    const dir = await mkdtemp(join(tmpdir(), 'juice-containers-'))
    return new ContainerBench(dockerHost, timeouts, dir, boot)
  }

  private constructor(dockerHost: string, timeouts: Partial<EngineTimeouts>, dir: string, boot: string) {
    this.host = { netns: `test-${this.owner}`, boot }
    this.engine = new DockerEngine({ dockerHost, timeouts })
    this.#dir = dir
  }

  async start(payload: TaskPayload, options: BenchOptions = {}): Promise<BenchTask> {
    const id = options.id ?? `test-${randomUUID()}`
    const sandboxDir = join(this.#dir, id)
    await mkdir(sandboxDir)
    await chmod(sandboxDir, 0o777)
    const sink = new MemorySink()
    const task = startContainerTask(
      this.engine,
      {
        mesosTaskId: id,
        payload: { image: testImage, memMb: 32, cpuMillis: 100, ...payload },
        sandboxDir,
        env: { MESOS_SANDBOX: containerSandbox, ...options.env },
        ports: options.ports ?? { mapped: [], free: [] },
        logs: sink,
        settings: { ...defaultSettings, ...options.settings },
        labels: this.labels(id),
        clock: systemClock,
        logger: { debug() {}, info() {}, warn() {}, error() {} },
      },
      options.times,
    )
    const end = async (): Promise<TaskEnd> => {
      const ended = await task.ended
      await task.dispose()
      return ended
    }
    return { id, task, sink, sandboxDir, end }
  }

  labels(mesosTaskId: string): TaskContext['labels'] {
    return {
      'juice.framework': 'test',
      'juice.agent': 'test',
      'juice.executor': 'test',
      'juice.task': '1',
      'juice.attempt': '1',
      'juice.mesos-task': mesosTaskId,
      'juice.service': 'test',
      'juice.owner': this.owner,
      'juice.netns': this.host.netns,
      'juice.boot': this.host.boot,
    }
  }

  /** Ids of this bench's containers that are there, running or not. */
  async left(): Promise<readonly string[]> {
    return (await this.engine.list({ labels: [`juice.owner=${this.owner}`] })).map(({ id }) => id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine.close()
    await rm(this.#dir, { recursive: true, force: true })
  }
}
