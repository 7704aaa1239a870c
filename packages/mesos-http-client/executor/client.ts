// An executor's side of Mesos: stays subscribed to its agent through the agent's restarts (E33-E35), tells phases and
// events, delivers calls. It keeps no updates: the executor does, and names those that are not acknowledged.
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { isKnownEvent } from '../codec/events.ts'
import type { Codec } from '../codec/index.ts'
import { codec, codecOf } from '../codec/index.ts'
import { MesosError, errorFromAnswer, errorFromFailure } from '../errors.ts'
import { EventStream } from '../event-stream.ts'
import type {
  ExecutorCall,
  ExecutorCallUpdate,
  ExecutorEvent,
  TaskInfo,
  TaskStatus,
} from '../generated/messages.ts'
import { checkCa } from '../tls.ts'
import type { Exchange } from '../transport.ts'
import { ConnectionPool, readBody, send } from '../transport.ts'
import type { ExecutorCallBody } from '../messages-by-type.ts'
import type { ExecutorClientOptions, ExecutorPhase } from './options.ts'
import { Outbox } from './outbox.ts'

/** With a try that fails at once every 50 to 750 ms, a returning agent sees us within a second (E34). */
const SHORTEST_WAIT_MS = 50
const LONGEST_WAIT_MS = 750
/** "Framework cannot be found", "Executor cannot be found": so many times in a row, then it is true (E10). */
const UNKNOWN_LIMIT = 3
const MAX_ANSWER_BYTES = 1024 * 1024

/** One try: the request, then the stream that answers it. */
interface Link {
  readonly pool: ConnectionPool
  readonly listed: readonly ExecutorCallUpdate[]
  exchange?: Exchange
  stream?: EventStream<ExecutorEvent>
}

/** An executor's connection to its agent. It ends with `close()`, or where no agent will have it back: the phase `lost`. */
export class ExecutorClient {
  readonly #options: ExecutorClientOptions
  readonly #codec: Codec
  readonly #clock: Clock
  readonly #url: URL
  readonly #headers: OutgoingHttpHeaders
  readonly #outbox: Outbox
  #phase: ExecutorPhase = { name: 'idle' }
  #link: Link | undefined
  #callPool: ConnectionPool | undefined
  #attempt = 0
  #unknown = 0
  #cancelWait = () => {}
  #cancelRecovery: (() => void) | undefined

  /** @throws TypeError for a `ca` without certificates, or an `endpoint` that is none */
  constructor(options: ExecutorClientOptions) {
    checkCa('ExecutorClient', options.ca)
    this.#options = options
    this.#codec = codec(options.codec)
    this.#clock = options.clock ?? systemClock
    const base = options.endpoint.includes('://') ? options.endpoint : `http://${options.endpoint}`
    // On its socket an agent forbids every path without its name (slave.cpp), on its port it takes both.
    const prefix = options.domainSocket === undefined ? '' : `/${options.agentProcess ?? 'slave(1)'}`
    this.#url = new URL(`${prefix}/api/v1/executor`, base)
    this.#headers = {
      'Content-Type': this.#codec.contentType,
      ...(options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` }),
    }
    this.#outbox = new Outbox({
      clock: this.#clock,
      send: call => this.#post(call),
      onSubscriptionLost: cause => this.#disconnected(cause),
    })
  }

  /** Where the client stands; told by `onPhase` as it changes. */
  get phase(): ExecutorPhase {
    return this.#phase
  }

  /** Subscribes, again and again until `close()` or until no agent will have us back. */
  start(): void {
    if (this.#phase.name === 'idle') this.#connect()
  }

  /**
   * Delivers a call, in the order of the calls; its two ids are filled in (E8). An UPDATE waits for a subscription where
   * there is none, is sent again when its fate is unknown, and is done when a SUBSCRIBE has listed it. Anything else is
   * sent once, and again only while the agent answers that it recovers (E10).
   * @throws MesosError; for an UPDATE only if the agent refuses it, or at the end of this client
   */
  call(call: ExecutorCallBody): Promise<void> {
    const type: string = call.type
    if (type === 'SUBSCRIBE') {
      return Promise.reject(new MesosError('invalid_call', 'SUBSCRIBE is sent by start()'))
    }
    return this.#outbox.put(this.#complete(call))
  }

  /**
   * Tells the state of a task: `uuid` a new one (E15, `newUuid`), `source` SOURCE_EXECUTOR, never TASK_STAGING (E16). Fulfilled
   * when the agent has taken it; keep it until ACKNOWLEDGED (E19).
   */
  update(status: TaskStatus): Promise<void> {
    return this.call({ type: 'UPDATE', update: { status } })
  }

  /** To the scheduler; unreliable (S75). */
  message(data: Uint8Array): Promise<void> {
    return this.call({ type: 'MESSAGE', message: { data } })
  }

  /** Settled when the connections are gone. Calls that wait fail. */
  async close(): Promise<void> {
    if (this.#phase.name === 'closed') return
    const gone = this.#link?.stream?.closed
    this.#end(new MesosError('closed', 'the client was closed'))
    this.#enter({ name: 'closed' })
    await gone
  }

  #complete(call: Omit<ExecutorCall, 'executor_id' | 'framework_id'>): ExecutorCall {
    const { executorId, frameworkId } = this.#options
    return { ...call, executor_id: { value: executorId }, framework_id: { value: frameworkId } }
  }

  #enter(phase: ExecutorPhase): void {
    this.#phase = phase
    this.#options.onPhase?.(phase)
  }

  #connect(): void {
    this.#cancelWait()
    this.#attempt += 1
    // once per disconnection, whatever happens within it (E35)
    this.#cancelRecovery ??= this.#options.checkpoint
      ? this.#clock.after(this.#options.recoveryTimeoutMs, () =>
          this.#lose(new MesosError('timeout', `no agent within ${this.#options.recoveryTimeoutMs} ms`)),
        )
      : () => {}
    const { tasks, updates } = this.#options.unacknowledged()
    const link: Link = {
      pool: new ConnectionPool({ connections: 1, ca: this.#options.ca, tls: this.#options.tls }),
      listed: updates,
    }
    this.#link = link
    this.#enter({ name: 'connecting', attempt: this.#attempt })
    if (this.#link === link) void this.#open(link, tasks)
  }

  async #open(link: Link, tasks: readonly TaskInfo[]): Promise<void> {
    const what = `SUBSCRIBE at ${this.#url.href}`
    try {
      const call = this.#complete({
        type: 'SUBSCRIBE',
        subscribe: { unacknowledged_tasks: tasks, unacknowledged_updates: link.listed },
      })
      link.exchange = this.#send(what, call, link.pool, { Accept: this.#codec.contentType })
      const answer = await link.exchange.answer
      if (answer.statusCode !== 200) throw await this.#refusal(what, answer)
      if (this.#link !== link) {
        answer.destroy()
        return
      }
      const reader = codecOf(answer.headers['content-type']) ?? this.#codec
      link.stream = new EventStream<ExecutorEvent>({
        answer,
        source: this.#url.href,
        decode: record => reader.decode('executor.Event', record),
        clock: this.#clock,
        onEvent: event => this.#take(event, link),
        onUnreadable: reason => this.#options.onSkipped?.(reason),
        onEnd: cause => this.#disconnected(cause),
      })
      link.stream.watch(this.#callTimeoutMs)
    } catch (error) {
      if (this.#link === link) this.#disconnected(errorFromFailure(what, error))
    }
  }

  #take(event: ExecutorEvent, link: Link): void {
    if (this.#link !== link) return
    // heartbeats come each 30 min: silence says nothing (E13)
    link.stream?.watch(0)
    if (!isKnownEvent('executor.Event', event.type)) {
      const reason = new MesosError('unreadable', `an event of a kind we do not know: ${event.type}`)
      this.#options.onSkipped?.(reason)
      return
    }
    if (event.type === 'SUBSCRIBED' && event.subscribed !== undefined) {
      const { executor_info, framework_info, agent_info, container_id } = event.subscribed
      this.#cancelRecovery?.()
      this.#cancelRecovery = undefined
      this.#attempt = 0
      this.#callPool = new ConnectionPool({ connections: 1, ca: this.#options.ca, tls: this.#options.tls })
      this.#enter({
        name: 'subscribed',
        executorInfo: executor_info,
        frameworkInfo: framework_info,
        agentInfo: agent_info,
        containerId: container_id,
      })
      this.#outbox.open(link.listed.map(update => update.status.uuid))
    }
    if (this.#link === link) this.#options.onEvent(event)
    // no reason to stop: only this subscription is over (E14)
    if (event.type === 'ERROR' && this.#link === link) {
      this.#disconnected(new MesosError('ended_by_peer', event.error?.message ?? 'ERROR without a message'))
    }
  }

  /** The subscription, or a try for one, is over. */
  #disconnected(cause: MesosError): void {
    if (this.#link === undefined) return
    this.#unlink(cause)
    if (cause.code === 'unknown_executor' || cause.code === 'unknown_framework') this.#unknown += 1
    if (!this.#options.checkpoint || !cause.retryable || this.#unknown >= UNKNOWN_LIMIT) {
      this.#lose(cause)
      return
    }
    const longestMs = Math.min(LONGEST_WAIT_MS, this.#options.subscriptionBackoffMaxMs)
    const random = this.#options.random ?? Math.random
    const delayMs = Math.max(SHORTEST_WAIT_MS, Math.round(random() * longestMs))
    this.#cancelWait = this.#clock.after(delayMs, () => this.#connect())
    this.#enter({ name: 'waiting', untilMs: this.#clock.now() + delayMs, cause })
  }

  #lose(cause: MesosError): void {
    if (this.#phase.name === 'lost' || this.#phase.name === 'closed') return
    this.#end(cause)
    this.#enter({ name: 'lost', cause })
  }

  #end(cause: MesosError): void {
    this.#cancelWait()
    this.#cancelRecovery?.()
    this.#outbox.close(cause)
    this.#unlink(cause)
  }

  #unlink(cause: MesosError): void {
    const link = this.#link
    this.#link = undefined
    this.#outbox.shut()
    this.#callPool?.close()
    this.#callPool = undefined
    link?.stream?.close()
    link?.exchange?.abort(cause)
    link?.pool.close()
  }

  get #callTimeoutMs(): number {
    return this.#options.callTimeoutMs ?? 5_000
  }

  #send(what: string, call: ExecutorCall, pool: ConnectionPool, headers: OutgoingHttpHeaders): Exchange {
    return send({
      what,
      url: this.#url,
      method: 'POST',
      headers: { ...this.#headers, ...headers },
      body: this.#codec.encode('executor.Call', call),
      pool,
      socketPath: this.#options.domainSocket,
      connectTimeoutMs: this.#options.connectTimeoutMs ?? 1_000,
      answerTimeoutMs: this.#callTimeoutMs,
      clock: this.#clock,
    })
  }

  /** On another connection than the stream (E11). */
  async #post(call: ExecutorCall): Promise<void> {
    const what = call.type ?? 'call'
    if (this.#callPool === undefined) throw new MesosError('not_subscribed', `${what}: no subscription`)
    const answer = await this.#send(what, call, this.#callPool, {}).answer
    const status = answer.statusCode ?? 0
    if (status < 200 || status > 299) throw await this.#refusal(what, answer)
    answer.resume()
    this.#unknown = 0
  }

  async #refusal(what: string, answer: IncomingMessage): Promise<MesosError> {
    const limits = { what, clock: this.#clock, silenceMs: this.#callTimeoutMs, maxBytes: MAX_ANSWER_BYTES }
    const text = new TextDecoder().decode(await readBody(answer, limits))
    return errorFromAnswer(what, answer.statusCode ?? 0, text)
  }
}
