// The Docker engine as the executor needs it: each method is one call of the Engine API, time-boxed (E43), its answer reduced
// to what is used. Knows nothing of tasks.
import { systemClock } from '../clock.ts'
import type { Clock, ContainerEngine, ListedContainer, Logger, LogSink } from '../types.ts'
import { carryOutput, type Attachment } from './attach.ts'
import type { CreateBody } from './create-body.ts'
import { DockerError } from './errors.ts'
import { EngineHttp } from './http.ts'
import { parseImage } from './image-reference.ts'
import { ImagePuller } from './pull.ts'
import type { RegistryAuth } from './registry-auth.ts'
import { Removals } from './removals.ts'
import { EngineWatch } from './watch.ts'

export interface EngineTimeouts {
  readonly pingMs: number
  /** Calls that only look or send a signal. */
  readonly callMs: number
  /** Calls that make a busy engine work: create, start, remove. */
  readonly workMs: number
  /** A pull without any progress. */
  readonly pullIdleMs: number
  /** Between two looks whether an engine with running containers still answers, and when it is given up. */
  readonly watchMs: number
  readonly lostAfterMs: number
}

const defaultTimeouts: EngineTimeouts = {
  pingMs: 10_000,
  callMs: 30_000,
  workMs: 60_000,
  pullIdleMs: 180_000,
  watchMs: 10_000,
  lostAfterMs: 180_000,
}

export interface ContainerState {
  readonly id: string
  readonly running: boolean
  /** `created`, `running`, `exited`, … */
  readonly status: string
  readonly exitCode: number
  readonly oomKilled: boolean
  /** The engine's own words where it could not start it. */
  readonly error: string
  readonly startedAtMs?: number
  readonly finishedAtMs?: number
  /** What its image or a parameter wants instead of TERM. */
  readonly stopSignal?: string
}

export class DockerEngine implements ContainerEngine {
  readonly #http: EngineHttp
  readonly #timeouts: EngineTimeouts
  readonly #puller: ImagePuller
  readonly #watch: EngineWatch
  /** Removes containers, if need be when the engine is back. */
  readonly removals: Removals

  /** @throws DockerError (bad_request) where `dockerHost` is no address of an engine. */
  constructor(options: {
    dockerHost: string
    timeouts?: Partial<EngineTimeouts>
    clock?: Clock
    logger?: Logger
  }) {
    const clock = options.clock ?? systemClock
    this.#timeouts = { ...defaultTimeouts, ...options.timeouts }
    this.#http = new EngineHttp(options.dockerHost)
    this.#puller = new ImagePuller(this.#http, this.#timeouts.pullIdleMs)
    const { watchMs: intervalMs, lostAfterMs } = this.#timeouts
    this.#watch = new EngineWatch({ ping: () => this.ping(), clock, intervalMs, lostAfterMs })
    this.removals = new Removals({
      remove: container => this.remove(container, { force: true, volumes: true }),
      clock,
      logger: options.logger,
    })
  }

  get dockerHost(): string {
    return this.#http.dockerHost
  }

  /** @throws DockerError where the engine doesn't answer within its time box. */
  async ping(): Promise<void> {
    await this.#http.ping(this.#timeouts.pingMs)
  }

  /** Resolves with the reason once the engine has not answered for `lostAfterMs`, unless `signal` comes first. */
  lost(signal: AbortSignal): Promise<DockerError> {
    return this.#watch.lost(signal)
  }

  /** Pulls `image`, also where the engine has one of that name. @throws DockerError (imageFault) with the registry's words. */
  async pull(image: string, auth: RegistryAuth = {}, signal?: AbortSignal): Promise<void> {
    const reference = parseImage(image)
    if (reference === undefined)
      throw new DockerError('bad_request', `${image} is no image's name`, { operation: 'pull' })
    await this.#puller.pull(reference, auth, signal)
  }

  /** @returns the id of a present image. @throws DockerError (not_found) where there is none. */
  async inspectImage(image: string): Promise<{ id: string; labels: Readonly<Record<string, string>> }> {
    const { body } = await this.#http.call('GET', `/images/${encodePath(image)}/json`, this.#look())
    const { Id, Config } = fields(body)
    return { id: text(Id), labels: stringsOf(fields(Config)['Labels']) }
  }

  /** @throws DockerError: not_found where the image isn't there, conflict where the name is taken. */
  async create(name: string, spec: CreateBody): Promise<{ id: string; warnings: readonly string[] }> {
    const { body } = await this.#http.call('POST', '/containers/create', {
      operation: 'create',
      query: { name },
      body: spec,
      timeoutMs: this.#timeouts.workMs,
    })
    const { Id, Warnings } = fields(body)
    return { id: text(Id), warnings: Array.isArray(Warnings) ? Warnings.map(String) : [] }
  }

  /** Connects a container's output to `sink`. Before the start: then nothing is missed, however short the container lives. */
  async attach(id: string, sink: LogSink): Promise<Attachment> {
    const { socket, head } = await this.#http.upgrade(`/containers/${id}/attach`, {
      operation: 'attach',
      query: { stream: 1, stdout: 1, stderr: 1 },
      timeoutMs: this.#timeouts.callMs,
    })
    return carryOutput(socket, head, sink)
  }

  /** Starts it; one that runs already is fine. */
  async start(id: string): Promise<void> {
    await this.#http.call('POST', `/containers/${id}/start`, {
      operation: 'start',
      timeoutMs: this.#timeouts.workMs,
    })
  }

  /** Sends a signal by name. @throws DockerError (conflict) where it doesn't run. */
  async kill(id: string, signal: string): Promise<void> {
    await this.#http.call('POST', `/containers/${id}/kill`, { ...this.#look(), query: { signal } })
  }

  /** Resolves when the container doesn't run (any more); has no time box of its own. */
  async wait(id: string, signal: AbortSignal): Promise<void> {
    const answer = await this.#http.stream('POST', `/containers/${id}/wait`, {
      query: { condition: 'not-running' },
      timeoutMs: 0,
      signal,
    })
    const giveUp = (): void => {
      answer.destroy(new DockerError('cancelled', 'no longer wanted'))
    }
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      for await (const _ of answer) continue
      if (!answer.complete) throw new DockerError('unreachable', 'the wait for the container broke off')
    } catch (error) {
      if (error instanceof DockerError) throw error
      throw new DockerError('unreachable', 'the wait for the container broke off', { cause: error })
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }

  /** @throws DockerError (not_found) where there is none. */
  async inspect(id: string): Promise<ContainerState> {
    const { body } = await this.#http.call('GET', `/containers/${encodePath(id)}/json`, this.#look())
    const container = fields(body)
    const state = fields(container['State'])
    const stopSignal = fields(container['Config'])['StopSignal']
    const startedAtMs = time(state['StartedAt'])
    const finishedAtMs = time(state['FinishedAt'])
    return {
      id: text(container['Id']),
      running: state['Running'] === true,
      status: text(state['Status']),
      exitCode: Number(state['ExitCode'] ?? 0),
      oomKilled: state['OOMKilled'] === true,
      error: text(state['Error']),
      ...(startedAtMs === undefined ? {} : { startedAtMs }),
      ...(finishedAtMs === undefined ? {} : { finishedAtMs }),
      ...(typeof stopSignal === 'string' && stopSignal !== '' ? { stopSignal } : {}),
    }
  }

  /**
   * Whether the kernel killed something in the container for its memory, as the engine's events tell: they may come after the
   * exit, which then says nothing of it. Looks back to `sinceMs` and waits `waitMs` for a late one. Never rejects.
   */
  async ranOutOfMemory(id: string, sinceMs: number, waitMs: number): Promise<boolean> {
    const filters = JSON.stringify({ container: [id], event: ['oom'] })
    const query = { since: Math.floor(sinceMs / 1000), filters }
    try {
      const events = await this.#http.stream('GET', '/events', { ...this.#look(), query })
      const timer = setTimeout(() => events.destroy(), waitMs)
      for await (const chunk of events as AsyncIterable<Buffer>) {
        clearTimeout(timer)
        if (chunk.length > 0) return true
      }
    } catch {
      // Not told, then.
    }
    return false
  }

  /** Removes a container by id or name; one that is gone, or is being removed, is fine. */
  async remove(id: string, options: { force: boolean; volumes: boolean }): Promise<void> {
    try {
      await this.#http.call('DELETE', `/containers/${encodePath(id)}`, {
        query: { force: options.force, v: options.volumes },
        timeoutMs: this.#timeouts.workMs,
      })
    } catch (error) {
      const { kind, message } = DockerError.from(error)
      if (kind === 'not_found' || (kind === 'conflict' && /already in progress/.test(message))) return
      throw error
    }
  }

  /** All containers, running or not, that have every one of the labels (`name` or `name=value`). */
  async list(filter: { labels: readonly string[] }): Promise<readonly ListedContainer[]> {
    const { body } = await this.#http.call('GET', '/containers/json', {
      ...this.#look(),
      query: { all: true, filters: JSON.stringify({ label: filter.labels }) },
    })
    if (!Array.isArray(body)) throw new DockerError('engine', 'the list of containers is no list')
    return body.map((container: unknown) => {
      const { Id, Labels } = fields(container)
      return { id: text(Id), labels: stringsOf(Labels) }
    })
  }

  // oxlint-disable-next-line typescript/require-await -- a caller closes all its resources alike
  async close(): Promise<void> {
    this.removals.close()
    this.#http.close()
  }

  #look(): { timeoutMs: number } {
    return { timeoutMs: this.#timeouts.callMs }
  }
}

/** A name for a path: an image's keeps its slashes. */
function encodePath(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/')
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function stringsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fields(value)).map(([name, entry]) => [name, text(entry)]))
}

/** Times that never came are the year 1. */
function time(value: unknown): number | undefined {
  const ms = Date.parse(text(value))
  return ms > 0 ? ms : undefined
}
