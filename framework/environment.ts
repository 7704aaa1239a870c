// Reads variables of an environment one by one, from the variable or from the file that NAME_FILE names, and gathers
// everything that is wrong, so that an operator sees it at once. Knows no variable by itself: config.ts and config/ do.

/** What a parser throws: a clause that goes on after "must be". */
export class Wrong extends Error {}

export type Environment = Readonly<Record<string, string | undefined>>

export interface ReadOptions {
  /** Its value, or one of which this is true, never appears in an error. */
  readonly secret?: boolean | ((text: string) => boolean)
}

export class Variables {
  readonly errors: string[] = []
  readonly #env: Environment
  readonly #readFile: (path: string) => string
  readonly #known = new Set<string>()
  readonly #texts = new Map<string, string | undefined>()

  /** `readFile` throws where the file can't be read. */
  constructor(env: Environment, readFile: (path: string) => string) {
    this.#env = env
    this.#readFile = readFile
  }

  /** The parsed value; `fallback` where the variable is unset, empty, or wrong (then `errors` has grown). */
  read<T, F>(name: string, parse: (text: string) => T, fallback: F, options: ReadOptions = {}): T | F {
    const text = this.text(name)
    if (text === undefined) return fallback
    try {
      return parse(text)
    } catch (error) {
      if (!(error instanceof Wrong)) throw error
      const { secret = false } = options
      const hidden = typeof secret === 'function' ? secret(text) : secret
      const shown = hidden ? '' : `, not ${JSON.stringify(text)}`
      this.errors.push(`${name} must be ${error.message}${shown}`)
      return fallback
    }
  }

  /** As `read`, for a variable without which nothing works. */
  require<T>(
    name: string,
    parse: (text: string) => T,
    what: string,
    options: ReadOptions = {},
  ): T | undefined {
    const before = this.errors.length
    const value = this.read(name, parse, undefined, options)
    if (value === undefined && this.errors.length === before) this.errors.push(`${name} is required: ${what}`)
    return value
  }

  /** Refuses a variable that this version would have to ignore although its user counts on it. */
  refuse(name: string, why: string): void {
    if (this.text(name) !== undefined) this.errors.push(`${name} can't be used: ${why}`)
  }

  /** Adds an error for each set variable with this prefix that was never asked for. Call it last. */
  refuseUnknown(prefix: string): void {
    const known = [...this.#known]
    for (const name of Object.keys(this.#env).filter(
      key => key.startsWith(prefix) && !this.#known.has(key),
    )) {
      const near = nearest(name, known)
      this.errors.push(`${name} is unknown${near === undefined ? '' : `: did you mean ${near}?`}`)
    }
  }

  /** The raw text, without what surrounds it; undefined where unset or empty. Whatever is wrong is told once. */
  text(name: string): string | undefined {
    if (!this.#texts.has(name)) this.#texts.set(name, this.#text(name))
    return this.#texts.get(name)
  }

  #text(name: string): string | undefined {
    const fileName = `${name}_FILE`
    this.#known.add(name).add(fileName)
    const direct = this.#env[name]?.trim()
    const path = this.#env[fileName]?.trim()
    if (path === undefined || path === '') return direct === '' ? undefined : direct
    if (direct !== undefined && direct !== '') {
      this.errors.push(`${name} and ${fileName} are both set: keep one of them`)
      return direct
    }
    try {
      const content = this.#readFile(path).trim()
      if (content === '')
        this.errors.push(`${fileName} must name a file with a value in it: ${path} is empty`)
      return content === '' ? undefined : content
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error)
      this.errors.push(`${fileName} must name a readable file: ${cause}`)
      return undefined
    }
  }
}

/** The candidate that is at most a third of its letters away from `word`, if there is one. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: { candidate: string; distance: number } | undefined
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate)
    if (distance <= Math.ceil(candidate.length / 3) && (best === undefined || distance < best.distance))
      best = { candidate, distance }
  }
  return best?.candidate
}

function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 64) return Infinity
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

// Parsers: text in, value out, or `Wrong` with what would be right.

export function wholeNumber(min: number, max: number): (text: string) => number {
  return text => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN
    if (!(value >= min && value <= max)) throw new Wrong(`a whole number from ${min} to ${max}`)
    return value
  }
}

export function oneOf<T extends string>(...values: readonly T[]): (text: string) => T {
  return text => {
    const found = values.find(value => value === text)
    if (found === undefined) throw new Wrong(`one of ${values.join(', ')}`)
    return found
  }
}

export function matching(pattern: RegExp, what: string): (text: string) => string {
  return text => {
    if (!pattern.test(text)) throw new Wrong(what)
    return text
  }
}

/** Text of 1 to `max` characters. */
export function printable(max: number): (text: string) => string {
  return matching(new RegExp(`^\\P{Cc}{1,${max}}$`, 'u'), `1 to ${max} characters without control characters`)
}

export const unixUser = matching(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, "a unix user's name")

/** An http(s) URL without path, query or credentials; given back without a closing slash. */
export function baseUrl(text: string): string {
  const url = URL.parse(text)
  const right = 'a URL such as http://host:port, without path or credentials'
  if (url === null || !['http:', 'https:'].includes(url.protocol)) throw new Wrong(right)
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new Wrong(right)
  if (url.pathname !== '/') throw new Wrong(right)
  return url.origin
}

/**
 * `zk://[user:password@]host:port,…/path` as Mesos reads it: the first slash begins the path, the last @ before it ends
 * the credentials. What is said of a wrong one shows none of it.
 */
export function zooKeeperUrl(text: string): string {
  const right = 'zk://[user:password@]host:port,host:port/path'
  const [, authority = '', path = ''] = /^zk:\/\/([^/]*)(.*)$/s.exec(text) ?? []
  const at = authority.lastIndexOf('@')
  if (at >= 0 && !/^[^:]+:./s.test(authority.slice(0, at)))
    throw new Wrong(`${right}: before the @ there is no user:password`)
  for (const server of authority.slice(at + 1).split(',')) {
    const [, host, port = '2181'] =
      /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(server.trim()) ?? []
    if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
      throw new Wrong(`${right}: a server is not host:port with a port from 1 to 65535`)
  }
  if (!/^(\/[^/\p{Cc}]+)+\/?$/u.test(path))
    throw new Wrong(
      `${right}: the path is missing, or a part of it is empty (masters use what their --zk says)`,
    )
  return text
}

/** The hosts of such a URL. */
export function zooKeeperHosts(url: string): string[] {
  const authority = url.slice('zk://'.length).replace(/\/.*$/s, '')
  const servers = authority.slice(authority.lastIndexOf('@') + 1).split(',')
  return servers.map(server => server.trim().replace(/:\d+$/, ''))
}

/** For `ReadOptions`: one of a URL that may hold a password shows nothing of it. */
export const secretBeforeAt = { secret: (text: string): boolean => text.includes('@') }

/** A URL as it may be shown: without user and password. */
export function withoutCredentials(url: string): string {
  return url.replace(/^(\w+:\/\/)[^/]*@/, '$1')
}

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90s`, `15m`, `12h` or `7d`, as milliseconds. */
export function duration(text: string): number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (amount === undefined || unit === undefined)
    throw new Wrong('a whole number with a unit, s, m, h or d, for example 90s, 12h or 7d')
  return Number(amount) * unitMs[unit as keyof typeof unitMs]
}

/** Whether only processes of the same machine reach this host. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  return (
    bare === 'localhost' || bare.endsWith('.localhost') || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare)
  )
}
