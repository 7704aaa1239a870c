// Messages as Mesos' JSON: names of the .proto, enums by name, bytes as base64, 64-bit integers as plain numbers, which
// JSON.parse alone would round.
import type { Field, Kind, MessageTable } from './schema.ts'
import type { Plain } from './values.ts'
import { ContentError, asList, asPlain, checkScalar, enumNumber, located, requireAll } from './values.ts'

/** Each element through `convert`, which may be a reader or a writer. */
function eachOf(field: Field, value: unknown, convert: (kind: Kind, value: unknown) => unknown): unknown {
  if (field.cardinality === 'repeated') {
    return asList(value).map((element, index) => {
      try {
        return convert(field.kind, element)
      } catch (error) {
        throw located(error, `[${index}]`)
      }
    })
  }
  if (field.cardinality === 'map') {
    const entries = Object.entries(asPlain(value)).map(([key, element]) => {
      try {
        return [key, convert(field.kind, element)] as const
      } catch (error) {
        throw located(error, key)
      }
    })
    // makes own properties of all keys, __proto__ too
    return Object.fromEntries(entries)
  }
  return convert(field.kind, value)
}

// ---- reading ----

const LONG_NUMBER = /\d{16}/

/** `JSON.parse`, with integers beyond 2^53 as bigints. The careful way costs three times the plain one. */
function parse(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text)
  const careful = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context?.source ?? 0)
      : value
  return JSON.parse(text, careful)
}

function readValue(kind: Kind, value: unknown): unknown {
  if (kind.name === 'message') return readMessage(kind.table(), asPlain(value))
  if (kind.name === 'enum') {
    if (typeof value === 'string') return value
    throw new ContentError(`is no ${kind.table.name}`)
  }
  if (kind.scalar === 'bytes' && typeof value === 'string')
    return Uint8Array.from(Buffer.from(value, 'base64'))
  const isWide = kind.scalar.endsWith('64')
  if (isWide && typeof value === 'string' && /^-?\d+$/.test(value))
    return checkScalar(kind.scalar, BigInt(value))
  return checkScalar(kind.scalar, value)
}

function readMessage(table: MessageTable, json: Plain): Plain {
  const message: Plain = {}
  for (const [name, value] of Object.entries(json)) {
    const field = table.byName.get(name)
    // a newer Mesos may say more than we know; null is absent
    if (field === undefined || value === null) continue
    // as on the other wire, an empty list is none
    if (Array.isArray(value) && value.length === 0 && field.cardinality === 'repeated') continue
    try {
      message[name] = eachOf(field, value, readValue)
    } catch (error) {
      throw located(error, name)
    }
  }
  requireAll(table, message)
  return message
}

/** @throws ContentError, or SyntaxError from JSON.parse */
export function decodeJson(table: MessageTable, bytes: Uint8Array): Plain {
  return readMessage(table, asPlain(parse(new TextDecoder().decode(bytes))))
}

// ---- writing ----

const rawJson: unknown = Reflect.get(JSON, 'rawJSON')

/** A bigint as a JSON number; TypeScript's library doesn't know JSON.rawJSON yet. */
function jsonNumber(value: bigint): unknown {
  if (typeof rawJson !== 'function') throw new ContentError('needs JSON.rawJSON, that is Node 22 or later')
  return Reflect.apply(rawJson, JSON, [String(value)])
}

function writeValue(kind: Kind, value: unknown): unknown {
  if (kind.name === 'message') return writeMessage(kind.table(), asPlain(value))
  if (kind.name === 'enum') {
    const number = enumNumber(kind.table, value)
    return kind.table.names.get(number) ?? value
  }
  const checked = checkScalar(kind.scalar, value)
  if (checked instanceof Uint8Array) return Buffer.from(checked).toString('base64')
  return typeof checked === 'bigint' ? jsonNumber(checked) : checked
}

function writeMessage(table: MessageTable, message: Plain): Plain {
  requireAll(table, message)
  const json: Plain = {}
  for (const field of table.fields) {
    const value = message[field.name]
    if (value === undefined) continue
    try {
      json[field.name] = eachOf(field, value, writeValue)
    } catch (error) {
      throw located(error, field.name)
    }
  }
  return json
}

/** @throws ContentError where a required field is missing or a value is not of its type */
export function encodeJson(table: MessageTable, message: Plain): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(writeMessage(table, message)))
}
