// Tasks: submit, look up, list, kill.
import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { TaskSpec } from '../../domain/spec.ts'
import { taskStates, type TaskState } from '../../domain/task.ts'
import type { Metrics } from '../../observability/metrics.ts'
import type { TaskPage, TaskView } from '../../usecases/types.ts'
import { invalid, Problem } from '../problems.ts'
import { requestValidator } from '../request-validator.ts'
import { ProblemAnswer, TaskAnswer, TaskPageAnswer } from '../schemas/answers.ts'
import { TaskRequest } from '../schemas/task-request.ts'
import { checkSubmission } from '../submission.ts'
import { taskJson } from '../task-json.ts'

/** The use cases that clients make happen, with their dependencies filled in. */
export interface TaskUseCases {
  submit(args: {
    tenant: string
    spec: TaskSpec
    idempotencyKey?: string
  }): Promise<{ task: TaskView; created: boolean }>
  get(args: { tenant: string; id: number }): Promise<TaskView | undefined>
  list(args: {
    tenant: string
    state?: TaskState
    name?: string
    cursor?: string
    limit: number
  }): Promise<TaskPage>
  kill(args: { tenant: string; id: number }): Promise<TaskView | undefined>
}

export interface TaskRouteDeps {
  readonly tasks: TaskUseCases
  readonly metrics: Pick<Metrics, 'tasksSubmitted'>
  readonly publicUrl: string
}

export const TaskParams = Type.Object(
  { id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: "The task's id." }) },
  { additionalProperties: false },
)

/** A line of text in a query, which ends up in a comparison. */
const line = (max: number, description: string) =>
  Type.String({
    minLength: 1,
    maxLength: max,
    pattern: '^\\P{Cc}*$',
    'x-must': `a text of 1 to ${max} characters without control characters`,
    description,
  })

const ListQuery = Type.Object(
  {
    state: Type.Optional(Type.Enum([...taskStates])),
    name: Type.Optional(line(400, 'Exactly this one.')),
    cursor: Type.Optional(line(500, '`nextCursor` of the page before.')),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
  },
  { additionalProperties: false },
)

const SubmitHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[\\x21-\\x7e]{1,255}$',
      'x-must': '1 to 255 printable ASCII characters without blanks',
      description: 'A repeated submission with the same key is the same task (200 instead of 201).',
    }),
  ),
})

export function taskRoutes(instance: FastifyInstance, deps: TaskRouteDeps): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()
  const { tasks, publicUrl } = deps
  const tags = ['tasks']

  app.post(
    '/v2/tasks',
    {
      config: { access: 'submit' },
      schema: {
        tags,
        summary: 'Submit a task',
        headers: SubmitHeaders,
        body: TaskRequest,
        response: {
          201: describe(TaskAnswer, 'Accepted: it will run, whatever dies.'),
          200: describe(TaskAnswer, 'Was accepted before under the same idempotency key.'),
          '4xx': ProblemAnswer,
        },
      },
      // The body's rules go beyond its schema: checkSubmission has them all.
      validatorCompiler: part => (part.httpPart === 'body' ? () => true : requestValidator(part)),
    },
    async (request, reply) => {
      const checked = checkSubmission(request.body)
      if ('errors' in checked) throw invalid(checked.errors)
      const idempotencyKey = request.headers['idempotency-key']
      const { task, created } = await tasks.submit({
        tenant: request.tenant,
        spec: checked.value,
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      })
      if (created) deps.metrics.tasksSubmitted.inc()
      void reply.code(created ? 201 : 200).header('location', `/v2/tasks/${task.id}`)
      return reply.send(taskJson(task, publicUrl))
    },
  )

  app.get(
    '/v2/tasks',
    {
      config: { access: 'read' },
      schema: {
        tags,
        summary: 'List tasks, newest first',
        querystring: ListQuery,
        response: { 200: describe(TaskPageAnswer, 'A page.'), '4xx': ProblemAnswer },
      },
    },
    async request => {
      const page = await tasks.list({ tenant: request.tenant, limit: 50, ...request.query })
      return { items: page.items.map(task => taskJson(task, publicUrl)), nextCursor: page.nextCursor }
    },
  )

  app.get(
    '/v2/tasks/:id',
    {
      config: { access: 'read' },
      schema: {
        tags,
        summary: 'The record of a task',
        params: TaskParams,
        response: { 200: describe(TaskAnswer, 'The task.'), '4xx': ProblemAnswer },
      },
    },
    async request => {
      const { id } = request.params
      return taskJson(found(await tasks.get({ tenant: request.tenant, id }), id), publicUrl)
    },
  )

  app.post(
    '/v2/tasks/:id/kill',
    {
      config: { access: 'kill' },
      schema: {
        tags,
        summary: 'Kill a task',
        description: 'It ends as KILLED soon; one that has ended stays as it is. Asking again does no harm.',
        params: TaskParams,
        response: { 200: describe(TaskAnswer, 'The task, as it is now.'), '4xx': ProblemAnswer },
      },
    },
    async request => {
      const { id } = request.params
      return taskJson(found(await tasks.kill({ tenant: request.tenant, id }), id), publicUrl)
    },
  )
}

function found(task: TaskView | undefined, id: number): TaskView {
  if (task === undefined) throw new Problem('task_not_found', `there is no task ${id}`)
  return task
}

function describe<T extends object>(schema: T, description: string): T {
  return { ...schema, 'x-response-description': description }
}
