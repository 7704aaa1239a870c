// An election of masters in a real ZooKeeper, as Mesos holds it: each has an ephemeral node json.info_<number> with its
// MasterInfo, the lowest leads. The session is taken up again on another connection for as long as the servers keep it.
import {
  leadingNode,
  systemClock,
  ZooKeeperConnection,
  type MasterInfo,
  type SessionKey,
  type ZooKeeperUrl,
} from 'mesos-http-client'
import { errorText, type Log } from '../core/log.ts'
import type { Candidate, CandidateListener, Election } from './election.ts'

export interface ZooKeeperElectionOptions {
  readonly url: ZooKeeperUrl
  /** A dead master is missed after this; servers have bounds of their own. */
  readonly sessionMs: number
  readonly log: Log
}

const RETRY_MS = 250

export class ZooKeeperElection implements Election {
  readonly #o: ZooKeeperElectionOptions

  constructor(options: ZooKeeperElectionOptions) {
    this.#o = options
  }

  join(info: MasterInfo, listener: CandidateListener): Candidate {
    return new Member(this.#o, info, listener)
  }
}

class Member implements Candidate {
  readonly #o: ZooKeeperElectionOptions
  readonly #info: MasterInfo
  readonly #listener: CandidateListener
  readonly #joined = Promise.withResolvers<void>()
  readonly #running: Promise<void>
  #connection: ZooKeeperConnection | undefined
  #session: SessionKey | undefined
  /** Of our own node, once there is one. */
  #node: string | undefined
  #leader: string | undefined
  #isOver = false
  #isStale = false
  #wake = () => {}

  constructor(o: ZooKeeperElectionOptions, info: MasterInfo, listener: CandidateListener) {
    this.#o = o
    this.#info = info
    this.#listener = listener
    this.#running = this.#run()
  }

  get joined(): Promise<void> {
    return this.#joined.promise
  }

  die(): void {
    this.#isOver = true
    this.#joined.resolve()
    this.#connection?.cut()
    this.#wake()
  }

  async leave(): Promise<void> {
    this.#isOver = true
    this.#joined.resolve()
    await this.#connection?.close()
    this.#wake()
    await this.#running
  }

  async #run(): Promise<void> {
    const { servers, credentials } = this.#o.url
    for (let next = 0; !this.#isOver; next++) {
      const server = servers[next % servers.length]
      if (server === undefined) return
      const { sessionMs } = this.#o
      const connection = new ZooKeeperConnection({
        server,
        credentials,
        sessionTimeoutMs: sessionMs,
        connectTimeoutMs: sessionMs,
        answerTimeoutMs: sessionMs,
        session: this.#session,
        clock: systemClock,
        onWatch: () => this.#changed(),
      })
      this.#connection = connection
      const cause = await this.#serve(connection)
      if (this.#isOver) break
      this.#o.log('ZooKeeper is away', { cause: errorText(cause) })
      connection.cut()
      if (connection.isExpired) {
        this.#isOver = true
        this.#listener.onLost()
        break
      }
      await this.#pause(RETRY_MS)
    }
  }

  /** Until the connection is of no more use; says why. */
  async #serve(connection: ZooKeeperConnection): Promise<unknown> {
    try {
      const { id, password, timeoutMs } = await connection.ready
      this.#session = { id, password }
      void connection.ended.then(() => this.#changed())
      this.#node ??= await this.#create(connection)
      while (!this.#isOver) {
        this.#isStale = false
        await this.#look(connection)
        this.#joined.resolve()
        // reading keeps the session
        if (!this.#isStale) await this.#pause(timeoutMs / 3)
      }
      return undefined
    } catch (error) {
      return error
    }
  }

  async #create(connection: ZooKeeperConnection): Promise<string> {
    const { path } = this.#o.url
    for (let end = path.indexOf('/', 1); end >= 0; end = path.indexOf('/', end + 1)) {
      await connection.create(path.slice(0, end), Buffer.alloc(0), 'persistent')
    }
    await connection.create(path, Buffer.alloc(0), 'persistent')
    const data = Buffer.from(JSON.stringify(sorted(this.#info)))
    const node = await connection.create(`${path}/json.info_`, data, 'ephemeral_sequential')
    return node?.slice(path.length + 1) ?? ''
  }

  async #look(connection: ZooKeeperConnection): Promise<void> {
    const { path } = this.#o.url
    const leader = leadingNode((await connection.getChildren(path)) ?? [])
    if (leader === this.#leader && leader !== undefined) return
    if (leader === this.#node) {
      this.#leader = leader
      this.#listener.onLeader(this.#info)
      return
    }
    const data = leader === undefined ? undefined : await connection.getData(`${path}/${leader}`)
    if (this.#isOver) return
    // gone meanwhile: the watch tells
    this.#leader = data === undefined ? undefined : leader
    this.#listener.onLeader(data && (JSON.parse(Buffer.from(data).toString()) as MasterInfo))
  }

  #changed(): void {
    this.#isStale = true
    this.#wake()
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const timer = setTimeout(resolve, ms)
    await promise
    clearTimeout(timer)
  }
}

/** Mesos writes the fields by the order of their names. */
function sorted(value: object): object {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
}
