// POST /api/v1/scheduler: checks a call exactly as the master does, then hands it to the master (S1 to S9).
import type { ServerResponse } from 'node:http'
import type { SchedulerCall } from 'mesos-http-client'
import type { Clock } from '../core/clock.ts'
import type { Master } from '../master/master.ts'
import { isValidUuid } from '../model/uuid.ts'
import { authenticate, type Credentials } from './authentication.ts'
import { EventStream } from './event-stream.ts'
import { schedulerEventWithDefaults } from './json-defaults.ts'
import { acceptCodec, bodyCodec, isReply, readMessage } from './negotiate.ts'
import { text, wrongMethod, type HttpReply, type HttpRequest } from './server.ts'

export interface SchedulerEndpointOptions {
  readonly master: Master
  readonly clock: Clock
  readonly heartbeatMs: number
  readonly newUuid: () => string
  /** Who may call; absent where nobody is asked. */
  readonly credentials: Credentials | undefined
}

/** Which field a call of a type must carry; the types that need none are absent. */
const bodies: Readonly<Record<string, keyof SchedulerCall>> = {
  SUBSCRIBE: 'subscribe',
  ACCEPT: 'accept',
  DECLINE: 'decline',
  ACCEPT_INVERSE_OFFERS: 'accept_inverse_offers',
  DECLINE_INVERSE_OFFERS: 'decline_inverse_offers',
  KILL: 'kill',
  SHUTDOWN: 'shutdown',
  ACKNOWLEDGE: 'acknowledge',
  ACKNOWLEDGE_OPERATION_STATUS: 'acknowledge_operation_status',
  RECONCILE: 'reconcile',
  RECONCILE_OPERATIONS: 'reconcile_operations',
  MESSAGE: 'message',
  REQUEST: 'request',
  UPDATE_FRAMEWORK: 'update_framework',
}
const bodiless: ReadonlySet<string> = new Set(['TEARDOWN', 'REVIVE', 'SUPPRESS', 'UNKNOWN'])

/** S18: whoever is authenticated must be whom the framework names. */
function principalError(authenticated: string | undefined, named: string | undefined): string | undefined {
  if (authenticated === undefined || named === undefined || named === authenticated) return undefined
  return `Authenticated principal '${authenticated}' does not match principal '${named}' set in \`FrameworkInfo\``
}

/** Why a call is refused before anybody looks at the framework. */
function callError(call: SchedulerCall, principal: string | undefined): string | undefined {
  const type = call.type
  const known = type !== undefined && (type in bodies || bodiless.has(type))
  if (!known) return "Expecting 'type' to be present"
  const field = bodies[type]
  if (type === 'SUBSCRIBE') {
    if (call.subscribe === undefined) return "Expecting 'subscribe' to be present"
    const info = call.subscribe.framework_info
    if ((info.id?.value ?? '') !== (call.framework_id?.value ?? '')) {
      return "'framework_id' differs from 'subscribe.framework_info.id'"
    }
    return principalError(principal, info.principal)
  }
  if (call.framework_id === undefined) return "Expecting 'framework_id' to be present"
  if (field !== undefined && call[field] === undefined) return `Expecting '${field}' to be present`
  if (call.acknowledge !== undefined && type === 'ACKNOWLEDGE' && !isValidUuid(call.acknowledge.uuid)) {
    return 'Not a valid UUID'
  }
  return undefined
}

export function handleScheduler(
  request: HttpRequest,
  response: ServerResponse,
  o: SchedulerEndpointOptions,
): HttpReply | undefined {
  const authenticated = authenticate(request, o.credentials, 'mesos-master-scheduler')
  if (isReply(authenticated)) return authenticated
  if (request.method !== 'POST') return wrongMethod(request.method, ['POST'])
  const encoding = bodyCodec(request)
  if (isReply(encoding)) return encoding
  const read = readMessage('scheduler.Call', request.body, encoding)
  if (isReply(read)) return read
  const call = read.message
  const wrong = callError(call, authenticated.principal)
  if (wrong !== undefined) return text(400, `Failed to validate scheduler::Call: ${wrong}`)
  if (call.type === 'SUBSCRIBE') return subscribe(request, response, call, o)
  return otherCall(request, call, authenticated.principal, o)
}

function subscribe(
  request: HttpRequest,
  response: ServerResponse,
  call: SchedulerCall,
  o: SchedulerEndpointOptions,
): HttpReply | undefined {
  const accepted = acceptCodec(request)
  if (isReply(accepted)) return accepted
  if (request.headers['mesos-stream-id'] !== undefined) {
    return text(400, "Subscribe calls should not include the 'Mesos-Stream-Id' header")
  }
  if (call.subscribe === undefined) return undefined
  let frameworkId: string | undefined
  const stream = new EventStream({
    response,
    codec: accepted,
    type: 'scheduler.Event',
    ...(accepted.name === 'json' && { adapt: schedulerEventWithDefaults }),
    id: o.newUuid(),
    onEnd: () => frameworkId !== undefined && o.master.streamEnded(frameworkId, stream.id),
  })
  frameworkId = o.master.subscribe(call.subscribe, stream)
  stream.beat(o.clock, o.heartbeatMs, { type: 'HEARTBEAT' })
  return undefined
}

function otherCall(
  request: HttpRequest,
  call: SchedulerCall,
  principal: string | undefined,
  o: SchedulerEndpointOptions,
): HttpReply {
  const id = call.framework_id?.value ?? ''
  const framework = o.master.state.frameworks.get(id)
  if (framework === undefined) return text(400, 'Framework cannot be found')
  const mismatch = principalError(principal, framework.info.principal)
  if (mismatch !== undefined) return text(400, mismatch)
  if (framework.phase.name !== 'connected') return text(403, 'Framework is not subscribed')
  const streamId = request.headers['mesos-stream-id']
  if (streamId === undefined) {
    return text(400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header")
  }
  if (streamId !== framework.phase.stream.id) {
    return text(
      400,
      `The stream ID '${String(streamId)}' included in this request didn't match the stream ID` +
        ` currently associated with framework ID ${id}`,
    )
  }
  if (call.type === 'UPDATE_FRAMEWORK') {
    const refused = o.master.call(call)
    return refused === undefined ? { status: 200 } : text(400, refused)
  }
  // The answer is on its way before the call has any effect, as in Mesos.
  o.master.mailbox.post(() => o.master.call(call))
  return { status: 202 }
}
