// A live event stream beside its recording: finds for each recorded event the live one, in order per task.
import { codec, type CodecName } from 'mesos-http-client'
import type { RawStream } from '../testing/raw-client.ts'
import type { Difference, Mapping } from './mapping.ts'

/** How long a live event may take that the recording has; only a failing replay waits so long. */
const patienceMs = 2000

export class LiveStream {
  readonly raw: RawStream
  readonly #type: 'scheduler.Event' | 'executor.Event'
  readonly #codec: CodecName
  readonly #taken = new Set<number>()
  readonly #lastOf = new Map<string, number>()
  readonly #events: unknown[] = []

  constructor(raw: RawStream, type: 'scheduler.Event' | 'executor.Event') {
    this.raw = raw
    this.#type = type
    this.#codec = raw.headers['Content-Type'] === 'application/x-protobuf' ? 'protobuf' : 'json'
  }

  /** All so far, as JSON. */
  get events(): readonly unknown[] {
    for (const record of this.raw.records.slice(this.#events.length)) {
      // Protobuf is looked at in the JSON view, as the recording does.
      const bytes =
        this.#codec === 'json'
          ? record
          : codec('json').encode(this.#type, codec('protobuf').decode(this.#type, record))
      this.#events.push(JSON.parse(Buffer.from(bytes).toString()))
    }
    return this.#events
  }

  /** Waits for the live counterpart of a recorded event; throws with the nearest difference if none comes. */
  async expect(recorded: unknown, mapping: Mapping): Promise<void> {
    const wanted = offersIn(recorded)
    if (wanted === undefined) return this.#expectOne(recorded, mapping)
    for (const offer of wanted) await this.#expectOffer(offer, mapping)
  }

  /** Live events that no recorded one stands for, but heartbeats. */
  get leftOver(): readonly unknown[] {
    return [
      ...this.events.filter(
        (event, index) =>
          !this.#taken.has(index) && typeOf(event) !== 'HEARTBEAT' && typeOf(event) !== 'OFFERS',
      ),
      ...this.#liveOffers()
        .filter(({ key }) => !this.#offersTaken.has(key))
        .map(({ offer }) => offer),
    ]
  }

  async #expectOne(recorded: unknown, mapping: Mapping): Promise<void> {
    let nearest: Difference | undefined
    const find = (): boolean => {
      nearest = undefined
      for (const [index, live] of this.events.entries()) {
        if (this.#taken.has(index) || typeOf(live) !== typeOf(recorded)) continue
        const tried = mapping.copy()
        const difference = tried.match(recorded, live)
        if (difference !== undefined) {
          nearest = nearer(nearest, difference, recorded, live)
          continue
        }
        mapping.adopt(tried)
        this.#take(index, recorded)
        return true
      }
      return false
    }
    await this.raw.until(find, patienceMs).catch(() => {
      throw new Error(`nearest live difference ${JSON.stringify(nearest)} to ${JSON.stringify(recorded)}`)
    })
  }

  /** Events of one task must come in the recorded order. */
  #take(index: number, recorded: unknown): void {
    this.#taken.add(index)
    const task = taskOf(recorded)
    if (task === undefined) return
    const last = this.#lastOf.get(task) ?? -1
    if (index < last) throw new Error(`out of order for ${task}: ${JSON.stringify(recorded)}`)
    this.#lastOf.set(task, index)
  }

  readonly #offersTaken = new Set<string>()

  #liveOffers(): { key: string; offer: unknown }[] {
    return this.events.flatMap((event, index) =>
      (offersIn(event) ?? []).map((offer, at) => ({ key: `${index} ${at}`, offer })),
    )
  }

  async #expectOffer(recorded: unknown, mapping: Mapping): Promise<void> {
    let nearest: Difference | undefined
    const find = (): boolean => {
      nearest = undefined
      for (const { key, offer } of this.#liveOffers()) {
        if (this.#offersTaken.has(key)) continue
        const tried = mapping.copy()
        const difference = tried.match(recorded, offer)
        if (difference !== undefined) {
          nearest = difference
          continue
        }
        mapping.adopt(tried)
        this.#offersTaken.add(key)
        return true
      }
      return false
    }
    await this.raw.until(find, patienceMs).catch(() => {
      throw new Error(
        `nearest live difference ${JSON.stringify(nearest)} to offer ${JSON.stringify(recorded)}`,
      )
    })
  }
}

function offersIn(event: unknown): unknown[] | undefined {
  const offers = typeOf(event) === 'OFFERS' ? fieldOf(fieldOf(event, 'offers'), 'offers') : undefined
  return Array.isArray(offers) ? offers : undefined
}

function typeOf(event: unknown): unknown {
  return fieldOf(event, 'type')
}

export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

/** The task that an event is about. */
function taskOf(event: unknown): string | undefined {
  const about =
    fieldOf(fieldOf(fieldOf(event, 'update'), 'status'), 'task_id') ??
    fieldOf(fieldOf(fieldOf(event, 'launch'), 'task'), 'task_id') ??
    fieldOf(fieldOf(event, 'kill'), 'task_id')
  const value = fieldOf(about, 'value')
  return typeof value === 'string' ? value : undefined
}

/** Of several events of the same type, one about the same task says more. */
function nearer(
  known: Difference | undefined,
  difference: Difference,
  recorded: unknown,
  live: unknown,
): Difference {
  return known === undefined || taskOf(recorded) === taskOf(live) ? difference : known
}
