// One connection to one server of a ZooKeeper ensemble, from its first byte to its end. Every wait is bounded: a server
// that takes the connection and then says nothing is given up. It ends once, with a reason; whom to ask next is for its
// owner. Credentials are sent, and told to nobody.
import { connect, type Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import { MesosError, errorFromFailure } from '../errors.ts'
import { FrameParser, frame } from './frames.ts'
import {
  authRequest,
  closeRequest,
  connectRequest,
  createRequest,
  errorCodes,
  pingRequest,
  readConnectResponse,
  readReply,
  readRequest,
  xids,
  type NodeAccess,
  type NodeKind,
  type Reply,
  type Session,
  type SessionKey,
} from './protocol.ts'
import { describeServer, type ZooKeeperServer } from './url.ts'

/** Whom to connect to, and how long to wait. */
export interface ZooKeeperConnectionOptions {
  readonly server: ZooKeeperServer
  /** `user:password`, scheme `digest`. */
  readonly credentials?: string | undefined
  /** What is asked for; the server has its own bounds. */
  readonly sessionTimeoutMs: number
  /** Until the session is there. */
  readonly connectTimeoutMs: number
  /** For each answer. */
  readonly answerTimeoutMs: number
  /** A server that knows less than this refuses us: what was read once is never read older. */
  readonly lastZxid?: bigint | undefined
  /** Taken up again, with its ephemeral nodes; else a new one. */
  readonly session?: SessionKey | undefined
  readonly clock: Clock
  /** Something that was read has changed since; each read leaves one watch. */
  readonly onWatch?: (() => void) | undefined
}

interface Pending {
  readonly xid: number
  readonly answered: PromiseWithResolvers<Reply>
}

type State =
  | { readonly name: 'opening' }
  | { readonly name: 'open'; readonly session: Session }
  | { readonly name: 'ended'; readonly cause: MesosError }

/** How long the farewell may take. */
const CLOSE_MS = 500

/** A session at one server of an ensemble; see its methods for what it reads and writes. */
export class ZooKeeperConnection {
  readonly #o: ZooKeeperConnectionOptions
  readonly #what: string
  readonly #socket: Socket
  readonly #parser = new FrameParser()
  readonly #pending: Pending[] = []
  readonly #ready = Promise.withResolvers<Session>()
  readonly #ended = Promise.withResolvers<MesosError>()
  readonly #closed = Promise.withResolvers<void>()
  #state: State = { name: 'opening' }
  #xid = 0
  #lastZxid: bigint
  #cancelLimit = () => {}

  constructor(options: ZooKeeperConnectionOptions) {
    this.#o = options
    this.#what = `ZooKeeper at ${describeServer(options.server)}`
    this.#lastZxid = options.lastZxid ?? 0n
    // who doesn't wait for it learns of a failure by `ended`
    this.#ready.promise.catch(() => {})
    const { host, port } = options.server
    this.#socket = connect({ host, port, noDelay: true })
    this.#limit(options.connectTimeoutMs, 'unreachable', 'no session')
    this.#socket.on('connect', () => {
      const { sessionTimeoutMs, session } = options
      this.#send(connectRequest({ sessionTimeoutMs, session, lastZxid: this.#lastZxid }))
    })
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes))
    this.#socket.on('error', error => this.#end(errorFromFailure(this.#what, error)))
    this.#socket.on('close', () => {
      this.#end(new MesosError('disconnected', `${this.#what}: it closed the connection`))
      this.#closed.resolve()
    })
  }

  /** The session, as soon as there is one. @throws MesosError */
  get ready(): Promise<Session> {
    return this.#ready.promise
  }

  /** Fulfilled, with the reason, when the connection is of no more use. */
  get ended(): Promise<MesosError> {
    return this.#ended.promise
  }

  /** The session that should be taken up is no more, and its ephemeral nodes with it. */
  get isExpired(): boolean {
    return this.#state.name === 'ended' && this.#state.cause.code === 'session_expired'
  }

  /** The newest state of the ensemble that was seen. */
  get lastZxid(): bigint {
    return this.#lastZxid
  }

  /** The names of a node's children, in no order; undefined without the node, which is then waited for by a watch. @throws MesosError */
  async getChildren(path: string): Promise<string[] | undefined> {
    const reply = await this.#read('getChildren', path)
    if (reply !== undefined) return reply.body.strings()
    // only this leaves a watch where nothing is
    const appeared = await this.#read('exists', path)
    return appeared === undefined ? undefined : this.getChildren(path)
  }

  /** A node's content; undefined without the node. @throws MesosError */
  async getData(path: string): Promise<Uint8Array | undefined> {
    return (await this.#read('getData', path))?.body.buffer()
  }

  /** The path of the new node (numbered where it is sequential); undefined if it is there already. @throws MesosError */
  async create(
    path: string,
    data: Uint8Array,
    kind: NodeKind,
    allow: NodeAccess = 'anyone',
  ): Promise<string | undefined> {
    const reply = await this.#ask(xid => createRequest(xid, path, data, { kind, allow }))
    if (reply.error === errorCodes.nodeExists) return undefined
    return this.#checked(reply, path).body.string()
  }

  /** Keeps the session when nothing else is asked; answered like a read. @throws MesosError */
  async ping(): Promise<void> {
    await this.#ask(() => pingRequest(), xids.ping)
  }

  /** Ends the session, and with it its ephemeral nodes, if the server still listens. Settled when the connection is gone. */
  async close(): Promise<void> {
    if (this.#state.name === 'open') {
      this.#socket.end(frame(closeRequest(++this.#xid)))
      this.#finish(new MesosError('closed', `${this.#what}: closed by us`))
      const cancel = this.#o.clock.after(CLOSE_MS, () => this.#socket.destroy())
      await this.#closed.promise
      cancel()
    } else this.cut()
    await this.#closed.promise
  }

  /** Breaks the connection without a word: the session is left to its time-out, or to whoever takes it up. */
  cut(): void {
    this.#end(new MesosError('closed', `${this.#what}: cut by us`))
  }

  async #read(operation: 'exists' | 'getData' | 'getChildren', path: string): Promise<Reply | undefined> {
    const reply = await this.#ask(xid => readRequest(xid, operation, path))
    return reply.error === errorCodes.noNode ? undefined : this.#checked(reply, path)
  }

  #checked(reply: Reply, path: string): Reply {
    if (reply.error === errorCodes.ok) return reply
    if (reply.error === errorCodes.noAuth) {
      throw new MesosError(
        'unauthenticated',
        `${this.#what}: no permission for ${path} (user:password in zk://)`,
      )
    }
    throw new MesosError('server_error', `${this.#what}: error ${reply.error} for ${path}`)
  }

  #ask(request: (xid: number) => Uint8Array, fixedXid?: number): Promise<Reply> {
    if (this.#state.name === 'ended') return Promise.reject(this.#state.cause)
    const xid = fixedXid ?? ++this.#xid
    const answered = Promise.withResolvers<Reply>()
    this.#pending.push({ xid, answered })
    if (this.#pending.length === 1 && this.#state.name === 'open') this.#awaitAnswer()
    const bytes = request(xid)
    // before the session is there, nothing but its request may be sent
    void this.#ready.promise.then(
      () => this.#send(bytes),
      () => {},
    )
    return answered.promise
  }

  #take(bytes: Buffer): void {
    try {
      for (const each of this.#parser.push(bytes)) this.#receive(each)
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      this.#end(new MesosError('unreadable', `${this.#what}: ${text}`))
    }
  }

  #receive(bytes: Uint8Array): void {
    if (this.#state.name === 'ended') return
    if (this.#state.name === 'opening') {
      this.#begin(readConnectResponse(bytes))
      return
    }
    const reply = readReply(bytes)
    if (reply.zxid > this.#lastZxid) this.#lastZxid = reply.zxid
    if (reply.xid === xids.notification) {
      this.#o.onWatch?.()
    } else if (reply.xid === xids.auth) {
      if (reply.error !== errorCodes.ok)
        this.#end(new MesosError('unauthenticated', `${this.#what}: user:password in zk:// was refused`))
    } else {
      const next = this.#pending.shift()
      if (next?.xid !== reply.xid) throw new RangeError(`an answer to ${reply.xid}, not to ${next?.xid}`)
      this.#cancelLimit()
      if (this.#pending.length > 0) this.#awaitAnswer()
      next.answered.resolve(reply)
    }
  }

  #begin(session: Session): void {
    this.#cancelLimit()
    if (session.timeoutMs <= 0) {
      this.#end(new MesosError('session_expired', `${this.#what}: the session has expired`))
      return
    }
    this.#state = { name: 'open', session }
    if (this.#o.credentials !== undefined) this.#send(authRequest('digest', this.#o.credentials))
    if (this.#pending.length > 0) this.#awaitAnswer()
    this.#ready.resolve(session)
  }

  #send(body: Uint8Array): void {
    if (this.#state.name !== 'ended') this.#socket.write(frame(body))
  }

  #awaitAnswer(): void {
    this.#limit(this.#o.answerTimeoutMs, 'timeout', 'no answer')
  }

  #limit(ms: number, code: 'unreachable' | 'timeout', what: string): void {
    this.#cancelLimit()
    this.#cancelLimit = this.#o.clock.after(ms, () =>
      this.#end(new MesosError(code, `${this.#what}: ${what} within ${ms} ms`)),
    )
  }

  #end(cause: MesosError): void {
    this.#finish(cause)
    this.#socket.destroy()
  }

  #finish(cause: MesosError): void {
    if (this.#state.name === 'ended') return
    this.#state = { name: 'ended', cause }
    this.#cancelLimit()
    this.#ready.reject(cause)
    for (const { answered } of this.#pending.splice(0)) answered.reject(cause)
    this.#ended.resolve(cause)
  }
}
