// A task's output: its bytes as they are, or as server-sent events while they come.
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { followTaskLog } from '../../logs/follow.ts'
import { attemptOf, LogError, readTaskLog, type LogQuery, type TaskLogDeps } from '../../logs/task-log.ts'
import { invalid, Problem } from '../problems.ts'
import { ProblemAnswer } from '../schemas/answers.ts'
import { comment, LogEventEncoder, parseEventId } from '../sse.ts'
import { TaskParams } from './tasks.ts'

export type LogRouteDeps = TaskLogDeps

const bytes = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER }

const Query = Type.Object(
  {
    stream: Type.Optional(Type.Enum(['stdout', 'stderr'], { default: 'stdout' })),
    follow: Type.Optional(
      Type.Boolean({ default: false, description: 'As server-sent events, until the task has ended.' }),
    ),
    attempt: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000_000,
        description: 'Of this attempt only. Default: the newest.',
      }),
    ),
    offset: Type.Optional(Type.Integer({ ...bytes, description: 'Begin after that many bytes.' })),
    tail: Type.Optional(Type.Integer({ ...bytes, description: 'Begin that many bytes before the end.' })),
  },
  { additionalProperties: false },
)

const description = `Read through the task's agent. Without \`follow\`: the raw bytes up to now; the header
\`juice-log-source\` is \`agent\`, or \`record\` where only the last bytes are left. With \`follow\`: server-sent events
whose data is text (bytes that are no UTF-8 become U+FFFD, line ends become LF); their id, sent back as
\`Last-Event-ID\`, resumes; an event \`end\` comes after the last output of an ended task.`

/** `closing`: the server is about to close, and would wait for answers that have no end. */
export function logRoutes(instance: FastifyInstance, deps: LogRouteDeps, closing: AbortSignal): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()

  app.get(
    '/v2/tasks/:id/logs',
    {
      config: { access: 'read' },
      exposeHeadRoute: false,
      schema: {
        tags: ['tasks'],
        summary: 'The output of a task',
        description,
        params: TaskParams,
        querystring: Query,
        produces: ['text/plain', 'text/event-stream'],
        response: {
          200: Type.Unsafe<unknown>({ type: 'string', 'x-response-description': 'The output.' }),
          '4xx': ProblemAnswer,
          '5xx': ProblemAnswer,
        },
      },
    },
    async (request, reply) => {
      const { stream = 'stdout', follow = false, attempt } = request.query
      const query: LogQuery = {
        tenant: request.tenant,
        id: request.params.id,
        stream,
        ...(attempt === undefined ? {} : { attempt }),
      }
      const start = startOf(request.query)
      if (!follow) {
        const content = await readTaskLog(deps, query, start).catch(asProblem)
        void reply.headers({
          'x-content-type-options': 'nosniff',
          'juice-log-source': content.source,
          'juice-log-attempt': String(content.attempt),
        })
        return reply
          .type('text/plain; charset=utf-8')
          .send(Readable.from(content.bytes, { objectMode: false }))
      }
      await requireTask(deps, query).catch(asProblem)
      const seen = parseEventId(String(request.headers['last-event-id'] ?? ''))
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const events = followTaskLog(deps, query, {
        signal: AbortSignal.any([gone.signal, closing]),
        start: seen === undefined ? start : { position: seen.position },
        ...(seen === undefined ? {} : { fromAttempt: seen.attempt }),
      })
      void reply.headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
      return reply.type('text/event-stream; charset=utf-8').send(Readable.from(encoded(events, query)))
    },
  )
}

async function* encoded(events: ReturnType<typeof followTaskLog>, query: LogQuery): AsyncGenerator<string> {
  yield `retry: 2000\n${comment(`${query.stream} of task ${query.id}`)}`
  const encoder = new LogEventEncoder()
  for await (const event of events) {
    const text = encoder.encode(event)
    if (text !== '') yield text
  }
}

async function requireTask(deps: LogRouteDeps, query: LogQuery): Promise<void> {
  const task = await deps.getTask(query)
  if (task === undefined) throw new LogError('task_not_found', `there is no task ${query.id}`)
  attemptOf(task, query.attempt)
}

function startOf(query: Static<typeof Query>): { position: number } | { tail: number } {
  if (query.tail === undefined) return { position: query.offset ?? 0 }
  if (query.offset !== undefined)
    throw invalid([{ path: 'tail', message: 'must not be together with offset' }])
  return { tail: query.tail }
}

function asProblem(error: unknown): never {
  throw error instanceof LogError ? new Problem(error.code, error.message, { cause: error }) : error
}
