// Who of several masters leads: the one that came first and still lives. What an election offers, and the one that needs
// no ZooKeeper because all its masters are in this process.
import type { MasterInfo } from 'mesos-http-client'
import type { Clock, Timer } from '../core/clock.ts'

export interface Election {
  /**
   * Takes part. `onLeader` is told who leads, now and at each change, undefined while nobody does; `onLost` once, if this
   * candidate has been left out: as a real master it must then end.
   */
  join(info: MasterInfo, listener: CandidateListener): Candidate
}

export interface CandidateListener {
  onLeader(leader: MasterInfo | undefined): void
  onLost(): void
}

export interface Candidate {
  /** Settled when it takes part, and when it is over. */
  readonly joined: Promise<void>
  /** As its death: nothing is told any more, and the others find out when its session has expired. */
  die(): void
  /** In order: the others know at once. */
  leave(): Promise<void>
}

interface Entry {
  readonly info: MasterInfo
  readonly listener: CandidateListener
  expiry?: Timer
}

export class LocalElection implements Election {
  readonly #clock: Clock
  readonly #sessionMs: number
  #entries: Entry[] = []

  /** A dead candidate is missed after `sessionMs`. */
  constructor(clock: Clock, sessionMs: number) {
    this.#clock = clock
    this.#sessionMs = sessionMs
  }

  join(info: MasterInfo, listener: CandidateListener): Candidate {
    const entry: Entry = { info, listener }
    this.#entries.push(entry)
    listener.onLeader(this.#entries[0]?.info)
    return {
      joined: Promise.resolve(),
      die: () => {
        entry.expiry ??= this.#clock.after(this.#sessionMs, () => this.#remove(entry))
      },
      leave: async () => {
        entry.expiry?.cancel()
        this.#remove(entry)
      },
    }
  }

  #remove(gone: Entry): void {
    const before = this.#entries[0]
    this.#entries = this.#entries.filter(entry => entry !== gone)
    const leader = this.#entries[0]
    if (leader === before) return
    for (const entry of this.#entries) if (entry.expiry === undefined) entry.listener.onLeader(leader?.info)
  }
}
