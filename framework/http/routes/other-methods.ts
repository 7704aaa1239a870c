// A path that exists, asked with a method that it doesn't take, is 405 with the methods that it takes.
import type { FastifyInstance, HTTPMethods } from 'fastify'
import { Problem } from '../problems.ts'

const methods: readonly HTTPMethods[] = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']

/** Notes the routes from now on; call what it returns after the last one. */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  const taken = new Map<string, Set<string>>()
  app.addHook('onRoute', route => {
    const known = taken.get(route.url) ?? new Set()
    for (const method of [route.method].flat()) known.add(method)
    taken.set(route.url, known)
  })
  return () => {
    for (const [url, known] of taken) {
      const allow = [...known].toSorted().join(', ')
      const refused = methods.filter(method => !known.has(method))
      app.route({
        url,
        method: refused,
        config: { access: 'open' },
        schema: { hide: true },
        // Before the body is read.
        onRequest: async request => {
          throw new Problem(
            'method_not_allowed',
            `${request.method} is not for this path, which takes ${allow}`,
            {
              headers: { allow },
            },
          )
        },
        handler: () => undefined,
      })
    }
  }
}
