// Limits of executors as isolators hold them: the memory of an executor's processes and the disk of its sandbox against
// the sum of what the executor and its tasks were given. Who is beyond is destroyed with all it runs; containers of a
// Docker engine are none of its processes. Polls, since it has no cgroup to be told by.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Resource, TaskResourceLimitation } from 'mesos-http-client'
import type { Timer } from '../core/clock.ts'
import { formatBytes } from '../model/bytes.ts'
import { Resources } from '../model/resources.ts'
import type { AgentContext } from './context.ts'
import type { TreeMemory } from './memory.ts'
import type { Executor } from './state.ts'

/** What is held, and how often it is looked at. */
export interface IsolationSettings {
  readonly memory: boolean
  readonly disk: boolean
  readonly intervalMs: number
}

const mib = 1024 * 1024
const kib = 1024
/** No container gets less (isolators/cgroups/constants). */
const smallestMemoryMb = 32

const run = promisify(execFile)

/** What one executor holds, between looks. */
interface Held {
  readonly memory: TreeMemory
  /** Mesos raises a container's hard limit and never lowers it (subsystems/memory.cpp). */
  limitMb: number
  /** The most that was seen. */
  usedBytes: number
}

export class Isolation {
  readonly #context: AgentContext
  readonly #settings: IsolationSettings
  readonly #newTree: (pid: number) => TreeMemory
  readonly #held = new WeakMap<Executor, Held>()
  #timer: Timer | undefined
  #closed = false

  constructor(o: {
    readonly context: AgentContext
    readonly settings: IsolationSettings
    readonly newTree: (pid: number) => TreeMemory
  }) {
    this.#context = o.context
    this.#settings = o.settings
    this.#newTree = o.newTree
    this.#schedule()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    this.#timer = this.#context.clock.after(this.#settings.intervalMs, () => {
      void this.#look()
        .catch((error: unknown) => this.#context.log('fault while looking at limits', { error }))
        .then(() => this.#closed || this.#schedule())
    })
  }

  async #look(): Promise<void> {
    for (const framework of this.#context.frameworks.values()) {
      for (const executor of framework.executors.values()) {
        if (this.#settings.memory) this.#lookAtMemory(executor)
        if (this.#settings.disk) await this.#lookAtDisk(executor)
      }
    }
  }

  #lookAtMemory(executor: Executor): void {
    const pid = executor.container?.pid
    if (pid === undefined || executor.phase.name === 'terminated') return
    let held = this.#held.get(executor)
    if (held === undefined) {
      held = { memory: this.#newTree(pid), limitMb: 0, usedBytes: 0 }
      this.#held.set(executor, held)
    }
    const sumMb = sumOf(allocated(executor), 'mem')
    held.limitMb = Math.max(held.limitMb, sumMb, smallestMemoryMb)
    const usedBytes = held.memory.bytes()
    held.usedBytes = Math.max(held.usedBytes, usedBytes)
    if (usedBytes <= held.limitMb * mib) return
    const requested = formatBytes(held.limitMb * mib)
    this.#limit(executor, {
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
      message:
        `Memory limit exceeded: Requested: ${requested} Maximum Used: ${formatBytes(held.usedBytes)}\n` +
        `\nMEMORY STATISTICS: \nrss ${usedBytes}\n\n`,
      resources: [scalar('mem', held.usedBytes / mib)],
    })
  }

  /** As `disk/du` does with `--enforce_container_disk_quota`: where nobody was given disk, there is no quota. */
  async #lookAtDisk(executor: Executor): Promise<void> {
    if (executor.container?.pid === undefined || executor.phase.name === 'terminated') return
    const usedBytes = await diskUsage(executor.directory)
    if (this.#closed || usedBytes === undefined) return
    const disk = allocated(executor).filter(({ name }) => name === 'disk')
    const quotaMb = sumOf(disk, 'disk')
    if (quotaMb === 0 || usedBytes <= quotaMb * mib) return
    this.#limit(executor, {
      reason: 'REASON_CONTAINER_LIMITATION_DISK',
      message: `Disk usage (${formatBytes(usedBytes)}) exceeds quota (${formatBytes(quotaMb * mib)})`,
      resources: Resources.of(disk).messages(),
    })
  }

  #limit(
    executor: Executor,
    found: {
      readonly reason: NonNullable<Executor['termination']>['reason']
      readonly message: string
      readonly resources: NonNullable<TaskResourceLimitation['resources']>
    },
  ): void {
    const { reason, message, resources } = found
    if (executor.phase.name === 'terminated' || executor.termination !== undefined) return
    this.#context.log('executor exceeds its limit', { executorId: executor.id, reason, message })
    executor.termination = { state: 'TASK_FAILED', reason, message, limitation: { resources } }
    executor.container?.destroy()
  }
}

/** The executor's own resources, and those of the tasks that are not over. */
function allocated(executor: Executor): Resource[] {
  const tasks = [...executor.queued.values(), ...[...executor.launched.values()].map(({ info }) => info)]
  return [executor.info, ...tasks].flatMap(({ resources }) => resources ?? [])
}

function sumOf(resources: readonly Resource[], name: string): number {
  return resources
    .filter(resource => resource.name === name)
    .reduce((sum, { scalar: value }) => sum + (value?.value ?? 0), 0)
}

function scalar(name: string, value: number): Resource {
  return { name, type: 'SCALAR', scalar: { value }, role: '*' }
}

/** Bytes on disk; undefined where `du` fails, as when a file vanishes under its hands. */
async function diskUsage(directory: string): Promise<number | undefined> {
  try {
    const { stdout } = await run('du', ['-k', '-s', directory])
    return Number.parseInt(stdout, 10) * kib
  } catch {
    return undefined
  }
}
