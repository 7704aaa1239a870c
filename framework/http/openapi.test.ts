// The API's own document.
import { expect } from 'chai'
import type { FastifyInstance } from 'fastify'
import { testApp } from './test-support.ts'

describe('HTTP API: its documentation', function () {
  this.timeout(20_000)
  let app: FastifyInstance
  before(async () => {
    app = await testApp()
  })
  after(() => app.close())

  interface OpenApi {
    openapi: string
    paths: Record<
      string,
      Record<
        string,
        { summary?: string; responses: Record<string, { description: string; content?: object }> }
      >
    >
    components: { schemas: Record<string, unknown> }
  }
  let document: OpenApi
  beforeEach(async () => {
    document = (await app.inject('/docs/json')).json()
  })

  it('is OpenAPI 3.1 and has every route, each with words and answers', () => {
    expect(document.openapi).to.equal('3.1.0')
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ route: `${method} ${path}`, operation })),
    )
    expect(operations.map(({ route }) => route)).to.include.members([
      'post /v2/tasks',
      'get /v2/tasks',
      'get /v2/tasks/{id}',
      'post /v2/tasks/{id}/kill',
      'get /v2/tasks/{id}/logs',
      'get /health',
      'get /ready',
      'get /metrics',
      'get /executor/{file}',
    ])
    for (const { route, operation } of operations) {
      expect(operation.summary, route).to.be.a('string').and.not.equal('')
      for (const [status, answer] of Object.entries(operation.responses)) {
        expect(answer.description, `${route} ${status}`).to.match(/\w/).and.not.equal('Default Response')
        if (/^[45]/.test(status))
          expect(Object.keys(answer.content ?? {})).to.deep.equal(['application/problem+json'])
      }
    }
  })

  it('gives its types names, and every reference leads somewhere', () => {
    const { schemas } = document.components
    expect(Object.keys(schemas)).to.include.members([
      'Task',
      'TaskRequest',
      'TaskPage',
      'Attempt',
      'Problem',
      'TaskSpec',
      'CallbackBody',
    ])
    const references = JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)
    for (const [, reference = ''] of references) {
      expect(reference).to.match(/^#\/components\/schemas\//)
      expect(schemas).to.have.property(reference.split('/').at(-1) ?? '')
    }
  })

  it('has pages that load nothing from elsewhere', async () => {
    const page = await app.inject('/docs/')
    expect(page.statusCode).to.equal(200)
    expect(page.body).not.to.match(/(src|href)="https?:/)
    for (const [, path = ''] of page.body.matchAll(/(?:src|href)="\.\/(static\/[^"]+)"/g))
      expect((await app.inject(`/docs/${path}`)).statusCode, path).to.equal(200)
    expect((await app.inject('/docs/static/swagger-initializer.js')).body).to.match(/"validatorUrl":\s*null/)
  })
})
