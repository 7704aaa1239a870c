// Reads `zk://[user:password@]host:port,…/path` as Mesos does. Pure. No error of it repeats what it was given, which may
// hold a password.

/** One of an ensemble. */
export interface ZooKeeperServer {
  readonly host: string
  readonly port: number
}

/** What a `zk://…` says. */
export interface ZooKeeperUrl {
  readonly servers: readonly ZooKeeperServer[]
  /** Begins with a slash, ends without one. */
  readonly path: string
  /** `user:password` for the scheme `digest`. */
  readonly credentials?: string
}

const DEFAULT_PORT = 2181

export function isZooKeeperUrl(text: string): boolean {
  return text.startsWith('zk://')
}

/** @throws TypeError that says what would be right, without the text itself */
export function parseZooKeeperUrl(text: string): ZooKeeperUrl {
  const wrong = (what: string) => new TypeError(`zk://[user:password@]host:port,host:port/path: ${what}`)
  if (!isZooKeeperUrl(text)) throw wrong('must begin with zk://')
  const rest = text.slice('zk://'.length)
  // like Mesos: the first slash begins the path, the last @ before it ends the credentials
  const slash = rest.indexOf('/')
  const path = slash < 0 ? '' : rest.slice(slash).replace(/\/$/, '')
  if (path === '') throw wrong('the path of the masters is missing, such as /mesos')
  if (!/^(\/[^/\p{Cc}]+)+$/u.test(path)) throw wrong('the path has an empty part')
  const authority = rest.slice(0, slash)
  const at = authority.lastIndexOf('@')
  const credentials = at < 0 ? undefined : authority.slice(0, at)
  if (credentials !== undefined && !/^[^:]+:./s.test(credentials)) {
    throw wrong('before the @ there must be user:password')
  }
  const servers = authority
    .slice(at + 1)
    .split(',')
    .map(part => serverOf(part.trim(), wrong))
  return credentials === undefined ? { servers, path } : { servers, path, credentials }
}

function serverOf(part: string, wrong: (what: string) => TypeError): ZooKeeperServer {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(part)
  const host = found?.[1] ?? found?.[2]
  const port = Number(found?.[3] ?? DEFAULT_PORT)
  if (host === undefined || port < 1 || port > 65_535) {
    throw wrong('each server must be host:port, with a port from 1 to 65535')
  }
  return { host, port }
}

/** For people: servers and path, never the credentials. */
export function describeZooKeeperUrl({ servers, path }: ZooKeeperUrl): string {
  return `zk://${servers.map(describeServer).join(',')}${path}`
}

export function describeServer({ host, port }: ZooKeeperServer): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
