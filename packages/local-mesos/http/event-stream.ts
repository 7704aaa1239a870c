// A RecordIO answer that stays open: one record per event in the encoding that the subscriber asked for.
import type { ServerResponse } from 'node:http'
import { encodeRecord, type Codec, type MessageName, type Messages } from 'mesos-http-client'
import type { Clock, Timer } from '../core/clock.ts'
import { startStream } from './server.ts'

export interface EventStreamOptions<K extends MessageName> {
  readonly response: ServerResponse
  readonly codec: Codec
  readonly type: K
  readonly id?: string
  /** What an event is made into before it is encoded. */
  readonly adapt?: (event: Messages[K]) => Messages[K]
  /** Told once, however the stream ends. */
  readonly onEnd?: () => void
}

export class EventStream<K extends MessageName> {
  readonly id: string
  readonly #o: EventStreamOptions<K>
  #heartbeat: Timer | undefined
  #state: 'open' | 'ended' = 'open'

  constructor(o: EventStreamOptions<K>) {
    this.#o = o
    this.id = o.id ?? ''
    startStream(o.response, o.codec.contentType, o.id)
    o.response.on('close', () => this.#ended())
  }

  /** Sends an event; lost once the stream has ended. */
  send(event: Messages[K]): void {
    if (this.#state === 'ended') return
    const { codec, type, response, adapt } = this.#o
    response.write(encodeRecord(codec.encode(type, adapt?.(event) ?? event)))
  }

  /** Sends `event` each interval from now on, whatever else flows. */
  beat(clock: Clock, intervalMs: number, event: Messages[K]): void {
    if (this.#state === 'ended') return
    this.#heartbeat?.cancel()
    this.#heartbeat = clock.after(intervalMs, () => {
      this.send(event)
      this.beat(clock, intervalMs, event)
    })
  }

  close(): void {
    this.#o.response.end()
    this.#ended()
  }

  /** Breaks the connection without the end of the answer. */
  abandon(): void {
    this.#o.response.destroy()
    this.#ended()
  }

  #ended(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#heartbeat?.cancel()
    this.#o.onEnd?.()
  }
}
