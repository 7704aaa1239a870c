// The API's own documentation: OpenAPI 3.1 made from the routes' schemas, and pages for people, all served from here.
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { CallbackBody } from './schemas/answers.ts'

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
      'openapiObject' in documented ? finished(documented.openapiObject) : documented.swaggerObject,
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    // Nothing from elsewhere: no validator badge.
    uiConfig: { validatorUrl: null, deepLinking: true, tryItOutEnabled: true },
    theme: { title: 'Juice', css: [{ filename: 'juice.css', content: '.topbar { display: none }' }] },
  })
}

/** What routes can't say of themselves: named schemas, the media type of problems, callbacks. */
function finished(document: object): object {
  const schemas: Record<string, unknown> = {}
  const webhooks = {
    taskState: {
      post: {
        summary: 'What a callback gets',
        description: `At least once for each state asked for, in order for each task, until it answers 2xx: repeated with
growing pauses for a day. Redirects are not followed.`,
        requestBody: { content: { 'application/json': { schema: CallbackBody } } },
        responses: { '2XX': { description: 'Taken.' } },
      },
    },
  }
  const walked = withNames({ ...document, webhooks }, schemas) as { components?: object }
  return { ...walked, components: { ...walked.components, schemas } }
}

/** Schemas with a title move to `schemas`, so that generated clients get types with names. */
function withNames(value: unknown, schemas: Record<string, unknown>): unknown {
  if (Array.isArray(value)) return value.map(item => withNames(item, schemas))
  if (typeof value !== 'object' || value === null) return value
  const walked = Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === 'content' ? problemContent(item, schemas) : withNames(item, schemas),
    ]),
  )
  const title: unknown = walked['title']
  if (typeof title !== 'string' || walked['type'] !== 'object') return walked
  schemas[title] ??= walked
  return { $ref: `#/components/schemas/${title}` }
}

function problemContent(content: unknown, schemas: Record<string, unknown>): unknown {
  const walked = withNames(content, schemas) as Record<string, { schema?: { $ref?: string } }>
  const [first] = Object.values(walked)
  return first?.schema?.$ref?.endsWith('/Problem') === true ? { 'application/problem+json': first } : walked
}
