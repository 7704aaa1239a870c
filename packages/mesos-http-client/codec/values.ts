// What both codecs do with single values: check what we send, and say clearly where something is wrong. Pure.
import type { EnumTable, MessageTable, Scalar } from './schema.ts'

/** A message in memory, as the codecs see it. */
export type Plain = Record<string, unknown>

/** Wrong contents, with the path from the outermost message; becomes a MesosError at the edge of the codec. */
export class ContentError extends Error {
  override readonly name = 'ContentError'
  readonly path: string[]
  readonly reason: string

  constructor(reason: string, path: string[] = []) {
    super(reason)
    this.reason = reason
    this.path = path
  }

  /** The same, seen from one level further out. */
  within(step: string): ContentError {
    return new ContentError(this.reason, [step, ...this.path])
  }

  /** `accept.operations[0].launch.task_infos[2].agent_id is missing` */
  override toString(): string {
    return `${this.path.join('.').replaceAll('.[', '[')} ${this.reason}`.trimStart()
  }
}

/** An error caught while `step` was read or written, seen from one level further out. */
export function located(error: unknown, step: string): unknown {
  return error instanceof ContentError && step !== '' ? error.within(step) : error
}

export function requireAll(table: MessageTable, message: Plain): void {
  for (const field of table.required) {
    if (message[field.name] === undefined) throw new ContentError('is missing', [field.name])
  }
}

const ranges: Partial<Record<Scalar, readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  sint32: [-(2n ** 31n), 2n ** 31n - 1n],
  sfixed32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  fixed32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  sint64: [-(2n ** 63n), 2n ** 63n - 1n],
  sfixed64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  fixed64: [0n, 2n ** 64n - 1n],
}

function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.slice(0, 50))
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value)
    default:
      return typeof value
  }
}

/** An integer as it is kept in memory: a number where that is exact, else a bigint. */
export function exact(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value
}

/**
 * Checks one scalar that is to be sent, or came as JSON, and gives it in the form that is kept in memory.
 * @throws ContentError if it is none of that type or out of its range
 */
export function checkScalar(scalar: Scalar, value: unknown): number | bigint | boolean | string | Uint8Array {
  switch (scalar) {
    case 'bool':
      if (typeof value === 'boolean') return value
      break
    case 'string':
      if (typeof value === 'string') return value
      break
    case 'bytes':
      if (value instanceof Uint8Array) return value
      break
    case 'double':
    case 'float':
      if (typeof value === 'number' && Number.isFinite(value)) return value
      if (typeof value === 'bigint') return Number(value)
      break
    default: {
      if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) break
      const range = ranges[scalar]
      if (typeof value !== 'bigint' && typeof value !== 'number') break
      const whole = BigInt(value)
      if (range !== undefined && whole >= range[0] && whole <= range[1]) return exact(whole)
    }
  }
  throw new ContentError(`is no ${scalar}: ${shown(value)}`)
}

/**
 * The number of an enum's value. One that we don't know is kept as text when it comes in (S11): its name from JSON, its
 * number from protobuf; the latter can be sent back.
 * @throws ContentError if it is neither
 */
export function enumNumber(table: EnumTable, value: unknown): number {
  if (typeof value === 'string') {
    const known = table.numbers.get(value)
    if (known !== undefined) return known
    if (/^-?\d{1,10}$/.test(value)) return Number(value)
  }
  throw new ContentError(`is no ${table.name}: ${shown(value)}`)
}

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

/** @throws ContentError */
export function asPlain(value: unknown): Plain {
  if (isPlain(value)) return value
  throw new ContentError(`is no message: ${shown(value)}`)
}

/** @throws ContentError */
export function asList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new ContentError(`is no list: ${shown(value)}`)
}
