// The open answer to a SUBSCRIBE: bytes in, events out, until it ends once, with a reason. Knows framing, decoding,
// back-pressure and silence; what an event means is for its owner.
import type { IncomingMessage } from 'node:http'
import type { Clock } from './clock.ts'
import { MesosError, errorFromFailure } from './errors.ts'
import { RecordIoParser } from './recordio.ts'

export interface EventStreamOptions<E> {
  readonly answer: IncomingMessage
  /** For messages of errors, such as `http://m:5050/api/v1/scheduler`. */
  readonly source: string
  readonly decode: (record: Uint8Array) => E
  readonly clock: Clock
  readonly maxRecordBytes?: number | undefined
  /** Not called after the end. It must not throw. */
  readonly onEvent: (event: E) => void
  /** A record that is no event: skipped, since asking for it again would bring it again. */
  readonly onUnreadable: (error: MesosError) => void
  /** Called once, and never from within `close`. */
  readonly onEnd: (cause: MesosError) => void
}

/** `paused`: nothing is read nor delivered, silence is not watched. */
type Mode = 'flowing' | 'paused' | 'ended'

export class EventStream<E> {
  readonly #options: EventStreamOptions<E>
  readonly #parser: RecordIoParser
  readonly #waiting: Uint8Array[] = []
  #mode: Mode = 'flowing'
  #delivering = false
  #serverIsDone: MesosError | undefined
  #silenceMs = 0
  #lastBytesAtMs: number
  #cancelWatch = () => {}
  /** Settled when the connection is gone. */
  readonly closed: Promise<void>

  constructor(options: EventStreamOptions<E>) {
    this.#options = options
    const { maxRecordBytes } = options
    this.#parser = new RecordIoParser(maxRecordBytes === undefined ? {} : { maxRecordBytes })
    this.#lastBytesAtMs = options.clock.now()
    const { answer, source } = options
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    answer.on('data', (chunk: Uint8Array) => this.#take(chunk))
    answer.on('end', () => this.#serverEnded())
    answer.on('error', error => this.#finishAfterWaiting(errorFromFailure(source, error)))
    answer.on('close', () => {
      resolve()
      this.#finishAfterWaiting(new MesosError('disconnected', `${source}: the stream broke`))
    })
  }

  /** From now on, silence for that long ends the stream (S12); 0: never. Bytes count, not only whole events. */
  watch(silenceMs: number): void {
    this.#silenceMs = silenceMs
    this.#lastBytesAtMs = this.#options.clock.now()
    if (silenceMs > 0) this.#armWatch(silenceMs)
    else this.#cancelWatch()
  }

  /** Stops reading (S19): the peer's bytes stay in the sockets. Events already here wait as well. */
  pause(): void {
    if (this.#mode !== 'flowing') return
    this.#mode = 'paused'
    this.#cancelWatch()
    this.#options.answer.pause()
  }

  resume(): void {
    if (this.#mode !== 'paused') return
    this.#mode = 'flowing'
    if (this.#silenceMs > 0) this.watch(this.#silenceMs)
    this.#deliver()
    if (this.#isFlowing()) this.#options.answer.resume()
  }

  /** Ends it from our side; no callback follows. */
  close(): void {
    this.#mode = 'ended'
    this.#waiting.length = 0
    this.#cancelWatch()
    this.#options.answer.destroy()
  }

  #armWatch(delayMs: number): void {
    this.#cancelWatch()
    this.#cancelWatch = this.#options.clock.after(delayMs, () => {
      const silentMs = this.#options.clock.now() - this.#lastBytesAtMs
      // armed once per silence, not once per event
      if (silentMs < this.#silenceMs) this.#armWatch(this.#silenceMs - silentMs)
      else
        this.#finish(new MesosError('heartbeat_lost', `${this.#options.source}: silent for ${silentMs} ms`))
    })
  }

  #take(chunk: Uint8Array): void {
    if (this.#mode === 'ended') return
    this.#lastBytesAtMs = this.#options.clock.now()
    try {
      this.#waiting.push(...this.#parser.push(chunk))
    } catch {
      // told by `failure`
    }
    if (this.#parser.failure !== undefined) this.#serverIsDone = this.#parser.failure
    this.#deliver()
  }

  /** Hands out what is here, as long as nobody pauses or closes meanwhile. */
  #deliver(): void {
    if (this.#delivering) return
    this.#delivering = true
    try {
      while (this.#isFlowing()) {
        const record = this.#waiting.shift()
        if (record === undefined) break
        this.#deliverOne(record)
      }
    } finally {
      this.#delivering = false
    }
    if (this.#isFlowing() && this.#serverIsDone !== undefined) this.#finish(this.#serverIsDone)
  }

  #deliverOne(record: Uint8Array): void {
    let event: E
    try {
      event = this.#options.decode(record)
    } catch (error) {
      this.#options.onUnreadable(errorFromFailure(this.#options.source, error))
      return
    }
    this.#options.onEvent(event)
  }

  #isFlowing(): boolean {
    return this.#mode === 'flowing'
  }

  #serverEnded(): void {
    let cause = new MesosError('disconnected', `${this.#options.source}: the stream was ended by the server`)
    try {
      this.#parser.end()
    } catch (error) {
      cause = errorFromFailure(this.#options.source, error)
    }
    this.#finishAfterWaiting(cause)
  }

  /** What came before the end counts, also when a pause holds it back. */
  #finishAfterWaiting(cause: MesosError): void {
    if (this.#mode === 'ended') return
    this.#serverIsDone ??= cause
    this.#deliver()
  }

  #finish(cause: MesosError): void {
    if (this.#mode === 'ended') return
    this.close()
    this.#options.onEnd(cause)
  }
}
