// The old endpoints of maintenance: /maintenance/schedule, /maintenance/status, /machine/down, /machine/up.
import { codec, type MachineID, type MaintenanceSchedule } from 'mesos-http-client'
import type { MasterContext } from '../master/context.ts'
import {
  maintenanceStatus,
  startMaintenance,
  stopMaintenance,
  updateSchedule,
} from '../master/maintenance.ts'
import { json, text, wrongMethod, type HttpReply, type HttpRequest } from './server.ts'

const done = (refused: string | undefined): HttpReply =>
  refused === undefined ? { status: 200 } : text(400, refused)

/** The answer of one of these paths; undefined for any other. */
export function handleMaintenance(
  path: string,
  request: HttpRequest,
  context: MasterContext,
): HttpReply | undefined {
  switch (path) {
    case '/maintenance/status':
      return request.method === 'GET'
        ? json(maintenanceStatus(context))
        : wrongMethod(request.method, ['GET'])
    case '/maintenance/schedule': {
      if (request.method === 'GET') return json(context.registry.maintenance.schedule)
      if (request.method !== 'POST') return wrongMethod(request.method, ['GET', 'POST'])
      const schedule = read(request, 'UPDATE_MAINTENANCE_SCHEDULE')
      return typeof schedule === 'string' ? text(400, schedule) : done(updateSchedule(context, schedule))
    }
    case '/machine/down':
    case '/machine/up': {
      if (request.method !== 'POST') return wrongMethod(request.method, ['POST'])
      const machines = read(request, 'START_MAINTENANCE')
      if (typeof machines === 'string') return text(400, machines)
      return done((path === '/machine/down' ? startMaintenance : stopMaintenance)(context, machines))
    }
    default:
      return undefined
  }
}

/** The body as the operator's call of that type would have it inside, or what is wrong with it. */
function read(request: HttpRequest, type: 'UPDATE_MAINTENANCE_SCHEDULE'): MaintenanceSchedule | string
function read(request: HttpRequest, type: 'START_MAINTENANCE'): readonly MachineID[] | string
function read(
  request: HttpRequest,
  type: 'UPDATE_MAINTENANCE_SCHEDULE' | 'START_MAINTENANCE',
): MaintenanceSchedule | readonly MachineID[] | string {
  const [call, field] =
    type === 'START_MAINTENANCE'
      ? ['start_maintenance', 'machines']
      : ['update_maintenance_schedule', 'schedule']
  const body = request.body.toString()
  try {
    JSON.parse(body)
    const wrapped = `{"type":"${type}","${call}":{"${field}":${body}}}`
    const message = codec('json').decode('master.Call', Buffer.from(wrapped))
    return message.update_maintenance_schedule?.schedule ?? message.start_maintenance?.machines ?? []
  } catch (error) {
    return `Failed to parse the body: ${error instanceof Error ? error.message : String(error)}`
  }
}
