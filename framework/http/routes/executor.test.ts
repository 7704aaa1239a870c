// The executor's archives as a fetcher asks for them.
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { FastifyInstance } from 'fastify'
import { testApp } from '../test-support.ts'

const hash = 'ab'.repeat(32)
const file = `${hash}.tar.gz`
const content = Buffer.alloc(300_000, 'executor ')

describe("HTTP API: the executor's archives", function () {
  this.timeout(20_000)
  let dir: string
  let app: FastifyInstance
  let port: number
  let leader: string | undefined
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'juice-executor-'))
    await writeFile(join(dir, 'bundle'), content)
    const artifacts = new Map([
      [file, join(dir, 'bundle')],
      [`${'cd'.repeat(32)}.tar.gz`, join(dir, 'missing')],
    ])
    app = await testApp({ executorArtifacts: artifacts, leaderElsewhere: () => Promise.resolve(leader) })
    await app.listen({ host: '127.0.0.1', port: 0 })
    const address = app.server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    port = address.port
  })
  after(async () => {
    await app.close()
    await rm(dir, { recursive: true })
  })

  const ask = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const asked = request({ port, host: '127.0.0.1', method, path, headers, agent: false })
    asked.end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    const body = Buffer.concat((await answer.toArray()) as Buffer[])
    return { status: answer.statusCode, headers: answer.headers, body }
  }

  it('come whole, with their length and their hash', async () => {
    const answer = await ask('GET', `/executor/${file}`)
    expect(answer.status).to.equal(200)
    expect(answer.body.equals(content)).to.equal(true)
    expect(answer.headers).to.include({
      'content-length': String(content.length),
      'content-type': 'application/gzip',
      etag: `"${hash}"`,
      'cache-control': 'public, max-age=31536000, immutable',
    })
    expect(answer.headers).not.to.have.property('transfer-encoding')
  })

  it('tell their length to HEAD, by which a fetcher makes room', async () => {
    const answer = await ask('HEAD', `/executor/${file}`)
    expect(answer.status).to.equal(200)
    expect(answer.headers['content-length']).to.equal(String(content.length))
    expect(answer.body).to.have.lengthOf(0)
  })

  it('need not come again', async () => {
    const answer = await ask('GET', `/executor/${file}`, { 'if-none-match': `"${hash}"` })
    expect([answer.status, answer.body.length]).to.deep.equal([304, 0])
  })

  it('of another version are at the process that leads, if that is another one', async () => {
    const other = `/executor/${'ef'.repeat(32)}.tar.gz`
    expect((await ask('GET', other)).status).to.equal(404)
    leader = 'http://agent7.example:31007'
    try {
      for (const method of ['GET', 'HEAD']) {
        const answer = await ask(method, other)
        expect(answer.status).to.equal(307)
        expect(answer.headers.location).to.equal(`http://agent7.example:31007${other}`)
      }
      expect((await ask('GET', `/executor/${file}`)).status).to.equal(200)
      expect((await ask('GET', '/executor/x')).status).to.equal(404)
    } finally {
      leader = undefined
    }
  })

  for (const path of [
    `/executor/${'cd'.repeat(32)}.tar.gz`,
    '/executor/..%2f..%2fetc%2fpasswd',
    '/executor/',
    '/executor/x',
  ]) {
    it(`are 404 at ${path}`, async () => {
      const answer = await ask('GET', path)
      expect(answer.status).to.equal(404)
      expect(answer.headers['content-type']).to.match(/^application\/problem\+json/)
    })
  }
})
