// The one hook that every route passes before anything else happens: who calls, and may they. For now everyone is the
// tenant `default`; tokens will come in by another Authorizer, and no route will change.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from './problems.ts'

/** What a route lets its caller do. `open`: nothing of a tenant's is shown, so that probes need no credentials. */
export type Access = 'open' | 'read' | 'submit' | 'kill'

export interface Caller {
  readonly tenant: string
}

/** Decides on a request; throws a Problem (401, 403) to refuse it. */
export type Authorizer = (request: {
  readonly access: Access
  readonly headers: FastifyRequest['headers']
}) => Caller | Promise<Caller>

export const everyoneIsDefault: Authorizer = () => ({ tenant: 'default' })

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
  interface FastifyRequest {
    /** Whose tasks the caller sees. */
    tenant: string
  }
}

/** Call it before routes are registered. `publicUrl` is ours as well, whatever a proxy makes of the header Host. A route below `/v2` that doesn't state its access can't be registered. */
export function requireAccess(app: FastifyInstance, authorize: Authorizer, publicUrl: string): void {
  const publicHost = new URL(publicUrl).host
  app.decorateRequest('tenant', '')
  app.addHook('onRoute', route => {
    if (route.url.startsWith('/v2') && route.config?.access === undefined)
      throw new Error(`the route ${route.url} does not state its access`)
  })
  app.addHook('onRequest', async request => {
    const access = request.routeOptions.config?.access ?? 'open'
    const { tenant } = await authorize({ access, headers: request.headers })
    request.tenant = tenant
    refuseForeignPages(request, publicHost)
  })
}

// A web page that someone on this machine looks at can send a bare POST to any address, loopback too. Browsers say so.
function refuseForeignPages({ method, headers }: FastifyRequest, publicHost: string): void {
  if (method === 'GET' || method === 'HEAD') return
  const site = headers['sec-fetch-site']
  const origin = headers.origin
  const host = URL.parse(origin ?? '')?.host
  const foreign = origin !== undefined && host !== headers.host && host !== publicHost
  if (site === 'cross-site' || site === 'same-site' || foreign)
    throw new Problem('cross_site', 'a browser sent this from a page of another site')
}
