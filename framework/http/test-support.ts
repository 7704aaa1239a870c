// For tests of the HTTP edge: an app over use cases that live in memory. Not part of the service.
import { expect } from 'chai'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { pino } from 'pino'
import { Compile } from 'typebox/compile'
import type { Attempt } from '../domain/task.ts'
import { createMetrics } from '../observability/metrics.ts'
import type { TaskView } from '../usecases/types.ts'
import { buildApp, type AppDeps } from './app.ts'
import type { TaskUseCases } from './routes/tasks.ts'
import { ProblemAnswer } from './schemas/answers.ts'
import type { TaskRequest } from './schemas/task-request.ts'
import { toSpec } from './spec-json.ts'

export const publicUrl = 'http://juice.example:8080'

export function exampleAttempt(values: Partial<Attempt> = {}): Attempt {
  return {
    number: 1,
    mesosTaskId: 'demo-1-1-abcd',
    agentId: 'S0',
    hostname: 'agent1.example',
    agentUrl: 'http://agent1.example:5051',
    executorId: 'juice-1',
    executorGeneration: 0,
    state: 'TASK_RUNNING',
    sandbox: '/sandbox/tasks/demo-1-1-abcd',
    launchedAt: new Date('2026-01-01T00:00:01Z'),
    startedAt: new Date('2026-01-01T00:00:02Z'),
    ...values,
  }
}

export function exampleTask(values: Partial<TaskView> = {}, request: Partial<TaskRequest> = {}): TaskView {
  const attempts = values.attempts ?? []
  return {
    id: 1,
    tenant: 'default',
    name: 'demo',
    state: 'QUEUED',
    spec: toSpec({ name: 'demo', image: 'tool:1', ...request }),
    attempt: attempts.length,
    failures: 0,
    faults: {},
    waitedMs: 0,
    submittedAt: new Date('2026-01-01T00:00:00Z'),
    attempts,
    ...values,
  }
}

/** Use cases over an array; they know idempotency keys but neither cursors nor attempts. */
export function tasksInMemory(): TaskUseCases & { readonly tasks: TaskView[]; readonly calls: object[] } {
  const tasks: TaskView[] = []
  const calls: object[] = []
  const byKey = new Map<string, TaskView>()
  const find = (args: { tenant: string; id: number }): TaskView | undefined =>
    tasks.find(task => task.id === args.id && task.tenant === args.tenant)
  return {
    tasks,
    calls,
    async submit(args) {
      calls.push(args)
      const before = args.idempotencyKey === undefined ? undefined : byKey.get(args.idempotencyKey)
      if (before !== undefined) return { task: before, created: false }
      const { tenant, spec } = args
      const task = exampleTask({ id: tasks.length + 1, tenant, name: spec.name, spec })
      tasks.push(task)
      if (args.idempotencyKey !== undefined) byKey.set(args.idempotencyKey, task)
      return { task, created: true }
    },
    async get(args) {
      calls.push(args)
      return find(args)
    },
    async list(args) {
      calls.push(args)
      const items = tasks.filter(task => args.state === undefined || task.state === args.state)
      return { items: items.slice(0, args.limit), nextCursor: items.length > args.limit ? 'more' : null }
    },
    async kill(args) {
      calls.push(args)
      const task = find(args)
      if (task === undefined) return undefined
      const killed: TaskView = { ...task, state: 'KILLED' }
      tasks[tasks.indexOf(task)] = killed
      return killed
    },
  }
}

/** Close it after the test. */
export async function testApp(deps: Partial<AppDeps> = {}): Promise<FastifyInstance> {
  return await buildApp({
    tasks: tasksInMemory(),
    logs: {
      getTask: async () => undefined,
      readLogTails: async () => undefined,
      filesOf: () => ({
        list: async () => [],
        read: async () => new Uint8Array(),
        download: async function* () {},
      }),
      sleep: async () => undefined,
    },
    checkStore: async () => ({ migrated: true }),
    metrics: createMetrics({ ofProcess: false }),
    executorArtifacts: new Map(),
    leaderElsewhere: () => Promise.resolve(undefined),
    publicUrl,
    logger: pino({ level: 'silent' }),
    ...deps,
  })
}

interface Refusal {
  readonly answer: LightMyRequestResponse
  readonly detail: string
  readonly errors: readonly { readonly path: string; readonly message: string }[]
}

const isProblem = Compile(ProblemAnswer)

/** Expects that a request is refused by a problem with this status and code. */
export async function expectProblem(
  app: FastifyInstance,
  request: InjectOptions,
  status: number,
  code: string,
): Promise<Refusal> {
  const answer = await app.inject(request)
  expect(answer.statusCode, answer.body).to.equal(status)
  expect(answer.headers['content-type']).to.equal('application/problem+json; charset=utf-8')
  const problem = answer.json<Pick<Refusal, 'detail' | 'errors'>>()
  expect(isProblem.Errors(problem)).to.deep.equal([])
  expect(problem).to.include({ status, code })
  return { answer, detail: problem.detail, errors: problem.errors }
}
