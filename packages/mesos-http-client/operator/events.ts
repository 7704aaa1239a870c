// The event stream of the operator API: SUBSCRIBE at a master's /api/v1. Events are taken one by one, and what is not taken
// stays in the sockets. It never subscribes again by itself: each SUBSCRIBED brings the whole state anew, so that whoever
// keeps a picture of the cluster has to begin it anew, too, and should know when.
import { isKnownEvent } from '../codec/events.ts'
import type { Codec } from '../codec/index.ts'
import { codecOf } from '../codec/index.ts'
import { MesosError, errorFromFailure } from '../errors.ts'
import type { OperatorEvent } from '../messages-by-type.ts'
import { RecordIoParser } from '../recordio.ts'
import type { Exchange } from '../transport.ts'
import { bodyOf } from '../transport.ts'
import type { OperatorOptions } from './options.ts'
import { Requester } from './request.ts'

/** How an event stream is watched. */
export interface OperatorEventsOptions {
  /** So many heartbeats late, the stream is given up; 5 (S12). */
  readonly missedHeartbeats?: number | undefined
  /** A longer record is refused; 128 MiB. SUBSCRIBED is as large as the whole state. */
  readonly maxRecordBytes?: number | undefined
  /** An event that is not understood was left out (S11). Must not throw. */
  readonly onSkipped?: ((reason: MesosError) => void) | undefined
}

/** What a master means that names no interval. */
const DEFAULT_HEARTBEAT_MS = 15_000
const CLOSED = new MesosError('closed', 'the event stream was closed')

/**
 * One subscription, which begins with the first step of the loop and can be read once: SUBSCRIBED with the state of the
 * cluster, then what changes. Leaving the loop breaks the connection; `close()` does so from elsewhere.
 */
export class OperatorEvents implements AsyncIterable<OperatorEvent> {
  readonly #requester: Requester
  readonly #codec: Codec
  readonly #options: OperatorEventsOptions
  readonly #onEnd: () => void
  #exchange: Exchange | undefined
  #closed = false
  #silenceMs: number

  /** Made by `OperatorClient.events`. */
  constructor(
    operator: OperatorOptions,
    codec: Codec,
    options: OperatorEventsOptions,
    onEnd: () => void = () => {},
  ) {
    // a connection of its own: the stream must not take the place of a call
    this.#requester = new Requester(operator)
    this.#codec = codec
    this.#options = options
    this.#onEnd = onEnd
    this.#silenceMs = this.#requester.callTimeoutMs
  }

  /** Ends the loop quietly, wherever it waits. */
  close(): void {
    this.#closed = true
    this.#exchange?.abort(CLOSED)
    this.#requester.close()
    this.#onEnd()
  }

  /**
   * Read swiftly: a master keeps in its memory what you do not take.
   * @throws MesosError at each end but `close()`: `disconnected`, `heartbeat_lost`, `unauthenticated`, …; `closed` if it
   *   was read before
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<OperatorEvent, void, undefined> {
    if (this.#closed || this.#exchange !== undefined) {
      throw new MesosError('closed', 'this event stream was read or closed before: ask for another')
    }
    try {
      yield* this.#read()
    } catch (error) {
      if (!this.#closed) throw errorFromFailure('SUBSCRIBE', error)
    } finally {
      this.close()
    }
  }

  async *#read(): AsyncGenerator<OperatorEvent, void, undefined> {
    const { contentType } = this.#codec
    const { answer, what } = await this.#requester.open(
      'POST',
      '/api/v1',
      { 'Content-Type': contentType, Accept: contentType },
      this.#codec.encode('master.Call', { type: 'SUBSCRIBE' }),
      exchange => {
        this.#exchange = exchange
        // closed between two redirects
        if (this.#closed) exchange.abort(CLOSED)
      },
    )
    const reader = codecOf(answer.headers['content-type']) ?? this.#codec
    const { maxRecordBytes } = this.#options
    const parser = new RecordIoParser(maxRecordBytes === undefined ? {} : { maxRecordBytes })
    const limits = {
      what,
      clock: this.#requester.clock,
      silenceMs: () => this.#silenceMs,
      silenceCode: 'heartbeat_lost',
    } as const
    for await (const chunk of bodyOf(answer, limits)) {
      for (const record of parser.push(chunk)) {
        const event = this.#eventOf(reader, record)
        if (event === undefined) continue
        yield event
        if (this.#closed) return
      }
      if (parser.failure !== undefined) throw parser.failure
    }
    parser.end()
    throw new MesosError('disconnected', `${what}: the stream was ended by the server`)
  }

  #eventOf(reader: Codec, record: Uint8Array): OperatorEvent | undefined {
    try {
      const event = reader.decode('master.Event', record)
      if (!isOperatorEvent(event)) {
        throw new MesosError('unreadable', `an event of a kind we do not know: ${event.type}`)
      }
      if (event.type === 'SUBSCRIBED') {
        const heartbeatMs = Math.round((event.subscribed.heartbeat_interval_seconds ?? 0) * 1000)
        this.#silenceMs = (heartbeatMs || DEFAULT_HEARTBEAT_MS) * (this.#options.missedHeartbeats ?? 5)
      }
      return event
    } catch (error) {
      this.#options.onSkipped?.(errorFromFailure('SUBSCRIBE', error))
      return undefined
    }
  }
}

/** A kind that we know, with the contents of its kind: only HEARTBEAT has none. */
function isOperatorEvent(event: { readonly type?: string }): event is OperatorEvent {
  const { type } = event
  if (!isKnownEvent('master.Event', type) || type === undefined) return false
  return type === 'HEARTBEAT' || type.toLowerCase() in event
}
