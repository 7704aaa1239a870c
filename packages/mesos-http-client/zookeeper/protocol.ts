// The few messages of ZooKeeper's protocol that an election needs, as bytes (zookeeper.jute). Pure. Numbers are
// big-endian; strings and buffers carry their length in bytes, -1 for none.

const opcodes = {
  create: 1,
  exists: 3,
  getData: 4,
  getChildren: 8,
  ping: 11,
  auth: 100,
  closeSession: -11,
} as const

/** Instead of a running number: what nobody asked for, and the answer to credentials. */
export const xids = { notification: -1, ping: -2, auth: -4 } as const

export const errorCodes = { ok: 0, noNode: -101, noAuth: -102, nodeExists: -110, authFailed: -115 } as const

const PASSWORD_BYTES = 16

export class Writer {
  readonly #parts: Buffer[] = []

  int(value: number): this {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(value)
    this.#parts.push(bytes)
    return this
  }

  long(value: bigint): this {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64BE(value)
    this.#parts.push(bytes)
    return this
  }

  bool(value: boolean): this {
    this.#parts.push(Buffer.from([value ? 1 : 0]))
    return this
  }

  buffer(value: Uint8Array): this {
    this.int(value.length)
    this.#parts.push(Buffer.from(value))
    return this
  }

  string(value: string): this {
    return this.buffer(Buffer.from(value, 'utf8'))
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#parts)
  }
}

/** Throws RangeError where a message is shorter than it says. */
export class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  int(): number {
    return this.#bytes.readInt32BE(this.#skip(4))
  }

  long(): bigint {
    return this.#bytes.readBigInt64BE(this.#skip(8))
  }

  /** A copy; empty where there is none. */
  buffer(): Uint8Array {
    const length = this.int()
    if (length <= 0) return new Uint8Array(0)
    const at = this.#skip(length)
    return new Uint8Array(this.#bytes.subarray(at, at + length))
  }

  string(): string {
    return new TextDecoder().decode(this.buffer())
  }

  strings(): string[] {
    const count = this.int()
    const found: string[] = []
    // never sized by what the peer claims
    for (let index = 0; index < count; index++) found.push(this.string())
    return found
  }

  #skip(length: number): number {
    const at = this.#at
    if (at + length > this.#bytes.length) throw new RangeError('a message that is too short')
    this.#at += length
    return at
  }
}

/** What a session is taken up again with, on another connection. */
export interface SessionKey {
  readonly id: bigint
  readonly password: Uint8Array
}

/** Without a key: asks for a new session. */
export function connectRequest(o: {
  readonly sessionTimeoutMs: number
  readonly lastZxid: bigint
  readonly session?: SessionKey | undefined
}): Uint8Array {
  return new Writer()
    .int(0)
    .long(o.lastZxid)
    .int(o.sessionTimeoutMs)
    .long(o.session?.id ?? 0n)
    .buffer(o.session?.password ?? Buffer.alloc(PASSWORD_BYTES))
    .bool(false)
    .bytes()
}

export interface Session extends SessionKey {
  /** As the server granted it; 0: the session has expired. */
  readonly timeoutMs: number
}

export function readConnectResponse(bytes: Uint8Array): Session {
  const reader = new Reader(bytes)
  reader.int()
  return { timeoutMs: reader.int(), id: reader.long(), password: reader.buffer() }
}

export function authRequest(scheme: string, credentials: string): Uint8Array {
  return new Writer().int(xids.auth).int(opcodes.auth).int(0).string(scheme).string(credentials).bytes()
}

/** exists, getData or getChildren, leaving a watch. */
export function readRequest(
  xid: number,
  operation: 'exists' | 'getData' | 'getChildren',
  path: string,
): Uint8Array {
  return new Writer().int(xid).int(opcodes[operation]).string(path).bool(true).bytes()
}

const ALL_PERMISSIONS = 31
const flags = { persistent: 0, ephemeral: 1, ephemeral_sequential: 3 } as const
/** Ephemeral ones end with their session; sequential ones get a number after their name. */
export type NodeKind = keyof typeof flags

const access = { anyone: ['world', 'anyone'], creator: ['auth', ''] } as const
/** Who may read and change a node: everybody, or who shows the credentials of its creator. */
export type NodeAccess = keyof typeof access

export function createRequest(
  xid: number,
  path: string,
  data: Uint8Array,
  { kind, allow }: { readonly kind: NodeKind; readonly allow: NodeAccess },
): Uint8Array {
  const [scheme, id] = access[allow]
  return new Writer()
    .int(xid)
    .int(opcodes.create)
    .string(path)
    .buffer(data)
    .int(1)
    .int(ALL_PERMISSIONS)
    .string(scheme)
    .string(id)
    .int(flags[kind])
    .bytes()
}

export function pingRequest(): Uint8Array {
  return new Writer().int(xids.ping).int(opcodes.ping).bytes()
}

export function closeRequest(xid: number): Uint8Array {
  return new Writer().int(xid).int(opcodes.closeSession).bytes()
}

export interface Reply {
  readonly xid: number
  readonly zxid: bigint
  /** 0, or one of ZooKeeper's error codes. */
  readonly error: number
  readonly body: Reader
}

export function readReply(bytes: Uint8Array): Reply {
  const body = new Reader(bytes)
  return { xid: body.int(), zxid: body.long(), error: body.int(), body }
}
