// Messages as protobuf, straight from and into plain objects. protobufjs reads and writes the wire's primitives; its own
// messages are not used, since they turn unknown enum values into 0, lose 64-bit integers or give them as objects, hand
// out views of the input and fail with TypeErrors on missing fields.
import protobuf from 'protobufjs/minimal.js'
import type { Field, Kind, MessageTable, Scalar } from './schema.ts'
import type { Plain } from './values.ts'
import {
  ContentError,
  asList,
  asPlain,
  checkScalar,
  enumNumber,
  exact,
  located,
  requireAll,
} from './values.ts'

const { Reader, Writer } = protobuf
type Reader = protobuf.Reader
type Writer = protobuf.Writer

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

const wireTypes: Readonly<Record<Scalar, number>> = {
  double: FIXED64,
  float: FIXED32,
  int32: VARINT,
  uint32: VARINT,
  sint32: VARINT,
  fixed32: FIXED32,
  sfixed32: FIXED32,
  int64: VARINT,
  uint64: VARINT,
  sint64: VARINT,
  fixed64: FIXED64,
  sfixed64: FIXED64,
  bool: VARINT,
  string: BYTES,
  bytes: BYTES,
}

function wireTypeOf(kind: Kind): number {
  if (kind.name === 'scalar') return wireTypes[kind.scalar]
  return kind.name === 'enum' ? VARINT : BYTES
}

/**
 * Fields that we don't know, as they came. A newer Mesos may put some into what it offers, and what was offered is given
 * back as it came (S29); beside the messages, so that these stay plain. A copy of a message has none.
 */
const unknownFields = new WeakMap<Plain, Uint8Array[]>()

// ---- reading ----

interface Halves {
  readonly low: number
  readonly high: number
}

function wide(value: number | Halves, unsigned: boolean): number | bigint {
  if (typeof value === 'number') return value
  const high = BigInt(unsigned ? value.high >>> 0 : value.high | 0)
  return exact((high << 32n) | BigInt(value.low >>> 0))
}

function readScalar(reader: Reader, scalar: Scalar): unknown {
  switch (scalar) {
    case 'bytes':
      // a copy: the input is a chunk of a stream, far larger than what is kept of it
      return Uint8Array.from(reader.bytes())
    case 'int64':
    case 'sint64':
    case 'sfixed64':
      return wide(reader[scalar](), false)
    case 'uint64':
    case 'fixed64':
      return wide(reader[scalar](), true)
    default:
      return reader[scalar]()
  }
}

function readValue(reader: Reader, kind: Kind, before: unknown): unknown {
  if (kind.name === 'scalar') return readScalar(reader, kind.scalar)
  if (kind.name === 'enum') {
    const number = reader.int32()
    return kind.table.names.get(number) ?? String(number)
  }
  const length = reader.uint32()
  if (reader.pos + length > reader.len) throw new ContentError('is cut off')
  // a second occurrence of a single message is merged into the first
  return readMessage(reader, reader.pos + length, kind.table(), before === undefined ? {} : asPlain(before))
}

function readMapEntry(reader: Reader, kind: Kind): [string, unknown] {
  const end = reader.uint32() + reader.pos
  let key = ''
  let value: unknown
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag >>> 3 === 1 && (tag & 7) === BYTES) key = reader.string()
    else if (tag >>> 3 === 2 && (tag & 7) === wireTypeOf(kind)) value = readValue(reader, kind, value)
    else reader.skipType(tag & 7, 0, tag >>> 3)
  }
  if (value === undefined && kind.name === 'message') value = {}
  return [key, value]
}

function readRepeated(reader: Reader, kind: Kind, wireType: number, list: unknown[]): void {
  if (wireType === wireTypeOf(kind)) {
    list.push(readValue(reader, kind, undefined))
    return
  }
  // packed, which a sender may choose
  const end = reader.uint32() + reader.pos
  while (reader.pos < end) list.push(readValue(reader, kind, undefined))
}

function readField(reader: Reader, field: Field, wireType: number, message: Plain): void {
  const { name, kind } = field
  const before = message[name]
  if (field.cardinality === 'map') {
    const [key, value] = readMapEntry(reader, kind)
    const map = before === undefined ? {} : asPlain(before)
    // not by assignment: the key may be __proto__
    Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true })
    message[name] = map
  } else if (field.cardinality === 'repeated') {
    const list: unknown[] = Array.isArray(before) ? before : []
    message[name] = list
    readRepeated(reader, kind, wireType, list)
  } else {
    message[name] = readValue(reader, kind, before)
  }
}

function fits(field: Field, wireType: number): boolean {
  const expected = wireTypeOf(field.kind)
  return (
    wireType === expected || (field.cardinality === 'repeated' && wireType === BYTES && expected !== BYTES)
  )
}

function readMessage(reader: Reader, end: number, table: MessageTable, message: Plain): Plain {
  let step = ''
  try {
    while (reader.pos < end) {
      const start = reader.pos
      const tag = reader.uint32()
      const wireType = tag & 7
      const field = table.byNumber.get(tag >>> 3)
      if (field !== undefined && fits(field, wireType)) {
        step = field.name
        readField(reader, field, wireType, message)
        step = ''
      } else {
        reader.skipType(wireType, 0, tag >>> 3)
        const unknown = unknownFields.get(message) ?? []
        unknown.push(Uint8Array.from(reader.buf.subarray(start, reader.pos)))
        unknownFields.set(message, unknown)
      }
    }
  } catch (error) {
    throw located(error, step)
  }
  if (reader.pos !== end) throw new ContentError('is cut off')
  requireAll(table, message)
  return message
}

/**
 * The message in `bytes`, all of it copied.
 * @throws ContentError, RangeError or Error from the reader if it is none
 */
export function decodeProtobuf(table: MessageTable, bytes: Uint8Array): Plain {
  return readMessage(Reader.create(bytes), bytes.length, table, {})
}

// ---- writing ----

function writeScalar(writer: Writer, scalar: Scalar, given: unknown): void {
  const value = checkScalar(scalar, given)
  if (value instanceof Uint8Array) writer.bytes(value)
  else if (typeof value === 'string') writer.string(value)
  else if (typeof value === 'boolean') writer.bool(value)
  else if (typeof value === 'bigint') writeWide(writer, scalar, value)
  else writeNumber(writer, scalar, value)
}

function writeNumber(writer: Writer, scalar: Scalar, value: number): void {
  if (scalar === 'string' || scalar === 'bytes' || scalar === 'bool')
    throw new ContentError(`is no ${scalar}`)
  writer[scalar](value)
}

function writeWide(writer: Writer, scalar: Scalar, value: bigint): void {
  switch (scalar) {
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      // 64 bits as text: protobufjs takes no bigint
      writer[scalar](String(BigInt.asIntN(64, value)))
      break
    default:
      throw new ContentError(`is no ${scalar}`)
  }
}

/** One value after its tag. */
function writeValue(writer: Writer, number: number, kind: Kind, value: unknown): void {
  writer.uint32((number << 3) | wireTypeOf(kind))
  if (kind.name === 'scalar') writeScalar(writer, kind.scalar, value)
  else if (kind.name === 'enum') writer.int32(enumNumber(kind.table, value))
  else {
    writer.fork()
    writeMessage(writer, kind.table(), asPlain(value))
    writer.ldelim()
  }
}

function writeMap(writer: Writer, number: number, kind: Kind, map: Plain): void {
  for (const [key, value] of Object.entries(map)) {
    writer.uint32((number << 3) | BYTES).fork()
    writer.uint32((1 << 3) | BYTES).string(key)
    try {
      writeValue(writer, 2, kind, value)
    } catch (error) {
      throw located(error, key)
    }
    writer.ldelim()
  }
}

function writeList(writer: Writer, number: number, kind: Kind, list: readonly unknown[]): void {
  let index = 0
  try {
    for (const value of list) {
      writeValue(writer, number, kind, value)
      index += 1
    }
  } catch (error) {
    throw located(error, `[${index}]`)
  }
}

function writeField(writer: Writer, field: Field, value: unknown): void {
  const { number, kind } = field
  if (field.cardinality === 'repeated') writeList(writer, number, kind, asList(value))
  else if (field.cardinality === 'map') writeMap(writer, number, kind, asPlain(value))
  else writeValue(writer, number, kind, value)
}

function writeMessage(writer: Writer, table: MessageTable, message: Plain): void {
  requireAll(table, message)
  for (const field of table.fields) {
    const value = message[field.name]
    if (value === undefined) continue
    try {
      writeField(writer, field, value)
    } catch (error) {
      throw located(error, field.name)
    }
  }
  for (const unknown of unknownFields.get(message) ?? []) writer.raw(unknown)
}

/** @throws ContentError where a required field is missing or a value is not of its type */
export function encodeProtobuf(table: MessageTable, message: Plain): Uint8Array {
  const writer = Writer.create()
  writeMessage(writer, table, message)
  return writer.finish()
}
