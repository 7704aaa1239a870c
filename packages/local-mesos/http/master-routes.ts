// Which path of the master's port is answered by what.
import type { ServerResponse } from 'node:http'
import { authenticate } from './authentication.ts'
import { handleMaintenance } from './maintenance-endpoints.ts'
import { handleOperator } from './master-operator.ts'
import { frameworksPage, metricsPage, slavesPage, statePage, tasksPage } from './master-pages.ts'
import { isReply } from './negotiate.ts'
import { versionPage } from './page-parts.ts'
import { handleScheduler, type SchedulerEndpointOptions } from './scheduler-endpoint.ts'
import { json, text, type HttpReply, type HttpRequest } from './server.ts'

export function handleMaster(
  request: HttpRequest,
  response: ServerResponse,
  o: SchedulerEndpointOptions,
): HttpReply | undefined {
  const { master, clock } = o
  // Every endpoint is there with and without the process' name.
  const path = request.path.replace(/^\/master(?=\/)/, '')
  if (path === '/api/v1/scheduler') return handleScheduler(request, response, o)
  // Open to everybody, also where authentication is on.
  if (path === '/health') return { status: 200 }
  if (path === '/version') return json(versionPage)
  const access = /^\/(api\/v1|machine\/|maintenance\/schedule)/.test(path) ? 'readwrite' : 'readonly'
  const authenticated = authenticate(request, o.credentials, `mesos-master-${access}`)
  if (isReply(authenticated)) return authenticated
  if (path.startsWith('/api/v1')) return handleOperator(request, response, o, authenticated.principal)
  switch (path) {
    case '/state':
      return json(statePage(master))
    case '/slaves':
      return json(slavesPage(master))
    case '/frameworks':
      return json(frameworksPage(master))
    case '/tasks':
      return json(tasksPage(master, request.query))
    case '/metrics/snapshot':
      return json(metricsPage(master, clock))
    case '/redirect': {
      const { hostname, port } = master.state.info
      return { status: 307, headers: { Location: `//${hostname}:${port}` } }
    }
    default: {
      const maintenance = handleMaintenance(path, request, master.context)
      if (maintenance !== undefined) return maintenance
      return text(404, '404 Not Found.')
    }
  }
}
