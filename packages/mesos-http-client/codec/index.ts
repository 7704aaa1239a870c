// The two encodings of Mesos' messages behind one interface. In memory a message is a plain object just like Mesos' JSON
// view, with `Uint8Array` for bytes; a field that is absent is undefined.
import { MesosError } from '../errors.ts'
import { decodeJson, encodeJson } from './json.ts'
import type { MessageName, Messages } from './names.ts'
import { decodeProtobuf, encodeProtobuf } from './protobuf.ts'
import type { MessageTable } from './schema.ts'
import { messageTable } from './schema.ts'
import type { Plain } from './values.ts'
import { asPlain } from './values.ts'

/** What is on the wire; in memory messages are the same. */
export type CodecName = 'json' | 'protobuf'

/** Messages to bytes and back. */
export interface Codec {
  readonly name: CodecName
  /** Exactly as Mesos wants it: with a charset it would answer 415 (S1). */
  readonly contentType: string
  /**
   * @throws MesosError `unsendable` naming the field that is missing or wrong. Fields that the message doesn't have are
   *   left out.
   */
  encode<K extends MessageName>(type: K, message: Messages[K]): Uint8Array
  /**
   * Everything in the result is a copy of `bytes`. Unknown fields are not seen; from protobuf they are kept beside the
   * message and go out again when that very object is encoded, as far as it was not copied. A value that we don't know of an enum is
   * kept as text, its name from JSON, its number from protobuf (S11): give a switch over an enum a default.
   * @throws MesosError `unreadable` if it is no such message
   */
  decode<K extends MessageName>(type: K, bytes: Uint8Array): Messages[K]
}

const reasonOf = (error: unknown) =>
  error instanceof Error && error.name !== 'ContentError' ? error.message : String(error)

function build(
  name: CodecName,
  contentType: string,
  encode: (table: MessageTable, message: Plain) => Uint8Array,
  decode: (table: MessageTable, bytes: Uint8Array) => Plain,
): Codec {
  const table = (type: MessageName) => messageTable(`mesos.v1.${type}`)
  return {
    name,
    contentType,
    encode(type, message) {
      try {
        return encode(table(type), asPlain(message))
      } catch (cause) {
        throw new MesosError('unsendable', `${type}: ${reasonOf(cause)}`, { cause })
      }
    },
    decode<K extends MessageName>(type: K, bytes: Uint8Array): Messages[K] {
      try {
        const message: unknown = decode(table(type), bytes)
        return message as Messages[K]
      } catch (cause) {
        throw new MesosError('unreadable', `no ${type}: ${reasonOf(cause)}`, { cause })
      }
    },
  }
}

const codecs: Readonly<Record<CodecName, Codec>> = {
  json: build('json', 'application/json', encodeJson, decodeJson),
  protobuf: build('protobuf', 'application/x-protobuf', encodeProtobuf, decodeProtobuf),
}

/** The one of that name. */
export function codec(name: CodecName): Codec {
  return codecs[name]
}

/** By the Content-Type of a request or an answer; undefined if Mesos doesn't speak it. */
export function codecOf(contentType: string | undefined): Codec | undefined {
  return Object.values(codecs).find(each => each.contentType === contentType)
}
