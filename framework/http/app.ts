// The HTTP API as a fastify app that is built from plain dependencies and can be asked without a port. Everything that
// holds for all routes is here; each route translates, calls a use case and translates back.
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
} from 'fastify'
import type { Metrics } from '../observability/metrics.ts'
import { everyoneIsDefault, requireAccess, type Authorizer } from './access.ts'
import { readJsonBodies } from './json-body.ts'
import { answerMalformed } from './client-error.ts'
import { finishBeforeClose } from './closing.ts'
import { documentApi } from './openapi.ts'
import { Problem, problemType, toProblem } from './problems.ts'
import { requestValidator } from './request-validator.ts'
import { executorRoutes, type ExecutorRouteDeps } from './routes/executor.ts'
import { logRoutes, type LogRouteDeps } from './routes/logs.ts'
import { operationRoutes } from './routes/operations.ts'
import { refuseOtherMethods } from './routes/other-methods.ts'
import { taskRoutes, type TaskUseCases } from './routes/tasks.ts'

export interface AppDeps extends ExecutorRouteDeps {
  readonly tasks: TaskUseCases
  readonly logs: LogRouteDeps
  /** Rejects where the store can't be reached. */
  readonly checkStore: () => Promise<{ readonly migrated: boolean }>
  readonly metrics: Metrics
  /** Without a closing slash; links in answers begin with it. */
  readonly publicUrl: string
  readonly logger: FastifyBaseLogger
  readonly authorize?: Authorizer
}

const bodyLimit = 1024 * 1024

/** Ready to listen, or to `inject` into. `close()` ends followed logs too. */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: deps.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    // A whole request, head and body, within this time: nobody holds a connection by sending slowly.
    requestTimeout: 60_000,
    // Those that are still open after closing.ts has waited.
    forceCloseConnections: true,
    clientErrorHandler: answerMalformed,
    routerOptions: { maxParamLength: 256 },
    frameworkErrors: (error, _request, reply) => {
      const { statusCode, body } = answerTo(error)
      reply.hijack()
      reply.raw.writeHead(statusCode, { 'content-type': problemType }).end(body)
    },
  })
  app.setErrorHandler((error, request, reply) => {
    const { statusCode, headers, body, problem } = answerTo(error)
    if (statusCode >= 500)
      request.log.error({ err: error, method: request.method, url: request.url }, problem.message)
    return reply.code(statusCode).headers(headers).type(problemType).send(body)
  })
  app.setValidatorCompiler(requestValidator)
  app.setSerializerCompiler(() => data => JSON.stringify(data))
  readJsonBodies(app)
  requireAccess(app, deps.authorize ?? everyoneIsDefault, deps.publicUrl)
  refuseOtherPaths(app)
  measureRequests(app, deps.metrics)
  const closing = finishBeforeClose(app)
  await documentApi(app, deps.publicUrl)
  const addOtherMethods = refuseOtherMethods(app)

  taskRoutes(app, deps)
  logRoutes(app, deps.logs, closing)
  operationRoutes(app, deps)
  executorRoutes(app, deps)
  addOtherMethods()
  return app
}

function refuseOtherPaths(app: FastifyInstance): void {
  const refuse = (request: FastifyRequest): never => {
    throw new Problem(
      'not_found',
      `there is nothing at ${request.url.split('?', 1)[0]}: /docs shows what there is`,
    )
  }
  // Before the body is read; the handler is for what plugins don't find.
  app.addHook('onRequest', async request => (request.is404 ? refuse(request) : undefined))
  app.setNotFoundHandler(refuse)
}

function answerTo(error: unknown) {
  const problem = toProblem(error)
  const { statusCode, headers } = problem
  return { problem, statusCode, headers, body: JSON.stringify(problem.json()) }
}

function measureRequests(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onResponse', async (request, reply) => {
    // A stream lasts as long as its task, which says nothing about us.
    if (String(reply.getHeader('content-type')).startsWith('text/event-stream')) return
    // The pattern, not the path: a label must not have a value for each task.
    const route = request.routeOptions.url ?? 'none'
    metrics.httpDuration.observe(
      { method: request.method, route, status: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    )
  })
}
