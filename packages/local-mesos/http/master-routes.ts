// Which path of the master's port is answered by what.
import type { ServerResponse } from 'node:http'
import { handleScheduler, type SchedulerEndpointOptions } from './scheduler-endpoint.ts'
import { text, type HttpReply, type HttpRequest } from './server.ts'

export function handleMaster(
  request: HttpRequest,
  response: ServerResponse,
  o: SchedulerEndpointOptions,
): HttpReply | undefined | Promise<HttpReply | undefined> {
  const path = request.path.replace(/^\/master(?=\/)/, '')
  if (path === '/api/v1/scheduler') return handleScheduler(request, response, o)
  if (path === '/health') return { status: 200 }
  return text(404, '')
}
