// What a master answers that does not lead: nearly everything with the way to the leader, before it looks at anything
// else; 503 while it takes over or nobody leads; a few pages of its own.
import type { MasterInfo } from 'mesos-http-client'
import { versionPage } from './page-parts.ts'
import { json, text, type HttpReply, type HttpRequest } from './server.ts'

export interface StandbyState {
  /** Undefined: nobody. */
  readonly leader: MasterInfo | undefined
  readonly isTakingOver: boolean
  readonly uptimeMs: number
}

const endpoints =
  /^\/(api\/v1(\/scheduler)?|state|state-summary|slaves|frameworks|tasks|roles|redirect|maintenance\/(schedule|status)|machine\/(down|up))$/

export function handleStandby(request: HttpRequest, o: StandbyState): HttpReply {
  const path = request.path.replace(/^\/master(?=\/)/, '')
  if (path === '/health') return { status: 200 }
  if (path === '/version') return json(versionPage)
  if (path === '/metrics/snapshot') {
    return json({ 'master/elected': o.isTakingOver ? 1 : 0, 'master/uptime_secs': o.uptimeMs / 1000 })
  }
  if (!endpoints.test(path)) return text(404, '404 Not Found.')
  if (o.isTakingOver) return text(503, 'Master has not finished recovery')
  if (o.leader === undefined) return text(503, 'No leader elected')
  const { hostname, port } = o.leader
  const query = request.query.size === 0 ? '' : `?${request.query.toString()}`
  // The scheme is left to who follows, and the path is the one below the process' name.
  const target = path === '/redirect' ? '' : `/master${path}${query}`
  return { status: 307, headers: { Location: `//${hostname}:${port}${target}` } }
}
