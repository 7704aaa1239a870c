// What the recording of the files API found there when it began: an executor that prints a line, and a command task
// with output, a binary file and as much on stderr as Mesos' own executor had said.
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { LocalMesos } from '../local-mesos.ts'
import { taskInfo, TestScheduler } from '../testing/test-scheduler.ts'
import type { Mapping } from './mapping.ts'
import type { Trace } from './trace.ts'

const says = `echo 'executor stub starts'; echo 'executor stub starts' >&2; exec sleep 1000`
const writes =
  `mkdir sub; printf '\\000\\377bin' > sub/b; printf 'hello\\ncaf\\303\\251\\n'; head -c 526 /dev/zero >&2; ` +
  'exec sleep 1000'

export class Sandboxes {
  readonly #scheduler: TestScheduler
  readonly #cluster: LocalMesos

  private constructor(cluster: LocalMesos, scheduler: TestScheduler) {
    this.#cluster = cluster
    this.#scheduler = scheduler
  }

  /** Launches both, waits for what they write, and learns the ids of the recording. */
  static async make(cluster: LocalMesos, mapping: Mapping, trace: Trace): Promise<Sandboxes> {
    const scheduler = await TestScheduler.subscribe(cluster.url)
    const offer = await scheduler.offer()
    const { executor: _executor, ...command } = taskInfo(offer, 'f-cmd', {
      more: { command: { shell: true, value: writes } },
    })
    const custom = taskInfo(offer, 't', { executorId: 'ex-files', command: { shell: true, value: says } })
    await scheduler.launch(offer, [custom, command])
    const [agent] = cluster.agents
    if (agent === undefined) throw new Error('no agent')
    const recorded = JSON.stringify(trace.exchanges)
    for (const [id, file, size] of [
      ['ex-files', 'stderr', 21],
      ['f-cmd', 'stderr', 526],
    ] as const) {
      const { directory, containerId } = await agent.waitForExecutor(id)
      const written = (): boolean =>
        existsSync(join(directory, file)) && statSync(join(directory, file)).size === size
      while (!written()) await pause(2)
      const found = new RegExp(
        `slaves/([^/"]+)/frameworks/([^/"]+)/executors/${id}/runs/([0-9a-f-]{36})`,
      ).exec(recorded)
      const [, agentId = '', frameworkId = '', container = ''] = found ?? []
      mapping.learn(agentId, agent.id)
      mapping.learn(frameworkId, scheduler.frameworkId)
      mapping.learn(container, containerId)
    }
    return new Sandboxes(cluster, scheduler)
  }

  /** Both end; what they wrote stays. */
  async end(): Promise<void> {
    const [agent] = this.#cluster.agents
    for (const executor of agent?.executors ?? []) {
      if (executor.pid !== undefined) process.kill(executor.pid, 'SIGKILL')
    }
    await agent?.waitUntil(({ executors }) => executors.length === 0)
  }

  close(): void {
    this.#scheduler.close()
  }
}

/** A folder's size and links are its file system's own affair. */
export function withoutFolderSizes(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(withoutFolderSizes)
  if (typeof body !== 'object' || body === null) return body
  const mode: unknown = Reflect.get(body, 'mode')
  const isFolder = typeof mode === 'number' ? (mode & 0o170000) === 0o040000 : String(mode).startsWith('d')
  return Object.fromEntries(
    Object.entries(body)
      .filter(([name]) => !isFolder || (name !== 'size' && name !== 'nlink'))
      .map(([name, value]) => [name, withoutFolderSizes(value)]),
  )
}
