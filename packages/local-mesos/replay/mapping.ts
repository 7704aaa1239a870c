// From recorded to live: ids, uuids and stream ids as they are met, addresses and folders as they are configured.
// `match` compares a recorded value with a live one and learns the ids in it.

/** Ids of masters, frameworks, agents, offers, containers, streams. */
const idPattern = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:-[SO]?\\d+)?'
const ids = new RegExp(idPattern, 'g')

/** Their values can't be equal: times, process ids, ports, owners. Only their type is compared. */
const volatile: ReadonlySet<string> = new Set([
  'timestamp',
  'executor_pid',
  'port',
  'nanoseconds',
  'registered_time',
  'reregistered_time',
  'unregistered_time',
  'start_time',
  'elected_time',
  'mtime',
  'uid',
  'gid',
])

/** Their order means nothing. */
const unordered: ReadonlySet<string> = new Set(['resources', 'executor_ids'])

export interface Difference {
  readonly path: string
  readonly recorded: unknown
  readonly live: unknown
}

export class Mapping {
  readonly #ids: Map<string, string>
  readonly #texts: readonly (readonly [string, string])[]

  /** `texts` are replaced wherever they occur: addresses, folders, the stub's command. */
  constructor(texts: readonly (readonly [string, string])[], known: ReadonlyMap<string, string> = new Map()) {
    this.#texts = texts
    this.#ids = new Map(known)
  }

  /** To be tried and thrown away. */
  copy(): Mapping {
    return new Mapping(this.#texts, this.#ids)
  }

  adopt(other: Mapping): void {
    for (const [recorded, live] of other.#ids) this.#ids.set(recorded, live)
  }

  learn(recorded: string, live: string): void {
    this.#ids.set(recorded, live)
  }

  live(recorded: string): string {
    return this.#ids.get(recorded) ?? recorded
  }

  /** A recorded value as it has to be sent. */
  translate<T>(value: T): T
  translate(value: unknown): unknown {
    if (typeof value === 'string') return this.#text(value).replaceAll(ids, id => this.live(id))
    if (Array.isArray(value)) return value.map(item => this.translate<unknown>(item))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, field]) => [name, this.translate<unknown>(field)]),
    )
  }

  /** The first difference, if any; ids that were not known are learned. */
  match(recorded: unknown, live: unknown, path = ''): Difference | undefined {
    const name = path.slice(path.lastIndexOf('.') + 1)
    if (volatile.has(name) && (typeof recorded !== 'object' || recorded === null)) {
      return typeof recorded === typeof live ? undefined : { path, recorded, live }
    }
    if (typeof recorded === 'string') {
      const same =
        typeof live === 'string' &&
        (name === 'uuid' ? this.#uuid(recorded, live) : this.#same(recorded, live))
      return same ? undefined : { path, recorded: this.translate(recorded), live }
    }
    if (Array.isArray(recorded)) {
      if (!Array.isArray(live) || live.length !== recorded.length) return { path, recorded, live }
      if (unordered.has(name)) return this.match(byText(recorded), byText(live), `${path}.sorted`)
      return first(
        recorded.map((item: unknown, index) => () => this.match(item, live[index], `${path}[${index}]`)),
      )
    }
    if (typeof recorded === 'object' && recorded !== null) {
      if (typeof live !== 'object' || live === null) return { path, recorded, live }
      const fields = new Map(
        Object.entries(recorded).map(([field, value]) => [this.translate(field), value] as const),
      )
      const names = new Set([...fields.keys(), ...Object.keys(live)])
      return first(
        [...names].map(
          field => () => this.match(fields.get(field), Reflect.get(live, field), `${path}.${field}`),
        ),
      )
    }
    return recorded === live ? undefined : { path, recorded, live }
  }

  #text(value: string): string {
    return this.#texts.reduce((text, [recorded, live]) => text.replaceAll(recorded, () => live), value)
  }

  #uuid(recorded: string, live: string): boolean {
    const known = this.#ids.get(`uuid ${recorded}`)
    if (known === undefined && recorded !== live) this.#ids.set(`uuid ${recorded}`, live)
    return (known ?? live) === live
  }

  /** Base64 uuids that agents made, as they have to be acknowledged. */
  liveUuid(recorded: string): string {
    return this.#ids.get(`uuid ${recorded}`) ?? recorded
  }

  #same(recorded: string, live: string): boolean {
    // The two that differ are printed as protobuf's text there, as JSON here.
    const incompatible = 'ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.'
    if (recorded.startsWith(incompatible)) return live.startsWith(incompatible)
    const listed = /^(Total resources .* is more than available )(.*)$/
    const [left, right] = [listed.exec(recorded), listed.exec(live)]
    if (left !== null && right !== null) {
      // A list of resources in an order that means nothing.
      const sorted = (text = ''): string => text.split('; ').sort().join()
      return left[1] === right[1] && sorted(left[2]) === sorted(right[2])
    }
    const unknown: string[] = []
    const pattern = this.#text(recorded)
      .split(new RegExp(`(${idPattern})`))
      .map((part, index) => {
        if (index % 2 === 0) return escaped(part)
        const known = this.#ids.get(part)
        if (known !== undefined) return escaped(known)
        unknown.push(part)
        return `(${idPattern})`
      })
      .join('')
    const found = new RegExp(`^${pattern}$`, 's').exec(live)
    if (found === null) return false
    for (const [index, id] of unknown.entries()) this.#ids.set(id, found[index + 1] ?? '')
    return true
  }
}

function byText(list: readonly unknown[]): unknown[] {
  return [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

function first(checks: readonly (() => Difference | undefined)[]): Difference | undefined {
  for (const check of checks) {
    const difference = check()
    if (difference !== undefined) return difference
  }
  return undefined
}

/** Whether a page has the recorded fields with values of the recorded types; more fields are fine. */
export function shapeDifference(recorded: unknown, live: unknown, path = ''): Difference | undefined {
  const different = { path, recorded, live }
  if (Array.isArray(recorded)) {
    if (!Array.isArray(live)) return different
    const [ours, theirs] = [byText(recorded), byText(live)]
    return ours.length === 0 || theirs.length === 0
      ? undefined
      : shapeDifference(ours[0], theirs[0], `${path}[0]`)
  }
  if (typeof recorded === 'object' && recorded !== null) {
    if (typeof live !== 'object' || live === null) return different
    return first(
      Object.entries(recorded).map(
        ([name, value]) =>
          () =>
            shapeDifference(value, Reflect.get(live, name), `${path}.${name}`),
      ),
    )
  }
  return typeof recorded === typeof live ? undefined : different
}

/** Mesos prints `agent_info.checkpoint` on operators' pages, a field that its v1 protocol does not have. */
export function withoutDeprecated(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(withoutDeprecated)
  if (typeof body !== 'object' || body === null) return body
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => {
      if (name !== 'agent_info') return [name, withoutDeprecated(value)]
      const { checkpoint: _checkpoint, ...info } = value as Record<string, unknown>
      return [name, info]
    }),
  )
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)
}
