// Bytes of what framework and executor say to each other inside Mesos messages (proto/juice/v1/executor.proto).
// Both sides import it; it touches nothing but protobufjs.
import protobuf from 'protobufjs'
import {
  descriptor,
  type ExecutorSettings,
  type TaskOutcome,
  type TaskPayload,
} from './generated/executor.ts'

export type * from './generated/executor.ts'

const root = protobuf.Root.fromJSON(descriptor)

interface MessageCodec<T> {
  encode(message: T): Uint8Array
  /** Throws where the bytes are no such message. Absent fields are undefined; enums are strings. */
  decode(bytes: Uint8Array): T
}

function messageCodec<T extends object>(name: string): MessageCodec<T> {
  const type = root.lookupType(`juice.v1.${name}`)
  return {
    encode: message => type.encode(type.fromObject(message)).finish(),
    decode: bytes => type.toObject(type.decode(bytes), { longs: Number, enums: String }) as T,
  }
}

export const executorSettings = messageCodec<ExecutorSettings>('ExecutorSettings')
export const taskPayload = messageCodec<TaskPayload>('TaskPayload')
export const taskOutcome = messageCodec<TaskOutcome>('TaskOutcome')
