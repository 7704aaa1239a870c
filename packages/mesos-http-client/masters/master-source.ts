// Where a scheduler looks for its master (S17): a list that is walked in turn, or ZooKeeper, which names the leader.
// Knows no subscription.
import { backoffMs, type Backoff } from '../backoff.ts'
import type { Clock } from '../clock.ts'
import type { MesosError } from '../errors.ts'
import { serverUrl } from '../server-url.ts'
import { isZooKeeperUrl, parseZooKeeperUrl } from '../zookeeper/url.ts'
import { ZooKeeperMasters } from './zookeeper-masters.ts'

export interface MasterListener {
  /** Another leader; or undefined, at each other `trouble` while there is none. */
  onChange(leader: URL | undefined): void
  /** Whoever names the leader can't be asked, while one is known: once for each time; undefined: it answers again. */
  onBlind(trouble: MesosError | undefined): void
}

export interface MasterSource {
  /** So many tries are one round: the pauses between tries grow with rounds. */
  readonly size: number
  /** The master to ask now; undefined where none is known. Then `trouble` says why, and a change is told. */
  next(): URL | undefined
  readonly trouble: MesosError | undefined
  start(listener: MasterListener): void
  /** Nothing is told afterwards. Settled when all connections are gone. */
  close(): Promise<void>
}

export interface MasterSourceOptions {
  /** URLs of masters, or a single `zk://…`. */
  readonly masters: readonly string[]
  /** How masters that ZooKeeper names are spoken to: it doesn't say. */
  readonly scheme: 'http' | 'https'
  readonly clock: Clock
  readonly random: () => number
  readonly backoff: Backoff
}

/** @throws TypeError where `masters` makes no sense; without the credentials that it may hold */
export function masterSource(options: MasterSourceOptions): MasterSource {
  const { masters } = options
  const [first] = masters
  if (first === undefined) throw new TypeError('SchedulerClient: no master')
  if (!masters.some(isZooKeeperUrl)) return new MasterList(masters)
  if (masters.length > 1)
    throw new TypeError('SchedulerClient: zk:// stands alone, its servers are separated by commas')
  const { clock, random, backoff } = options
  return new ZooKeeperMasters({
    url: parseZooKeeperUrl(first),
    scheme: options.scheme,
    clock,
    random,
    // an ensemble that is back is asked soon: nobody else tells of another leader
    retryMs: failures => backoffMs({ ...backoff, maxMs: Math.min(backoff.maxMs, 5_000) }, failures, random),
  })
}

class MasterList implements MasterSource {
  readonly #masters: readonly URL[]
  readonly trouble = undefined
  #next = 0

  constructor(masters: readonly string[]) {
    this.#masters = masters.map(master => serverUrl('SchedulerClient: each of masters', master))
  }

  get size(): number {
    return this.#masters.length
  }

  next(): URL | undefined {
    const url = this.#masters[this.#next]
    this.#next = (this.#next + 1) % this.#masters.length
    return url
  }

  start(): void {}

  async close(): Promise<void> {}
}
