// Which path of an agent's port is answered by what.
import type { ServerResponse } from 'node:http'
import { handleExecutor, type ExecutorEndpointOptions } from './executor-endpoint.ts'
import { text, type HttpReply, type HttpRequest } from './server.ts'

export function handleAgent(
  request: HttpRequest,
  response: ServerResponse,
  o: ExecutorEndpointOptions,
): HttpReply | undefined | Promise<HttpReply | undefined> {
  // Every endpoint is there with and without the process' name.
  const path = request.path.replace(/^\/slave\(1\)(?=\/)/, '')
  if (path === '/api/v1/executor') return handleExecutor(request, response, o)
  if (path === '/health') return { status: 200 }
  return text(404, '')
}
