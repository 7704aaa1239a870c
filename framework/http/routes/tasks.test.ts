// The routes of tasks over use cases in memory.
import { expect } from 'chai'
import fc from 'fast-check'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { Compile } from 'typebox/compile'
import type { AppDeps } from '../app.ts'
import { ProblemAnswer, TaskAnswer, TaskPageAnswer } from '../schemas/answers.ts'
import {
  exampleAttempt,
  exampleTask,
  expectProblem,
  publicUrl,
  tasksInMemory,
  testApp,
} from '../test-support.ts'

const isProblem = Compile(ProblemAnswer)
const isTask = Compile(TaskAnswer)
const isPage = Compile(TaskPageAnswer)

const json = { 'content-type': 'application/json' }
const demo = { name: 'demo', image: 'tool:1' }

describe('HTTP API: tasks', function () {
  this.timeout(20_000)
  let app: FastifyInstance
  let tasks: ReturnType<typeof tasksInMemory>
  const start = async (deps: Partial<AppDeps> = {}): Promise<void> => {
    tasks = tasksInMemory()
    app = await testApp({ tasks, ...deps })
  }
  beforeEach(() => start())
  afterEach(() => app.close())

  const post = (payload: unknown, headers: Record<string, string> = json, url = '/v2/tasks') =>
    app.inject({
      method: 'POST',
      url,
      headers,
      payload: typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload),
    })

  describe('POST /v2/tasks', () => {
    it('accepts a task: 201, where it is, and the task', async () => {
      const answer = await post(demo)
      expect(answer.statusCode).to.equal(201)
      expect(answer.headers.location).to.equal('/v2/tasks/1')
      const task: unknown = answer.json()
      expect(isTask.Errors(task)).to.deep.equal([])
      expect(task).to.include({
        id: 1,
        state: 'QUEUED',
        name: 'demo',
        tenant: 'default',
        attempt: 0,
        message: null,
      })
      expect(tasks.calls).to.have.lengthOf(1)
      expect(tasks.calls[0]).to.include({ tenant: 'default' }).and.not.have.property('idempotencyKey')
    })

    it('takes a charset, and a byte order mark', async () => {
      const answer = await post(Buffer.from(`\ufeff${JSON.stringify(demo)}`), {
        'content-type': 'application/json; charset=utf-8',
      })
      expect(answer.statusCode).to.equal(201)
    })

    it('answers a repeat with the same key by 200 and the same task', async () => {
      const headers = { ...json, 'idempotency-key': 'a-1' }
      expect((await post(demo, headers)).statusCode).to.equal(201)
      const again = await post(demo, headers)
      expect(again.statusCode).to.equal(200)
      expect(again.headers.location).to.equal('/v2/tasks/1')
      expect(again.json()).to.include({ id: 1 })
      const metrics = (await app.inject('/metrics')).body
      expect(metrics).to.contain('juice_tasks_submitted_total 1\n')
    })

    for (const key of ['', 'a b', 'x'.repeat(256), 'ü']) {
      it(`refuses the key ${JSON.stringify(key.slice(0, 10))}`, async () => {
        const headers = { ...json, 'idempotency-key': key }
        const request = { method: 'POST', url: '/v2/tasks', headers, payload: JSON.stringify(demo) } as const
        const { errors } = await expectProblem(app, request, 422, 'invalid_request')
        expect(errors).to.deep.equal([
          { path: 'idempotency-key', message: 'must be 1 to 255 printable ASCII characters without blanks' },
        ])
        expect(tasks.calls).to.deep.equal([])
      })
    }

    it('says that a key belongs to another task', async () => {
      await app.close()
      await start({
        tasks: {
          ...tasks,
          submit: async () => {
            throw Object.assign(new Error('another spec came under this key'), {
              code: 'idempotency_key_reused',
            })
          },
        },
      })
      const request = {
        method: 'POST',
        url: '/v2/tasks',
        headers: json,
        payload: JSON.stringify(demo),
      } as const
      const { detail } = await expectProblem(app, request, 422, 'idempotency_key_reused')
      expect(detail).to.equal('another spec came under this key')
    })

    it('names every wrong field at once', async () => {
      const payload = JSON.stringify({ name: '', image: 'A B', resources: { cpus: 'x' }, nope: 1, args: 1 })
      const { detail, errors } = await expectProblem(
        app,
        { method: 'POST', url: '/v2/tasks', headers: json, payload },
        422,
        'invalid_request',
      )
      expect(errors.map(({ path }) => path)).to.have.members([
        '/name',
        '/image',
        '/resources/cpus',
        '/nope',
        '/args',
      ])
      expect(detail).to.contain('/resources/cpus')
    })

    const bodies: [string, string | Buffer, Record<string, string>, number, string][] = [
      ['malformed JSON', '{"name": ', json, 400, 'malformed_json'],
      ['two values', '{}{}', json, 400, 'malformed_json'],
      ['JSON that is not UTF-8', Buffer.from('{"name":"\xff"}', 'latin1'), json, 400, 'malformed_json'],
      ['__proto__', '{"name":"a","env":{"__proto__":{"x":1}}}', json, 400, 'malformed_json'],
      ['an empty body', '', json, 422, 'invalid_request'],
      ['null', 'null', json, 422, 'invalid_request'],
      ['no content-type', '{}', {}, 415, 'unsupported_media_type'],
      ['text', '{}', { 'content-type': 'text/plain' }, 415, 'unsupported_media_type'],
      [
        'a form',
        'a=b',
        { 'content-type': 'application/x-www-form-urlencoded' },
        415,
        'unsupported_media_type',
      ],
      ['nonsense as type', '{}', { 'content-type': 'nonsense' }, 415, 'unsupported_media_type'],
      ['2 MB', JSON.stringify({ ...demo, args: ['x'.repeat(2e6)] }), json, 413, 'body_too_large'],
      ['100 KB', JSON.stringify({ ...demo, args: ['x'.repeat(1e5)] }), json, 422, 'invalid_request'],
      ['200,000 nested lists', '['.repeat(200_000) + ']'.repeat(200_000), json, 422, 'invalid_request'],
    ]
    for (const [title, payload, headers, status, code] of bodies) {
      it(`answers ${title} by ${status}`, async () => {
        await expectProblem(app, { method: 'POST', url: '/v2/tasks', headers, payload }, status, code)
        expect(tasks.calls).to.deep.equal([])
      })
    }

    it('never fails by itself, whatever JSON comes', async () => {
      await fc.assert(
        fc.asyncProperty(fc.jsonValue(), async body => {
          const answer = await post(JSON.stringify(body))
          expect(answer.statusCode, answer.body).to.be.lessThan(500)
        }),
        { numRuns: 150 },
      )
    })
  })

  describe('GET /v2/tasks/{id}', () => {
    it('shows the record of an ended task, complete and without what is ours alone', async () => {
      const ended = exampleAttempt({
        state: 'TASK_FAILED',
        reason: 'CONTAINER_LIMITATION_MEMORY',
        message: 'out of memory',
        blame: 'task',
        exitCode: 137,
        signal: 9,
        oom: true,
        containerId: 'c1',
        finishedAt: new Date('2026-01-01T00:00:05Z'),
      })
      tasks.tasks.push(
        exampleTask({
          state: 'FAILED',
          attempts: [ended],
          message: 'out of memory',
          result: { n: 1 },
          exitCode: 137,
          startedAt: new Date('2026-01-01T00:00:02Z'),
          finishedAt: new Date('2026-01-01T00:00:05Z'),
        }),
      )
      const answer = await app.inject('/v2/tasks/1')
      expect(answer.statusCode).to.equal(200)
      const task: Record<string, unknown> = answer.json()
      expect(isTask.Errors(task)).to.deep.equal([])
      expect(task).to.include({ exitCode: 137, finishedAt: '2026-01-01T00:00:05.000Z' })
      expect(task['result']).to.deep.equal({ n: 1 })
      expect(task['links']).to.deep.equal({
        self: `${publicUrl}/v2/tasks/1`,
        kill: `${publicUrl}/v2/tasks/1/kill`,
        stdout: `${publicUrl}/v2/tasks/1/logs?stream=stdout`,
        stderr: `${publicUrl}/v2/tasks/1/logs?stream=stderr`,
      })
      expect(task).not.to.have.any.keys('failures', 'faults', 'waitedMs')
      expect(answer.body).not.to.contain('agentUrl').and.not.to.contain('executorId')
    })

    it('says 404 for a task that is not there', async () => {
      const { detail } = await expectProblem(
        app,
        { method: 'GET', url: '/v2/tasks/77' },
        404,
        'task_not_found',
      )
      expect(detail).to.equal('there is no task 77')
    })

    for (const id of [
      'x',
      '0',
      '-1',
      '1.5',
      '1e3',
      '9007199254740993',
      '99999999999999999999',
      '%00',
      'a'.repeat(300),
    ]) {
      it(`refuses the id ${id.slice(0, 20)}`, async () => {
        const answer = await app.inject(`/v2/tasks/${id}`)
        expect(answer.statusCode).to.be.oneOf([400, 404, 422])
        expect(isProblem.Errors(answer.json())).to.deep.equal([])
        expect(tasks.calls).to.deep.equal([])
      })
    }
  })

  describe('GET /v2/tasks', () => {
    it('lists a page and passes the filters on', async () => {
      for (let number = 0; number < 3; number++) await post(demo)
      const answer = await app.inject('/v2/tasks?state=QUEUED&name=demo&limit=2&cursor=abc')
      expect(answer.statusCode).to.equal(200)
      const page: { items: object[]; nextCursor: unknown } = answer.json()
      expect(isPage.Errors(page)).to.deep.equal([])
      expect(page.items).to.have.lengthOf(2)
      expect(page.nextCursor).to.equal('more')
      expect(tasks.calls.at(-1)).to.deep.equal({
        tenant: 'default',
        state: 'QUEUED',
        name: 'demo',
        limit: 2,
        cursor: 'abc',
      })
    })

    it('has pages of 50 by default, and null after the last', async () => {
      expect((await app.inject('/v2/tasks')).json()).to.deep.equal({ items: [], nextCursor: null })
      expect(tasks.calls).to.deep.equal([{ tenant: 'default', limit: 50 }])
    })

    const queries: [string, string[]][] = [
      ['state=queued', ['state']],
      ['state=QUEUED&state=FAILED', ['state']],
      ['limit=0&name=', ['limit', 'name']],
      ['limit=201', ['limit']],
      ['limit=1.5', ['limit']],
      ['limit=', ['limit']],
      ['limit=x&states=A', ['limit', 'states']],
      ['name=a%00b', ['name']],
      ['cursor=', ['cursor']],
      ['__proto__=1', ['__proto__']],
    ]
    for (const [query, paths] of queries) {
      it(`refuses ${query}`, async () => {
        const { errors } = await expectProblem(
          app,
          { method: 'GET', url: `/v2/tasks?${query}` },
          422,
          'invalid_request',
        )
        expect(errors.map(({ path }) => path)).to.have.members(paths)
      })
    }

    it('says 422 for a cursor that is none', async () => {
      await app.close()
      await start({
        tasks: {
          ...tasks,
          list: async () => {
            throw Object.assign(new Error('no cursor of this list'), { code: 'invalid_cursor' })
          },
        },
      })
      await expectProblem(app, { method: 'GET', url: '/v2/tasks?cursor=x' }, 422, 'invalid_cursor')
    })
  })

  describe('POST /v2/tasks/{id}/kill', () => {
    const bodies: [string, InjectOptions][] = [
      ['no body', {}],
      ['an empty JSON body', { headers: json, payload: '' }],
      ['an empty object', { headers: json, payload: '{}' }],
    ]
    for (const [title, request] of bodies) {
      it(`kills, with ${title}`, async () => {
        await post(demo)
        const answer = await app.inject({ method: 'POST', url: '/v2/tasks/1/kill', ...request })
        expect(answer.statusCode, answer.body).to.equal(200)
        expect(answer.json()).to.include({ id: 1, state: 'KILLED' })
      })
    }

    it('says 404 for a task that is not there', async () => {
      await expectProblem(app, { method: 'POST', url: '/v2/tasks/5/kill' }, 404, 'task_not_found')
    })
  })
})
