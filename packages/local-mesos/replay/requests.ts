// A recorded request as it has to be sent now: with the ids, folders and addresses of the live cluster.
import { codec, type SchedulerCall } from 'mesos-http-client'
import { fieldOf } from './live-stream.ts'
import type { Mapping } from './mapping.ts'
import type { TraceExchange } from './trace.ts'

/** Paths of files inside a query are encoded. */
export function livePath(path: string, mapping: Mapping): string {
  return mapping.translate(
    path.replaceAll(/%2F[^&]*/g, encoded =>
      encodeURIComponent(mapping.translate(decodeURIComponent(encoded))),
    ),
  )
}

/** Undefined for a request without one. */
export function liveBody(
  request: TraceExchange['request'],
  mapping: Mapping,
): string | Uint8Array | undefined {
  if (request.body_decoded !== undefined) {
    const type = request.path.includes('executor') ? 'executor.Call' : 'scheduler.Call'
    const json = Buffer.from(JSON.stringify(liveCall(request.body_decoded, mapping)))
    return codec('protobuf').encode(type, codec('json').decode(type, json))
  }
  if (request.body_base64 !== undefined) return Buffer.from(request.body_base64, 'base64')
  if (request.body === undefined || request.method === 'GET') return undefined
  if (typeof request.body === 'string') return mapping.translate(request.body)
  return JSON.stringify(liveCall(request.body, mapping))
}

/** Uuids of agents' own updates are known only live. */
function liveCall(body: unknown, mapping: Mapping): unknown {
  const call: unknown = mapping.translate(body)
  const acknowledge = fieldOf(call, 'acknowledge')
  const uuid = fieldOf(acknowledge, 'uuid')
  if (typeof acknowledge !== 'object' || acknowledge === null || typeof uuid !== 'string') return call
  return {
    ...(call as SchedulerCall),
    acknowledge: { ...acknowledge, uuid: mapping.liveUuid(uuid) },
  }
}
