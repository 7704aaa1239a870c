// One subscription of a scheduler, from the first byte of its SUBSCRIBE to its end: an event stream on a connection of its
// own (S13), and the calls that carry its stream id. It ends once; after that it says nothing (S14). Whether to try again
// is for the client.
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Clock } from '../clock.ts'
import { isKnownEvent } from '../codec/events.ts'
import type { Codec } from '../codec/index.ts'
import { codecOf } from '../codec/index.ts'
import { MesosError, errorFromAnswer, errorFromEvent, errorFromFailure } from '../errors.ts'
import { EventStream } from '../event-stream.ts'
import type { MasterInfo, SchedulerCall, SchedulerEvent } from '../generated/messages.ts'
import { Lane } from '../lane.ts'
import { followRedirects } from '../redirect.ts'
import type { Exchange } from '../transport.ts'
import { ConnectionPool, readBody, send } from '../transport.ts'

export interface Subscribed {
  readonly streamId: string
  readonly frameworkId: string
  /** The leader's endpoint, which takes the calls. */
  readonly url: string
  readonly masterInfo: MasterInfo | undefined
  readonly heartbeatMs: number
}

export interface SubscriptionOptions {
  /** Of the scheduler endpoint of the master to ask first. */
  readonly url: URL
  /** A SUBSCRIBE. */
  readonly call: SchedulerCall
  readonly codec: Codec
  /** `Authorization`, where there is one. */
  readonly headers: OutgoingHttpHeaders
  readonly ca: string | undefined
  readonly clock: Clock
  readonly connectTimeoutMs: number
  /** For an answer to a call, to SUBSCRIBE, and from there to SUBSCRIBED. */
  readonly callTimeoutMs: number
  readonly missedHeartbeats: number
  readonly maxRecordBytes: number | undefined
  readonly onSubscribed: (subscribed: Subscribed) => void
  readonly onEvent: (event: SchedulerEvent, streamId: string) => void
  readonly onSkipped: (reason: MesosError) => void
  /** Once, unless `end` was called. */
  readonly onEnd: (cause: MesosError) => void
}

/** What a master means that names no interval. */
const DEFAULT_HEARTBEAT_MS = 15_000
/** A call's answer can be faster than the ERROR event that says why our stream is not ours any more (S15). */
const LAST_WORDS_MS = 1_000
const MAX_ANSWER_BYTES = 1024 * 1024
const OTHER_CALLS_AT_ONCE = 4

/** Offers are accepted, declined and asked for in one order (S36). */
const ordered: ReadonlySet<string | undefined> = new Set(['ACCEPT', 'DECLINE', 'REVIVE', 'SUPPRESS'])

type State =
  | { readonly name: 'opening'; readonly exchange?: Exchange }
  | { readonly name: 'reading'; readonly stream: EventStream<SchedulerEvent>; readonly streamId: string }
  | {
      readonly name: 'subscribed'
      readonly stream: EventStream<SchedulerEvent>
      readonly streamId: string
      readonly leader: URL
    }
  | { readonly name: 'ended' }

export class Subscription {
  readonly #options: SubscriptionOptions
  readonly #streamPool: ConnectionPool
  readonly #orderedPool: ConnectionPool
  readonly #otherPool: ConnectionPool
  readonly #orderedLane = new Lane(1)
  readonly #otherLane = new Lane(OTHER_CALLS_AT_ONCE)
  readonly #underWay = new Set<Exchange>()
  #state: State = { name: 'opening' }
  #paused = false
  #cancelLastWords = () => {}
  readonly #closed = Promise.withResolvers<void>()

  constructor(options: SubscriptionOptions) {
    this.#options = options
    const { ca } = options
    this.#streamPool = new ConnectionPool({ connections: 1, ca })
    this.#orderedPool = new ConnectionPool({ connections: 1, ca })
    this.#otherPool = new ConnectionPool({ connections: OTHER_CALLS_AT_ONCE, ca })
    // not at once, so that no callback comes before the constructor is through
    queueMicrotask(() => void this.#open())
  }

  /** Settled when its connections are gone. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  pause(): void {
    this.#paused = true
    this.#stream?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#stream?.resume()
  }

  /** Sends a call once; see SchedulerClient.call. */
  async call(call: SchedulerCall): Promise<void> {
    const body = this.#options.codec.encode('scheduler.Call', call)
    const inOrder = ordered.has(call.type)
    try {
      await (inOrder ? this.#orderedLane : this.#otherLane).run(() =>
        this.#post(call.type ?? 'call', body, inOrder ? this.#orderedPool : this.#otherPool),
      )
    } catch (error) {
      const failure = errorFromFailure(call.type ?? 'call', error)
      if (failure.subscriptionLost) this.#awaitLastWords(failure)
      throw failure
    }
  }

  /** From our side; no callback follows. Calls under way fail, those that wait are never sent. */
  end(cause: MesosError): void {
    const state = this.#state
    if (state.name === 'ended') return
    this.#state = { name: 'ended' }
    this.#cancelLastWords()
    for (const exchange of this.#underWay) {
      exchange.abort(
        new MesosError('disconnected', `the subscription ended meanwhile: ${cause.message}`, { cause }),
      )
    }
    for (const pool of [this.#orderedPool, this.#otherPool]) pool.close()
    if (state.name === 'opening') {
      state.exchange?.abort(cause)
      this.#streamPool.close()
      this.#closed.resolve()
    } else {
      state.stream.close()
      void state.stream.closed.then(() => {
        this.#streamPool.close()
        this.#closed.resolve()
      })
    }
  }

  #hasEnded(): boolean {
    return this.#state.name === 'ended'
  }

  get #stream(): EventStream<SchedulerEvent> | undefined {
    return 'stream' in this.#state ? this.#state.stream : undefined
  }

  #fail(cause: MesosError): void {
    if (this.#state.name === 'ended') return
    this.end(cause)
    this.#options.onEnd(cause)
  }

  #awaitLastWords(cause: MesosError): void {
    if (this.#state.name !== 'subscribed') return
    this.#cancelLastWords()
    this.#cancelLastWords = this.#options.clock.after(LAST_WORDS_MS, () => this.#fail(cause))
  }

  async #open(): Promise<void> {
    const { codec, clock, callTimeoutMs, maxRecordBytes } = this.#options
    if (this.#hasEnded()) return
    try {
      const body = codec.encode('scheduler.Call', this.#options.call)
      const { url, answer } = await followRedirects(this.#options.url, at => this.#subscribeAt(at, body))
      const what = `SUBSCRIBE at ${url.href}`
      if (answer.statusCode !== 200) throw await this.#refusal(what, answer)
      const streamId = answer.headers['mesos-stream-id']
      if (typeof streamId !== 'string')
        throw new MesosError('unreadable', `${what}: an answer without a stream id`)
      if (this.#hasEnded()) {
        answer.destroy()
        return
      }
      const reader = codecOf(answer.headers['content-type']) ?? codec
      const stream = new EventStream<SchedulerEvent>({
        answer,
        source: url.href,
        decode: record => reader.decode('scheduler.Event', record),
        clock,
        maxRecordBytes,
        onEvent: event => this.#take(event, url),
        onUnreadable: this.#options.onSkipped,
        onEnd: cause => this.#fail(cause),
      })
      this.#state = { name: 'reading', stream, streamId }
      stream.watch(callTimeoutMs)
      if (this.#paused) stream.pause()
    } catch (error) {
      this.#fail(errorFromFailure('SUBSCRIBE', error))
    }
  }

  /** Without a stream id (S3). */
  #subscribeAt(url: URL, body: Uint8Array): Promise<IncomingMessage> {
    const { codec, headers, clock, connectTimeoutMs, callTimeoutMs } = this.#options
    if (this.#state.name === 'ended') return Promise.reject(new MesosError('closed', 'ended meanwhile'))
    const exchange = send({
      what: `SUBSCRIBE at ${url.href}`,
      url,
      method: 'POST',
      headers: { ...headers, 'Content-Type': codec.contentType, Accept: codec.contentType },
      body,
      pool: this.#streamPool,
      connectTimeoutMs,
      answerTimeoutMs: callTimeoutMs,
      clock,
    })
    this.#state = { name: 'opening', exchange }
    return exchange.answer
  }

  async #refusal(what: string, answer: IncomingMessage): Promise<MesosError> {
    const { clock, callTimeoutMs } = this.#options
    const limits = { what, clock, silenceMs: callTimeoutMs, maxBytes: MAX_ANSWER_BYTES }
    const text = new TextDecoder().decode(await readBody(answer, limits))
    return errorFromAnswer(what, answer.statusCode ?? 0, text)
  }

  #take(event: SchedulerEvent, leader: URL): void {
    const state = this.#state
    if (state.name !== 'reading' && state.name !== 'subscribed') return
    if (!isKnownEvent('scheduler.Event', event.type)) {
      this.#options.onSkipped(
        new MesosError('unreadable', `an event of a kind we do not know: ${event.type}`),
      )
      return
    }
    if (event.type === 'SUBSCRIBED' && event.subscribed !== undefined) {
      const { framework_id, master_info, heartbeat_interval_seconds } = event.subscribed
      const heartbeatMs = Math.round((heartbeat_interval_seconds ?? 0) * 1000) || DEFAULT_HEARTBEAT_MS
      this.#state = { name: 'subscribed', stream: state.stream, streamId: state.streamId, leader }
      state.stream.watch(heartbeatMs * this.#options.missedHeartbeats)
      this.#options.onSubscribed({
        streamId: state.streamId,
        frameworkId: framework_id.value,
        url: leader.href,
        masterInfo: master_info,
        heartbeatMs,
      })
      // its listener may have ended us
      if (this.#state.name !== 'subscribed') return
    }
    this.#options.onEvent(event, state.streamId)
    if (event.type === 'ERROR') {
      this.#fail(
        errorFromEvent(event.error?.message ?? 'ERROR without a message', state.name === 'subscribed'),
      )
    }
  }

  async #post(what: string, body: Uint8Array, pool: ConnectionPool): Promise<void> {
    const state = this.#state
    if (state.name !== 'subscribed')
      throw new MesosError('not_subscribed', `${what}: not sent, no subscription`)
    const { codec, headers, clock, connectTimeoutMs, callTimeoutMs } = this.#options
    const exchange = send({
      what,
      url: state.leader,
      method: 'POST',
      headers: { ...headers, 'Content-Type': codec.contentType, 'Mesos-Stream-Id': state.streamId },
      body,
      pool,
      connectTimeoutMs,
      answerTimeoutMs: callTimeoutMs,
      clock,
    })
    this.#underWay.add(exchange)
    try {
      const answer = await exchange.answer
      const limits = { what, clock, silenceMs: callTimeoutMs, maxBytes: MAX_ANSWER_BYTES }
      const text = new TextDecoder().decode(await readBody(answer, limits))
      const status = answer.statusCode ?? 0
      if (status < 200 || status > 299) throw errorFromAnswer(what, status, text)
    } finally {
      this.#underWay.delete(exchange)
    }
  }
}
