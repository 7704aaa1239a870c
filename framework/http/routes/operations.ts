// What operators and their machines ask: alive, ready, numbers.
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { Metrics } from '../../observability/metrics.ts'
import { Problem } from '../problems.ts'
import { ProblemAnswer } from '../schemas/answers.ts'

export interface OperationRouteDeps {
  readonly checkStore: () => Promise<{ readonly migrated: boolean }>
  readonly metrics: Pick<Metrics, 'registry'>
}

const storeTimeoutMs = 3000
const Status = Type.Object(
  { status: Type.String() },
  { additionalProperties: false, 'x-response-description': 'Yes.' },
)

export function operationRoutes(app: FastifyInstance, deps: OperationRouteDeps): void {
  const tags = ['operations']
  app.get(
    '/health',
    {
      config: { access: 'open' },
      schema: {
        tags,
        summary: 'This process works; says nothing about the database',
        response: { 200: Status },
      },
    },
    () => ({ status: 'ok' }),
  )
  app.get(
    '/ready',
    {
      config: { access: 'open' },
      schema: {
        tags,
        summary: 'The database can be reached and has the schema of this version',
        response: { 200: Status, 503: ProblemAnswer },
      },
    },
    async () => {
      const { migrated } = await withTimeout(deps.checkStore())
      if (!migrated) throw notReady('the database does not have the schema of this version')
      return { status: 'ready' }
    },
  )
  app.get(
    '/metrics',
    {
      config: { access: 'open' },
      schema: {
        tags,
        summary: 'Metrics for Prometheus',
        produces: ['text/plain'],
        response: { 200: Type.String({ 'x-response-description': 'In the text format.' }) },
      },
    },
    async (_request, reply) => {
      const { registry } = deps.metrics
      return reply.type(registry.contentType).send(await registry.metrics())
    },
  )
}

async function withTimeout<T>(answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(notReady('the database does not answer')), storeTimeoutMs)
  try {
    return await Promise.race([answer, late.promise])
  } catch (error) {
    throw error instanceof Problem ? error : notReady('the database cannot be reached', error)
  } finally {
    clearTimeout(timer)
  }
}

function notReady(why: string, cause?: unknown): Problem {
  return new Problem('not_ready', why, { cause, headers: { 'retry-after': '2' } })
}
