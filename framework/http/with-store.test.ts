// The API over the real use cases and a real PostgreSQL.
import { expect } from 'chai'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { Compile } from 'typebox/compile'
import { createPool } from '../store/pool.ts'
import {
  checkStore,
  getTask,
  listTasks,
  readLogTails,
  requestKill,
  submitTask,
  type Deps,
} from '../usecases/index.ts'
import { World } from '../usecases/test-support.ts'
import { arbitraryRequest } from './arbitrary-request.ts'
import type { AppDeps } from './app.ts'
import { TaskAnswer } from './schemas/answers.ts'
import type { TaskRequest } from './schemas/task-request.ts'
import { specJson } from './spec-json.ts'
import { checkSubmission } from './submission.ts'
import { testApp } from './test-support.ts'

function useCases(deps: Deps): Pick<AppDeps, 'tasks' | 'logs' | 'checkStore'> {
  return {
    tasks: {
      submit: args => submitTask(deps, args),
      get: args => getTask(deps, args),
      list: args => listTasks(deps, args),
      kill: args => requestKill(deps, args),
    },
    logs: {
      getTask: args => getTask(deps, args),
      readLogTails: args => readLogTails(deps, args),
      filesOf: () => {
        throw new Error('no agent here')
      },
      sleep: async () => undefined,
    },
    checkStore: () => checkStore(deps),
  }
}

interface Answer {
  readonly id: number
  readonly state: string
  readonly spec: TaskRequest
}

describe('HTTP API over PostgreSQL', function () {
  this.timeout(20_000)
  let world: World
  let app: FastifyInstance
  before(async () => {
    world = await World.open()
    app = await testApp(useCases(world.deps))
  })
  after(async () => {
    await app.close()
    await world.close()
  })

  const submit = async (payload: object, headers: Record<string, string> = {}) =>
    await app.inject({ method: 'POST', url: '/v2/tasks', payload, headers })

  it('keeps any spec as it was, and answers it as it was checked', async () => {
    const isTask = Compile(TaskAnswer)
    await fc.assert(
      fc.asyncProperty(arbitraryRequest, async request => {
        const checked = checkSubmission(request)
        if ('errors' in checked) throw new Error(JSON.stringify(checked.errors))
        const answer = await submit(request)
        expect(answer.statusCode, answer.body).to.equal(201)
        const { id, spec } = answer.json<Answer>()
        expect(spec).to.deep.equal(specJson(checked.value))
        const kept = (await app.inject(`/v2/tasks/${id}`)).json<Answer>()
        expect(isTask.Errors(kept)).to.deep.equal([])
        expect(kept.spec).to.deep.equal(spec)
      }),
      { numRuns: 60 },
    )
  })

  it('makes one task of a repeated submission, whatever the order of its fields, and refuses another one', async () => {
    const headers = { 'idempotency-key': 'order-17' }
    const first = await submit({ name: 'once', image: 'tool', labels: { a: '1', b: '2' } }, headers)
    const again = await submit(
      { labels: { b: '2', a: '1' }, image: 'tool', name: 'once', priority: 0 },
      headers,
    )
    expect([first.statusCode, again.statusCode]).to.deep.equal([201, 200])
    expect(again.json<Answer>().id).to.equal(first.json<Answer>().id)
    const other = await submit({ name: 'twice', image: 'tool' }, headers)
    expect(other.statusCode).to.equal(422)
    expect(other.json()).to.include({ code: 'idempotency_key_reused' })
  })

  it('lists page by page, by name and state, and refuses a wrong cursor', async () => {
    const ids: number[] = []
    for (let number = 0; number < 5; number++)
      ids.push((await submit({ name: 'paged', command: 'true' })).json<Answer>().id)
    await app.inject({ method: 'POST', url: `/v2/tasks/${ids[2]}/kill` })
    const seen: number[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const query = `name=paged&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`
      const page: { items: Answer[]; nextCursor: string | null } = (
        await app.inject(`/v2/tasks?${query}`)
      ).json()
      seen.push(...page.items.map(({ id }) => id))
      cursor = page.nextCursor
    }
    expect(seen).to.deep.equal(ids.toReversed())
    const killed: { items: Answer[] } = (await app.inject('/v2/tasks?name=paged&state=KILLED')).json()
    expect(killed.items.map(({ id }) => id)).to.deep.equal([ids[2]])
    expect((await app.inject('/v2/tasks?cursor=nonsense')).json()).to.include({ code: 'invalid_cursor' })
  })

  it('kills what waits at once; a second time changes nothing', async () => {
    const { id } = (await submit({ name: 'victim', command: 'true' })).json<Answer>()
    const kill = () => app.inject({ method: 'POST', url: `/v2/tasks/${id}/kill` })
    const first = (await kill()).json<Answer>()
    expect(first).to.include({ state: 'KILLED' })
    expect((await kill()).json()).to.deep.equal(first)
  })

  it('says why there is no output of a task that never ran', async () => {
    const { id } = (await submit({ name: 'silent', command: 'true' })).json<Answer>()
    expect((await app.inject(`/v2/tasks/${id}/logs`)).json()).to.include({ code: 'output_not_yet' })
  })

  it('finds nothing under the largest possible id', async () => {
    expect((await app.inject(`/v2/tasks/${Number.MAX_SAFE_INTEGER}`)).statusCode).to.equal(404)
  })

  it('is ready while the store is, and answers 503 but stays healthy when it is not', async () => {
    expect((await app.inject('/ready')).statusCode).to.equal(200)
    const pool = createPool({ url: 'postgres://nobody@127.0.0.1:1/none' })
    const cut = await testApp(useCases({ ...world.deps, pool }))
    try {
      expect((await cut.inject('/health')).statusCode).to.equal(200)
      expect((await cut.inject('/ready')).json()).to.include({ status: 503, code: 'not_ready' })
      const payload = { name: 'lost', command: 'true' }
      const requests = [
        cut.inject({ method: 'POST', url: '/v2/tasks', payload }),
        cut.inject('/v2/tasks'),
        cut.inject('/v2/tasks/1'),
        cut.inject({ method: 'POST', url: '/v2/tasks/1/kill' }),
        cut.inject('/v2/tasks/1/logs'),
      ]
      for (const answer of await Promise.all(requests)) {
        expect(answer.json()).to.include({ status: 503, code: 'store_unavailable' })
        expect(answer.headers['retry-after']).to.equal('5')
      }
    } finally {
      await cut.close()
      await pool.end()
    }
  })
})
