// Reliable delivery of status updates: one stream per task, one update of it under way, resent until acknowledged.
// Time and the way out are given; what is kept over a restart is the journal's business.
import type { TaskStatus } from 'mesos-http-client'
import type { Clock, Timer } from '../core/clock.ts'
import { isTerminal } from '../model/states.ts'
import { uuidKey } from '../model/uuid.ts'

/** The longest pause between two sendings. */
const longestRetryMs = 600_000

interface Stream {
  readonly frameworkId: string
  readonly pending: TaskStatus[]
  readonly received: Set<string>
  readonly acknowledged: Set<string>
  retry: Timer | undefined
}

export interface UpdateStreamsOptions {
  readonly clock: Clock
  /** First pause before an update is sent again; it doubles each time. */
  readonly retryMs: number
  /** Sends towards the master. Called only while not paused. */
  readonly forward: (frameworkId: string, status: TaskStatus) => void
}

export class UpdateStreams {
  readonly #o: UpdateStreamsOptions
  readonly #streams = new Map<string, Stream>()
  #state: 'paused' | 'flowing' = 'paused'

  constructor(o: UpdateStreamsOptions) {
    this.#o = o
  }

  /** Stops sending: the master is away. */
  pause(): void {
    this.#state = 'paused'
    for (const stream of this.#streams.values()) this.#stopRetry(stream)
  }

  /** Sends every stream's outstanding update now, whatever its timer said. */
  resume(): void {
    this.#state = 'flowing'
    for (const stream of this.#streams.values()) this.#send(stream, this.#o.retryMs)
  }

  /** Queues an update. False when its uuid was seen before: then there is nothing to do but confirm it (S55). */
  add(frameworkId: string, status: TaskStatus): boolean {
    const stream = this.#open(frameworkId, status.task_id.value)
    const uuid = uuidKey(status.uuid)
    if (stream.received.has(uuid)) return false
    stream.received.add(uuid)
    stream.pending.push(status)
    if (stream.pending.length === 1) this.#send(stream, this.#o.retryMs)
    return true
  }

  /** What a recovered journal says was acknowledged before. */
  restoreAcknowledged(frameworkId: string, taskId: string, uuid: string): void {
    const stream = this.#streams.get(key(frameworkId, taskId))
    if (stream !== undefined) this.#pop(stream, key(frameworkId, taskId), uuid)
  }

  /**
   * The scheduler's acknowledgement. `terminal` when it ends the stream, `next` when it matched, `ignored` when it
   * is for another update than the one under way.
   */
  acknowledge(frameworkId: string, taskId: string, uuid: Uint8Array): 'ignored' | 'next' | 'terminal' {
    const name = key(frameworkId, taskId)
    const stream = this.#streams.get(name)
    if (stream === undefined) return 'ignored'
    const outcome = this.#pop(stream, name, uuidKey(uuid))
    if (outcome === 'next') this.#send(stream, this.#o.retryMs)
    return outcome
  }

  /** Forgets a framework that has no executors left. */
  forget(frameworkId: string): void {
    for (const [name, stream] of this.#streams) {
      if (stream.frameworkId !== frameworkId) continue
      this.#stopRetry(stream)
      this.#streams.delete(name)
    }
  }

  close(): void {
    this.pause()
    this.#streams.clear()
  }

  #open(frameworkId: string, taskId: string): Stream {
    const name = key(frameworkId, taskId)
    const known = this.#streams.get(name)
    if (known !== undefined) return known
    const stream: Stream = {
      frameworkId,
      pending: [],
      received: new Set(),
      acknowledged: new Set(),
      retry: undefined,
    }
    this.#streams.set(name, stream)
    return stream
  }

  #pop(stream: Stream, name: string, uuid: string): 'ignored' | 'next' | 'terminal' {
    const head = stream.pending[0]
    if (head === undefined || uuidKey(head.uuid) !== uuid) return 'ignored'
    stream.pending.shift()
    stream.acknowledged.add(uuid)
    this.#stopRetry(stream)
    if (!isTerminal(head.state)) return 'next'
    this.#streams.delete(name)
    return 'terminal'
  }

  #send(stream: Stream, retryMs: number): void {
    this.#stopRetry(stream)
    const head = stream.pending[0]
    if (head === undefined || this.#state === 'paused') return
    stream.retry = this.#o.clock.after(retryMs, () =>
      this.#send(stream, Math.min(retryMs * 2, longestRetryMs)),
    )
    this.#o.forward(stream.frameworkId, head)
  }

  #stopRetry(stream: Stream): void {
    stream.retry?.cancel()
    stream.retry = undefined
  }
}

function key(frameworkId: string, taskId: string): string {
  return `${frameworkId} ${taskId}`
}
