// Which path of an agent's port is answered by what.
import type { ServerResponse } from 'node:http'
import type { Agent } from '../agent/agent.ts'
import type { Clock } from '../core/clock.ts'
import { handleAgentOperator } from './agent-operator.ts'
import { agentFlagsPage, agentMetricsPage, agentStatePage } from './agent-pages.ts'
import { authenticate, type Credentials } from './authentication.ts'
import { handleExecutor } from './executor-endpoint.ts'
import type { ExecutorTokens } from './executor-token.ts'
import { handleFiles } from './files.ts'
import { isReply } from './negotiate.ts'
import { versionPage } from './page-parts.ts'
import { json, text, type HttpReply, type HttpRequest } from './server.ts'

export interface AgentRoutesOptions {
  readonly agent: Agent
  readonly clock: Clock
  readonly startedAtMs: number
  /** Who may read pages and files; absent where nobody is asked. Executors are asked for their `tokens` instead. */
  readonly credentials: Credentials | undefined
  /** What executors must show; absent where nobody is asked. */
  readonly tokens: ExecutorTokens | undefined
}

/** The agent's unix socket: executors reach their API there, by the path with the process' name, and nothing else. */
export function handleAgentSocket(
  request: HttpRequest,
  response: ServerResponse,
  o: AgentRoutesOptions,
): HttpReply | undefined | Promise<HttpReply | undefined> {
  const allowed = ['/slave(1)/api/v1/executor', '/slave(1)/api/v1'].includes(request.path)
  return allowed ? handleAgent(request, response, o) : { status: 403 }
}

export function handleAgent(
  request: HttpRequest,
  response: ServerResponse,
  o: AgentRoutesOptions,
): HttpReply | undefined | Promise<HttpReply | undefined> {
  // Every endpoint is there with and without the process' name.
  const path = request.path.replace(/^\/slave\(1\)(?=\/)/, '')
  if (path === '/api/v1/executor') return handleExecutor(request, response, o)
  if (path === '/health') return { status: 200 }
  if (path === '/version') return json(versionPage)
  const access = path.startsWith('/api/v1') ? 'readwrite' : 'readonly'
  const authenticated = authenticate(request, o.credentials, `mesos-agent-${access}`)
  if (isReply(authenticated)) return authenticated
  const { context } = o.agent
  const file = /^\/files\/([^/]+)$/.exec(path)?.[1]
  if (file !== undefined) return handleFiles(file, request, response, context.attachments)
  if (path.startsWith('/api/v1')) return handleAgentOperator(request, context.attachments)
  switch (path) {
    case '/state':
      return json(agentStatePage(context, o.startedAtMs))
    case '/flags':
      return json(agentFlagsPage(context))
    case '/metrics/snapshot':
      return json(agentMetricsPage(context, o.startedAtMs))
    default:
      return text(404, '404 Not Found.')
  }
}
