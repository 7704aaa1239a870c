// POST /api/v1 of the master: the operator's calls that are imitated, the others refused as unknown features.
import type { ServerResponse } from 'node:http'
import type { MasterCall, MasterResponse } from 'mesos-http-client'
import type { Clock } from '../core/clock.ts'
import type { Master } from '../master/master.ts'
import { maintenanceStatus } from '../master/maintenance.ts'
import { metricsPage } from './master-pages.ts'
import { act } from './operator-actions.ts'
import {
  agentsMessage,
  executorsMessage,
  frameworksMessage,
  rolesMessage,
  stateMessage,
  tasksMessage,
} from './operator-messages.ts'
import { subscribeOperator } from './operator-stream.ts'
import { acceptCodec, bodyCodec, isReply, readMessage } from './negotiate.ts'
import { versionPage } from './page-parts.ts'
import { text, wrongMethod, type HttpReply, type HttpRequest } from './server.ts'

const bodies: Partial<Record<NonNullable<MasterCall['type']>, keyof MasterCall>> = {
  GET_METRICS: 'get_metrics',
  MARK_AGENT_GONE: 'mark_agent_gone',
  DEACTIVATE_AGENT: 'deactivate_agent',
  DRAIN_AGENT: 'drain_agent',
  REACTIVATE_AGENT: 'reactivate_agent',
  UPDATE_MAINTENANCE_SCHEDULE: 'update_maintenance_schedule',
  START_MAINTENANCE: 'start_maintenance',
  STOP_MAINTENANCE: 'stop_maintenance',
  RESERVE_RESOURCES: 'reserve_resources',
  UNRESERVE_RESOURCES: 'unreserve_resources',
  TEARDOWN: 'teardown',
}

export interface OperatorOptions {
  readonly master: Master
  readonly clock: Clock
  readonly heartbeatMs: number
}

/** Undefined where the answer is a stream that has been begun. */
export function handleOperator(
  request: HttpRequest,
  response: ServerResponse,
  o: OperatorOptions,
  principal: string | undefined,
): HttpReply | undefined {
  const { master, clock } = o
  if (request.method !== 'POST') return wrongMethod(request.method, ['POST'])
  const encoding = bodyCodec(request)
  if (isReply(encoding)) return encoding
  const read = readMessage('master.Call', request.body, encoding)
  if (isReply(read)) return read
  const accepted = acceptCodec(request)
  if (isReply(accepted)) return accepted
  const call = read.message
  const field = call.type && bodies[call.type]
  if (field !== undefined && call[field] === undefined) {
    return text(400, `Failed to validate master::Call: Expecting '${field}' to be present`)
  }
  if (call.type === 'SUBSCRIBE') {
    subscribeOperator(response, accepted, o)
    return undefined
  }
  const answer = respond(call, master, clock, principal)
  if ('status' in answer) return answer
  return {
    status: 200,
    contentType: accepted.contentType,
    body: accepted.encode('master.Response', answer),
  }
}

function respond(
  call: MasterCall,
  master: Master,
  clock: Clock,
  principal: string | undefined,
): MasterResponse | HttpReply {
  switch (call.type) {
    case 'GET_HEALTH':
      return { type: 'GET_HEALTH', get_health: { healthy: true } }
    case 'GET_VERSION':
      return { type: 'GET_VERSION', get_version: { version_info: versionPage } }
    case 'GET_METRICS': {
      const metrics = Object.entries(metricsPage(master, clock)).map(([name, value]) => ({ name, value }))
      return { type: 'GET_METRICS', get_metrics: { metrics } }
    }
    case 'GET_MASTER': {
      const startedAt = master.state.startedAtMs / 1000
      const own = { master_info: master.state.info, start_time: startedAt, elected_time: startedAt }
      return { type: 'GET_MASTER', get_master: own }
    }
    case 'GET_MAINTENANCE_STATUS':
      return { type: call.type, get_maintenance_status: { status: maintenanceStatus(master.context) } }
    case 'GET_MAINTENANCE_SCHEDULE': {
      const { schedule } = master.context.registry.maintenance
      return { type: call.type, get_maintenance_schedule: { schedule } }
    }
    case 'GET_AGENTS':
      return { type: 'GET_AGENTS', get_agents: agentsMessage(master) }
    case 'GET_FRAMEWORKS':
      return { type: 'GET_FRAMEWORKS', get_frameworks: frameworksMessage(master) }
    case 'GET_ROLES':
      return { type: 'GET_ROLES', get_roles: rolesMessage(master) }
    case 'GET_EXECUTORS':
      return { type: 'GET_EXECUTORS', get_executors: executorsMessage(master) }
    case 'GET_TASKS':
      return { type: 'GET_TASKS', get_tasks: tasksMessage(master) }
    case 'GET_STATE':
      return {
        type: 'GET_STATE',
        get_state: stateMessage(master),
      }
    default: {
      const done = act(call, master, principal)
      if (done !== undefined) return done
    }
  }
  return isKnown(call.type)
    ? text(501, `${call.type} is not imitated by this master`)
    : text(400, "Failed to validate master::Call: Expecting 'type' to be present")
}

/** Calls that a real master has and this one does not. */
function isKnown(type: MasterCall['type']): boolean {
  return (
    type !== undefined &&
    (/^(GET|SET|LIST|READ|UPDATE|RESERVE|UNRESERVE|CREATE|DESTROY|GROW|SHRINK|START|STOP|REMOVE)_/.test(
      type,
    ) ||
      /^(DRAIN_AGENT|DEACTIVATE_AGENT|REACTIVATE_AGENT|RESERVE_RESOURCES|UNRESERVE_RESOURCES)$/.test(type))
  )
}
