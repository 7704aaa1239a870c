// Sets of Mesos resources: addition, subtraction, containment, allocation to a role, Mesos' own text form.
// Immutable and pure. Lumps that differ in anything but their value (reservation, role, disk …) never mix.
import type { Resource } from 'mesos-http-client'
import {
  formatted,
  isAllocatableTo,
  refined,
  reservationRole,
  reservationsText,
  type ResourceFormat,
} from './reservations.ts'
import {
  addValues,
  coalesce,
  containsValue,
  isEmptyValue,
  subtractValues,
  type Range,
  type Value,
} from './values.ts'

interface Lump {
  /** The resource without its value. */
  readonly shape: Resource
  readonly value: Value
}

function valueOf(resource: Resource): Value {
  switch (resource.type) {
    case 'RANGES':
      return {
        type: 'RANGES',
        ranges: coalesce(
          (resource.ranges?.range ?? []).map(range => ({
            begin: Number(range.begin),
            end: Number(range.end),
          })),
        ),
      }
    case 'SET':
      return { type: 'SET', items: resource.set?.item ?? [] }
    default:
      return { type: 'SCALAR', millis: Math.round((resource.scalar?.value ?? 0) * 1000) }
  }
}

function withValue(shape: Resource, value: Value): Resource {
  const { name, type, ...rest } = shape
  switch (value.type) {
    case 'SCALAR':
      return { name, type, scalar: { value: value.millis / 1000 }, ...rest }
    case 'RANGES':
      return {
        name,
        type,
        ranges: { range: value.ranges.map(({ begin, end }) => ({ begin, end })) },
        ...rest,
      }
    case 'SET':
      return { name, type, set: { item: [...value.items] }, ...rest }
  }
}

function shapeOf(resource: Resource): Resource {
  const { scalar: _scalar, ranges: _ranges, set: _set, ...shape } = refined(resource)
  return shape
}

function keyOf(shape: Resource): string {
  const { name, type, allocation_info: allocation, ...rest } = shape
  return JSON.stringify([name, type, allocation?.role ?? null, rest])
}

export class Resources {
  static readonly none = new Resources(new Map())

  readonly #lumps: ReadonlyMap<string, Lump>

  private constructor(lumps: ReadonlyMap<string, Lump>) {
    this.#lumps = lumps
  }

  /** Reads messages; equal lumps are joined, empty ones dropped. */
  static of(messages: readonly Resource[] | undefined): Resources {
    if (messages === undefined || messages.length === 0) return Resources.none
    const lumps = new Map<string, Lump>()
    for (const message of messages) {
      const shape = shapeOf(message)
      const key = keyOf(shape)
      const known = lumps.get(key)
      const value = known === undefined ? valueOf(message) : addValues(known.value, valueOf(message))
      if (!isEmptyValue(value)) lumps.set(key, { shape, value })
    }
    return new Resources(lumps)
  }

  /** Scalars and port ranges as an agent declares them, `cpus` in cores; `role`: statically reserved for it. */
  static ofAgent(
    o: {
      readonly cpus: number
      readonly memMb: number
      readonly diskMb: number
      readonly ports: readonly (readonly [number, number])[]
    },
    role = '*',
  ): Resources {
    return Resources.of([
      { name: 'cpus', type: 'SCALAR', scalar: { value: o.cpus }, role },
      { name: 'mem', type: 'SCALAR', scalar: { value: o.memMb }, role },
      { name: 'disk', type: 'SCALAR', scalar: { value: o.diskMb }, role },
      {
        name: 'ports',
        type: 'RANGES',
        ranges: { range: o.ports.map(([begin, end]) => ({ begin, end })) },
        role,
      },
    ])
  }

  get isEmpty(): boolean {
    return this.#lumps.size === 0
  }

  plus(other: Resources): Resources {
    return this.#combine(other, addValues)
  }

  /** What is left; a lump that would fall to nothing or below vanishes. */
  minus(other: Resources): Resources {
    return this.#combine(other, subtractValues)
  }

  contains(other: Resources): boolean {
    for (const [key, lump] of other.#lumps) {
      const own = this.#lumps.get(key)
      if (own === undefined || !containsValue(own.value, lump.value)) return false
    }
    return true
  }

  equals(other: Resources): boolean {
    return this.contains(other) && other.contains(this)
  }

  /** The same resources allocated to `role`, whatever they were before. */
  allocatedTo(role: string): Resources {
    return this.#reshape(({ allocation_info: _allocation, ...shape }) => ({
      ...shape,
      allocation_info: { role },
    }))
  }

  unallocated(): Resources {
    return this.#reshape(({ allocation_info: _allocation, ...shape }) => shape)
  }

  /** What a framework in this role may be offered: unreserved, or reserved for the role or one above it. */
  allocatableTo(role: string): Resources {
    return this.#filter(shape => isAllocatableTo(shape, role))
  }

  /** Without those whose reservation was refined, which older frameworks cannot be shown. */
  withoutRefinements(): Resources {
    return this.#filter(shape => (shape.reservations ?? []).length < 2)
  }

  unreserved(): Resources {
    return this.#filter(shape => reservationRole(shape) === undefined)
  }

  /** What is reserved, by the role it is reserved for. */
  reserved(): Map<string, Resources> {
    const roles = new Set([...this.#lumps.values()].flatMap(({ shape }) => reservationRole(shape) ?? []))
    return new Map([...roles].map(role => [role, this.#filter(shape => reservationRole(shape) === role)]))
  }

  /** As they were before their last reservation. */
  popReservation(): Resources {
    return this.#reshape(({ reservations = [], ...shape }) => {
      const before = reservations.slice(0, -1)
      return before.length === 0 ? shape : { ...shape, reservations: before }
    })
  }

  /** Roles that any of these resources is allocated to. */
  allocationRoles(): Set<string> {
    return new Set([...this.#lumps.values()].flatMap(({ shape }) => shape.allocation_info?.role ?? []))
  }

  /** Sum of the scalars of that name, in thousandths. */
  millis(name: string): number {
    let sum = 0
    for (const { shape, value } of this.#lumps.values()) {
      if (shape.name === name && value.type === 'SCALAR') sum += value.millis
    }
    return sum
  }

  /** All ranges of that name, joined. */
  ranges(name: string): Range[] {
    const all: Range[] = []
    for (const { shape, value } of this.#lumps.values()) {
      if (shape.name === name && value.type === 'RANGES') all.push(...value.ranges)
    }
    return coalesce(all)
  }

  messages(format: ResourceFormat = 'refined'): Resource[] {
    return [...this.#lumps.values()].map(({ shape, value }) => formatted(withValue(shape, value), format))
  }

  /** As Mesos prints them: `cpus(allocated: web):0.1; ports(allocated: web):[31000-31099]`. */
  toString(): string {
    return [...this.#lumps.values()].map(({ shape, value }) => `${label(shape)}:${text(value)}`).join('; ')
  }

  #combine(other: Resources, combine: (left: Value, right: Value) => Value): Resources {
    if (other.isEmpty) return this
    const lumps = new Map(this.#lumps)
    for (const [key, lump] of other.#lumps) {
      const own = lumps.get(key)
      if (own === undefined) {
        if (combine === addValues) lumps.set(key, lump)
        continue
      }
      const value = combine(own.value, lump.value)
      if (isEmptyValue(value)) lumps.delete(key)
      else lumps.set(key, { shape: own.shape, value })
    }
    return new Resources(lumps)
  }

  #filter(holds: (shape: Resource) => boolean): Resources {
    return new Resources(new Map([...this.#lumps].filter(([, { shape }]) => holds(shape))))
  }

  #reshape(change: (shape: Resource) => Resource): Resources {
    const lumps = new Map<string, Lump>()
    for (const lump of this.#lumps.values()) {
      const shape = change(lump.shape)
      const key = keyOf(shape)
      const known = lumps.get(key)
      lumps.set(key, {
        shape,
        value: known === undefined ? lump.value : addValues(known.value, lump.value),
      })
    }
    return new Resources(lumps)
  }
}

function label(shape: Resource): string {
  const role = shape.allocation_info?.role
  return `${shape.name}${role === undefined ? '' : `(allocated: ${role})`}${reservationsText(shape)}`
}

function text(value: Value): string {
  switch (value.type) {
    case 'SCALAR':
      return String(value.millis / 1000)
    case 'RANGES':
      return `[${value.ranges.map(range => `${range.begin}-${range.end}`).join(', ')}]`
    case 'SET':
      return `{${value.items.join(', ')}}`
  }
}
