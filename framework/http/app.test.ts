// What holds for all routes: paths, methods, failures, authorisation, operations.
import { expect } from 'chai'
import fc from 'fast-check'
import type { FastifyInstance, InjectOptions } from 'fastify'
import type { AppDeps } from './app.ts'
import { Problem } from './problems.ts'
import { expectProblem, publicUrl, tasksInMemory, testApp } from './test-support.ts'

const json = { 'content-type': 'application/json' }
const demo = { name: 'demo', image: 'tool:1' }

describe('HTTP API', function () {
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

  describe('pages of other sites', () => {
    const host = 'localhost:8080'
    const own = `http://${host}`
    const headers: [Record<string, string>, number][] = [
      [{ origin: 'https://evil.example' }, 403],
      [{ origin: 'null' }, 403],
      [{ 'sec-fetch-site': 'cross-site' }, 403],
      [{ 'sec-fetch-site': 'same-site' }, 403],
      [{ 'sec-fetch-site': 'same-origin', host, origin: own }, 200],
      [{ host, origin: own }, 200],
      [{ host, origin: publicUrl }, 200],
      [{}, 200],
    ]
    for (const [given, status] of headers) {
      it(`get ${status} for a kill with ${JSON.stringify(given)}`, async () => {
        await post(demo)
        const answer = await app.inject({ method: 'POST', url: '/v2/tasks/1/kill', headers: given })
        expect(answer.statusCode, answer.body).to.equal(status)
      })
    }
  })

  describe('other paths and methods', () => {
    const requests: [InjectOptions, number, string, string?][] = [
      [{ method: 'GET', url: '/' }, 404, 'not_found'],
      [{ method: 'POST', url: '/v2/task', headers: json, payload: '{' }, 404, 'not_found'],
      [{ method: 'GET', url: '/v2/tasks/1/nope' }, 404, 'not_found'],
      [{ method: 'DELETE', url: '/v2/tasks/1' }, 405, 'method_not_allowed', 'GET, HEAD'],
      [
        { method: 'PUT', url: '/v2/tasks', headers: json, payload: '{' },
        405,
        'method_not_allowed',
        'GET, HEAD, POST',
      ],
      [{ method: 'GET', url: '/v2/tasks/1/kill' }, 405, 'method_not_allowed', 'POST'],
      [{ method: 'POST', url: '/health' }, 405, 'method_not_allowed', 'GET, HEAD'],
      [{ method: 'OPTIONS', url: '/v2/tasks/1/logs' }, 405, 'method_not_allowed', 'GET'],
      [{ method: 'GET', url: '/%zz' }, 400, 'bad_request'],
    ]
    for (const [request, status, code, allow] of requests) {
      it(`answers ${request.method} ${JSON.stringify(request.url)} by ${status}`, async () => {
        const { answer } = await expectProblem(app, request, status, code)
        expect(answer.headers['allow']).to.equal(allow)
      })
    }
  })

  it('never fails by itself, whatever path and query come', async () => {
    const paths = fc.constantFrom('/v2/tasks', '/v2/tasks/1', '/v2/tasks/1/logs', '/executor', '/docs', '')
    const rest = fc.oneof(fc.webPath(), fc.string({ unit: 'binary-ascii' }).map(encodeURI))
    const query = fc.oneof(fc.webQueryParameters(), fc.string({ unit: 'grapheme' }).map(encodeURIComponent))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST', 'PUT'),
        paths,
        rest,
        query,
        async (method, path, more, asked) => {
          const answer = await app.inject({ method, url: `${path}${more}?${asked}` })
          expect(answer.statusCode, answer.body).to.be.lessThan(500)
        },
      ),
      { numRuns: 200 },
    )
  })

  describe('operations', () => {
    it('is healthy and ready', async () => {
      expect((await app.inject('/health')).json()).to.deep.equal({ status: 'ok' })
      expect((await app.inject('/ready')).json()).to.deep.equal({ status: 'ready' })
    })

    const stores: [string, AppDeps['checkStore'], RegExp][] = [
      ['cannot be reached', async () => Promise.reject(new Error('ECONNREFUSED')), /cannot be reached/],
      ['is not migrated', async () => ({ migrated: false }), /schema of this version/],
    ]
    for (const [title, checkStore, why] of stores) {
      it(`is healthy but not ready while the store ${title}`, async () => {
        await app.close()
        await start({ checkStore })
        expect((await app.inject('/health')).statusCode).to.equal(200)
        const { answer, detail } = await expectProblem(
          app,
          { method: 'GET', url: '/ready' },
          503,
          'not_ready',
        )
        expect(detail).to.match(why)
        expect(answer.headers['retry-after']).to.equal('2')
      })
    }

    it('counts requests by route, not by path', async () => {
      await app.inject('/v2/tasks/1')
      await app.inject('/v2/tasks/2')
      await app.inject('/nope/3')
      const { body, headers } = await app.inject('/metrics')
      expect(headers['content-type']).to.match(/^text\/plain; version=0\.0\.4/)
      expect(body).to.contain(
        'juice_http_request_duration_seconds_count{method="GET",route="/v2/tasks/:id",status="404"} 2',
      )
      expect(body).to.contain(
        'juice_http_request_duration_seconds_count{method="GET",route="none",status="404"} 1',
      )
    })
  })

  describe('failures', () => {
    const unavailable: [string, Error][] = [
      ['a refused connection', Object.assign(new Error('x'), { code: 'ECONNREFUSED' })],
      [
        'several refused ones',
        Object.assign(new AggregateError([Object.assign(new Error(), { code: 'ECONNREFUSED' })])),
      ],
      ['a shutdown', Object.assign(new Error('terminating connection'), { code: '57P01' })],
      ['a start', Object.assign(new Error('the database system is starting up'), { code: '57P03' })],
      ['too many connections', Object.assign(new Error('sorry, too many clients'), { code: '53300' })],
      ['a cut connection', new Error('Connection terminated unexpectedly')],
      ['an exhausted pool', new Error('timeout exceeded when trying to connect')],
    ]
    for (const [title, error] of unavailable) {
      it(`answers 503 after ${title}`, async () => {
        await app.close()
        await start({ tasks: { ...tasks, get: () => Promise.reject(error) } })
        const { answer } = await expectProblem(
          app,
          { method: 'GET', url: '/v2/tasks/1' },
          503,
          'store_unavailable',
        )
        expect(answer.headers['retry-after']).to.equal('5')
      })
    }

    for (const thrown of [
      new TypeError('secret detail'),
      Object.assign(new Error('secret detail'), { code: '42601' }),
      'secret detail',
    ]) {
      it(`tells nothing about ${String(thrown)}`, async () => {
        await app.close()
        await start({ tasks: { ...tasks, get: () => Promise.reject(thrown) } })
        const { answer } = await expectProblem(app, { method: 'GET', url: '/v2/tasks/1' }, 500, 'internal')
        expect(answer.body).not.to.contain('secret detail')
      })
    }
  })

  describe('authorisation', () => {
    it('passes every route, with what it lets its caller do', async () => {
      await app.close()
      const asked: string[] = []
      await start({
        authorize: ({ access }) => {
          asked.push(access)
          return { tenant: 'video' }
        },
      })
      await post(demo)
      for (const url of ['/v2/tasks', '/v2/tasks/1', '/v2/tasks/1/logs', '/health', '/docs/json', '/nope'])
        await app.inject(url)
      await app.inject({ method: 'POST', url: '/v2/tasks/1/kill' })
      expect(asked).to.deep.equal(['submit', 'read', 'read', 'read', 'open', 'open', 'open', 'kill'])
      expect(tasks.calls.every(call => (call as { tenant: string }).tenant === 'video')).to.equal(true)
    })

    it('refuses before the body is looked at', async () => {
      await app.close()
      await start({
        authorize: () => {
          throw new Problem('not_found', 'nobody may')
        },
      })
      await expectProblem(
        app,
        { method: 'POST', url: '/v2/tasks', headers: json, payload: '{' },
        404,
        'not_found',
      )
    })

    it("doesn't register a route that doesn't state its access", () => {
      expect(() => app.get('/v2/forgotten', () => ({}))).to.throw(/does not state its access/)
    })
  })
})
