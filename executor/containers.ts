// The executor's one Docker engine: swept of orphans before the first container starts, remembered on disk so that the parent
// process finds it again, and asked at the end whether anything is left.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ContainersUnavailable } from './attempt.ts'
import { startContainerTask } from './docker/container-task.ts'
import { DockerEngine } from './docker/engine.ts'
import { removeOrphans, type HostIdentity } from './docker/sweep.ts'
import { reasonOf } from './logger.ts'
import type { Clock, Logger, RunningTask, TaskContext } from './types.ts'

/** In the executor's folder; there once a container may have been started. */
const recordName = 'docker-host'

export class Containers {
  readonly #engine: DockerEngine
  readonly #host: HostIdentity
  readonly #dir: string
  readonly #logger: Logger
  #swept: Promise<void> | undefined
  #recorded: Promise<void> | undefined

  /** @throws DockerError where `dockerHost` is no address. */
  constructor(o: {
    readonly dockerHost: string
    readonly host: HostIdentity
    readonly dir: string
    readonly clock: Clock
    readonly logger: Logger
  }) {
    this.#engine = new DockerEngine(o)
    this.#host = o.host
    this.#dir = o.dir
    this.#logger = o.logger
  }

  /** Removes containers of dead executors; tried again at the next call where it failed. @throws DockerError */
  sweep(): Promise<void> {
    this.#swept ??= this.#sweep().catch(error => {
      this.#swept = undefined
      throw error
    })
    return this.#swept
  }

  /** @throws ContainersUnavailable */
  async start(context: TaskContext): Promise<RunningTask> {
    try {
      await this.sweep()
      await (this.#recorded ??= this.#record())
    } catch (error) {
      throw new ContainersUnavailable(`The Docker engine is not to be had: ${reasonOf(error)}`, {
        cause: error,
      })
    }
    return startContainerTask(this.#engine, context)
  }

  /** Containers that ended and could not be removed yet. */
  get owed(): readonly string[] {
    return this.#engine.removals.owed
  }

  close(): Promise<void> {
    return this.#engine.close()
  }

  async #record(): Promise<void> {
    try {
      await writeFile(join(this.#dir, recordName), this.#engine.dockerHost)
    } catch (error) {
      this.#recorded = undefined
      throw error
    }
  }

  async #sweep(): Promise<void> {
    const { removed, failed } = await removeOrphans(this.#engine, this.#host)
    if (removed.length + failed.length === 0) return
    this.#logger.warn('removed containers of dead executors', {
      removed,
      failed: failed.map(({ id, error }) => [id, reasonOf(error)]),
    })
  }
}

/** The engine of a dead executor's containers; undefined where it never started one. */
export async function recordedDockerHost(dir: string): Promise<string | undefined> {
  const text = await readFile(join(dir, recordName), 'utf8').catch(() => undefined)
  return text === '' ? undefined : text
}
