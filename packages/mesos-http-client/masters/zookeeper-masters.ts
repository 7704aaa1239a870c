// Asks ZooKeeper which master leads, for as long as it lives: one connection at a time, to each server in turn. It reads
// the election's nodes at each notification, and some times within a session's time-out without any: that keeps the
// session, finds out a server that has frozen, and needs no trust in watches. What was read last counts while no server
// answers (the subscription, and a redirect, may know better); only ZooKeeper itself can say that nobody leads.
import type { Clock } from '../clock.ts'
import { MesosError, errorFromFailure } from '../errors.ts'
import { ZooKeeperConnection } from '../zookeeper/connection.ts'
import { describeZooKeeperUrl, type ZooKeeperUrl } from '../zookeeper/url.ts'
import { leadingNode, masterUrl } from './leader.ts'
import type { MasterListener, MasterSource } from './master-source.ts'

export interface ZooKeeperMastersOptions {
  readonly url: ZooKeeperUrl
  readonly scheme: 'http' | 'https'
  readonly clock: Clock
  readonly random: () => number
  /** The pause after so many rounds over all servers without success. */
  readonly retryMs: (failures: number) => number
}

/** As Mesos' own. */
const SESSION_TIMEOUT_MS = 10_000
const READ_INTERVAL_MS = 3_000
const ANSWER_TIMEOUT_MS = 3_000
const CONNECT_TIMEOUT_MS = 3_000

export class ZooKeeperMasters implements MasterSource {
  readonly size = 1
  readonly #o: ZooKeeperMastersOptions
  readonly #what: string
  #leader: URL | undefined
  /** The node that `#leader` was read from on this connection: what is in it never changes. */
  #leaderNode: string | undefined
  #trouble: MesosError
  #listener: MasterListener | undefined
  /** Nobody answers, and that was told. */
  #isBlind = false
  #running: Promise<void> | undefined
  #connection: ZooKeeperConnection | undefined
  #isClosed = false
  /** Set by a notification until the nodes are read again. */
  #isStale = false
  #wake = () => {}

  constructor(options: ZooKeeperMastersOptions) {
    this.#o = options
    this.#what = describeZooKeeperUrl(options.url)
    this.#trouble = new MesosError('no_leader', `${this.#what}: not read yet`)
  }

  get trouble(): MesosError {
    return this.#trouble
  }

  next(): URL | undefined {
    return this.#leader
  }

  start(listener: MasterListener): void {
    this.#listener = listener
    this.#running ??= this.#run()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#listener = undefined
    const closed = this.#connection?.close()
    this.#wake()
    await closed
    await this.#running
  }

  async #run(): Promise<void> {
    const { servers } = this.#o.url
    // schedulers that start together spread over the servers
    let next = Math.floor(this.#o.random() * servers.length)
    let failures = 0
    let lastZxid = 0n
    while (!this.#isClosed) {
      const server = servers[next % servers.length]
      if (server === undefined) return
      next += 1
      const connection = new ZooKeeperConnection({
        server,
        credentials: this.#o.url.credentials,
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        answerTimeoutMs: ANSWER_TIMEOUT_MS,
        lastZxid,
        clock: this.#o.clock,
        onWatch: () => this.#stale(),
      })
      this.#connection = connection
      void connection.ended.then(() => this.#stale())
      try {
        await this.#follow(connection, () => {
          failures = 0
          this.#sees()
        })
      } catch (error) {
        failures += 1
        this.#troubled(errorFromFailure(this.#what, error), failures >= servers.length)
      }
      await connection.close()
      // an ensemble that was set up anew has forgotten what we saw; it refuses us without a word
      lastZxid = failures % (2 * servers.length) === 0 ? 0n : connection.lastZxid
      if (!this.#isClosed) await this.#pause(this.#o.retryMs(Math.floor((failures - 1) / servers.length)))
    }
  }

  /** Reads again and again until the connection fails. @throws MesosError */
  async #follow(connection: ZooKeeperConnection, onRead: () => void): Promise<void> {
    await connection.ready
    // an ensemble that was set up anew numbers its nodes anew: the same name may be another master's
    this.#leaderNode = undefined
    while (!this.#isClosed) {
      this.#isStale = false
      const isRead = await this.#read(connection)
      onRead()
      // a node that went between two reads: look again at once
      if (isRead && !this.#isStale) await this.#pause(READ_INTERVAL_MS)
    }
  }

  /** False if the leader's node was gone before it could be read. */
  async #read(connection: ZooKeeperConnection): Promise<boolean> {
    const { path } = this.#o.url
    const children = await connection.getChildren(path)
    if (children === undefined) {
      this.#nobody(`${path} is not there yet`)
      return true
    }
    const node = leadingNode(children)
    if (node === undefined) {
      this.#nobody(`no master takes part in the election at ${path}`)
      return true
    }
    if (node === this.#leaderNode) return true
    const data = await connection.getData(`${path}/${node}`)
    if (data === undefined) return false
    let leader: URL
    try {
      leader = new URL(masterUrl(data, this.#o.scheme))
    } catch (error) {
      this.#nobody(`${path}/${node} is not to be understood: ${errorFromFailure(node, error).message}`)
      return true
    }
    this.#found(leader, node)
    return true
  }

  #found(leader: URL, node: string): void {
    const isNew = leader.href !== this.#leader?.href
    this.#leader = leader
    this.#leaderNode = node
    if (isNew) this.#listener?.onChange(leader)
  }

  #nobody(why: string): void {
    const hadLeader = this.#leader !== undefined
    this.#leader = undefined
    this.#leaderNode = undefined
    this.#setTrouble(new MesosError('no_leader', `${this.#what}: ${why}`), hadLeader)
  }

  /** No answer says nothing of the leader; a refusal is for people to mend. One server that ends leaves the others. */
  #troubled(cause: MesosError, byAll: boolean): void {
    const code = cause.code === 'unauthenticated' ? 'unauthenticated' : 'no_leader'
    this.#setTrouble(new MesosError(code, `${this.#what}: ${cause.message}`, { cause }), false)
    if (this.#leader === undefined || this.#isBlind || !byAll) return
    this.#isBlind = true
    this.#listener?.onBlind(this.#trouble)
  }

  #sees(): void {
    if (!this.#isBlind) return
    this.#isBlind = false
    this.#listener?.onBlind(undefined)
  }

  #setTrouble(trouble: MesosError, isChange: boolean): void {
    const isOther = trouble.message !== this.#trouble.message
    this.#trouble = trouble
    if (isChange || (isOther && this.#leader === undefined)) this.#listener?.onChange(undefined)
  }

  #stale(): void {
    this.#isStale = true
    this.#wake()
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const cancel = this.#o.clock.after(ms, resolve)
    await promise
    cancel()
  }
}
