// The API's own documentation: OpenAPI 3.1 made from the routes' schemas, and pages for people, all served from here.
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

const description = `Submit tasks, look them up, kill them, read their output.

Errors are \`application/problem+json\`; a 422 names every wrong field and what would be right. \`BLOCKED, QUEUED,
LAUNCHING, RUNNING\` are the states of a live task; \`FINISHED, FAILED, KILLED, EXPIRED, ERROR\` are final.`

/** Call it before the routes are registered. The document is at /docs/json. */
export async function documentApi(app: FastifyInstance, publicUrl: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Juice', description, version: '2' },
      servers: [{ url: publicUrl }],
    },
    transformObject: documented =>
      'openapiObject' in documented ? (named(documented.openapiObject) as object) : documented.swaggerObject,
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    // Nothing from elsewhere: no validator badge.
    uiConfig: { validatorUrl: null, deepLinking: true, tryItOutEnabled: true },
  })
}

/** Schemas with a title become components, so that generated clients get types with names. */
function named(document: object): object {
  const schemas: Record<string, unknown> = {}
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (typeof value !== 'object' || value === null) return value
    const walked = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item)]))
    const title: unknown = walked['title']
    if (typeof title !== 'string' || walked['type'] !== 'object') return walked
    schemas[title] ??= walked
    return { $ref: `#/components/schemas/${title}` }
  }
  const walked = walk(document) as { components?: object }
  return { ...walked, components: { ...walked.components, schemas } }
}
