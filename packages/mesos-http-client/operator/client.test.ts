import { expect } from 'chai'
import { FakeMesos } from '../testing/fake-mesos.ts'
import type { FakeRequest } from '../testing/fake-mesos.ts'
import { Log } from '../testing/log.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { closers, rejection } from '../testing/scheduler-harness.ts'
import { certificate, key } from '../testing/tls.ts'
import type { TraceExchange } from '../testing/traces.ts'
import type { AgentCallBody, MasterCallBody } from '../messages-by-type.ts'
import { textOf, trace } from '../testing/traces.ts'
import type { OperatorClientOptions } from './client.ts'
import { OperatorClient } from './client.ts'

describe('OperatorClient', () => {
  const toClose = closers()

  async function fake(
    handle?: (request: FakeRequest) => void,
    where?: Parameters<typeof FakeMesos.start>[1],
  ) {
    const mesos = await FakeMesos.start(handle, where)
    toClose.push(() => mesos.close())
    return mesos
  }

  function clientOf(url: string, options: Partial<OperatorClientOptions> = {}): OperatorClient {
    const client = new OperatorClient({ url, ...options })
    toClose.push(async () => client.close())
    return client
  }

  const answerOf =
    ({ response }: TraceExchange) =>
    (request: FakeRequest) =>
      request.answer(response.status, textOf(response.body), { 'Content-Type': 'application/json' })

  /** Typed calls that were recorded, each with its answer. */
  const recorded = (number: string) =>
    trace(number).exchanges.filter(
      ({ request, response }) =>
        request.path === '/api/v1' &&
        request.method === 'POST' &&
        response.status === 200 &&
        response.records === undefined,
    )

  it('understands every recorded answer of a master', async () => {
    const types = new Log<string>()
    for (const exchange of recorded('17c')) {
      const call: MasterCallBody = JSON.parse(textOf(exchange.request.body))
      const { type } = call
      const master = await fake(answerOf(exchange))
      const response = await clientOf(master.url).call(call)
      expect(response.type).to.equal(type)
      expect(Object.keys(response).length, type).to.be.above(type === 'GET_STATE' ? 1 : 0)
      expect(master.requests.items[0]?.as('master.Call').type).to.equal(type)
      types.add(type)
    }
    expect(types.items).to.include.members(['GET_STATE', 'GET_AGENTS', 'GET_FRAMEWORKS', 'GET_METRICS'])
  })

  it('understands every recorded answer of an agent, READ_FILE with its bytes', async () => {
    for (const exchange of [...recorded('17b'), ...recorded('18')]) {
      const agent = await fake(answerOf(exchange))
      const call: AgentCallBody = JSON.parse(textOf(exchange.request.body))
      const response = await clientOf(agent.url).agentCall(call)
      expect(response.type).to.equal(call.type)
      if (response.type === 'READ_FILE') {
        expect(Buffer.from(response.read_file.data).toString()).to.equal('hello')
        expect(response.read_file.size).to.equal(12)
      }
    }
  })

  it('gets every recorded page of a master and of an agent, and is told which do not exist', async () => {
    const pages = [...trace('17').exchanges, ...trace('17b').exchanges].filter(
      ({ request, response }) =>
        request.method === 'GET' && (response.status === 404 || typeof response.body === 'object'),
    )
    expect(pages.length).to.be.above(25)
    for (const { request: asked, response } of pages) {
      const server = await fake(request => request.answer(response.status, textOf(response.body)))
      const got = clientOf(server.url).getJson(asked.path)
      if (response.status === 404) expect((await rejection(got)).code).to.equal('not_found')
      else expect(await got).to.deep.equal(response.body)
      expect(server.requests.items[0]?.path).to.equal(asked.path)
    }
  })

  it('is told what a real master would not do (S9)', async () => {
    const codes: Record<string, string> = { MARK_AGENT_GONE: 'not_found', TEARDOWN: 'unknown_framework' }
    const met: string[] = []
    const refused = trace('17c').exchanges.filter(
      ({ request, response }) =>
        request.path === '/api/v1' && response.status >= 400 && typeof request.body === 'object',
    )
    for (const exchange of refused) {
      const call: MasterCallBody | null = JSON.parse(textOf(exchange.request.body))
      const code = codes[call?.type ?? '']
      if (call === null || code === undefined) continue
      const master = await fake(answerOf(exchange))
      expect((await rejection(clientOf(master.url).call(call))).code).to.equal(code)
      met.push(call.type)
    }
    expect(met).to.have.members(Object.keys(codes))
  })

  it('gives empty contents where an answer has none, and no answer to another call', async () => {
    const answering = async (answer: string) =>
      clientOf((await fake(request => request.answer(200, answer))).url)
    const weights = await answering('{"type":"GET_WEIGHTS"}')
    expect((await weights.call({ type: 'GET_WEIGHTS' })).get_weights).to.deep.equal({})
    for (const answer of ['{"type":"GET_HEALTH"}', '{"type":"GET_TASKS","get_tasks":{}}', '']) {
      const error = await rejection((await answering(answer)).call({ type: 'GET_HEALTH' }))
      expect([error.code, error.maybeDone]).to.deep.equal(['unreadable', true])
      expect(error.message).to.contain('an answer to GET_HEALTH without get_health')
    }
    const other = await answering('{"type":"GET_TASKS","get_tasks":{}}')
    expect((await rejection(other.call({ type: 'GET_WEIGHTS' }))).code).to.equal('unreadable')
  })

  it('speaks protobuf as well, and takes an empty answer for done', async () => {
    const master = await fake(request => request.answer(200))
    for (const codec of ['json', 'protobuf'] as const) {
      const client = clientOf(master.url, { codec, credential: { principal: 'ops', secret: 'ö:x' } })
      const call = { type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: 'a' } } } as const
      expect(await client.call(call)).to.deep.equal({})
      const request = master.requests.items.at(-1)
      expect(request?.as('master.Call')).to.deep.equal(call)
      expect(Buffer.from(request?.headers.authorization?.split(' ')[1] ?? '', 'base64').toString()).to.equal(
        'ops:ö:x',
      )
    }
  })

  it('gets JSON from other endpoints, through a redirect to the leader', async () => {
    const leader = await fake(request => request.answer(200, '{"tasks":[]}'))
    const follower = await fake(request =>
      request.answer(307, '', { Location: `//127.0.0.1:${leader.port}${request.path}` }),
    )
    expect(await clientOf(follower.url).getJson('/state?x=1')).to.deep.equal({ tasks: [] })
    expect(leader.requests.items[0]?.path).to.equal('/state?x=1')
  })

  it('says what went wrong', async () => {
    const answers: [number, string, string][] = [
      [401, '401 Unauthorized.', 'unauthenticated'],
      [404, "Agent 'no-such-agent' not found", 'not_found'],
      [400, 'No framework found with specified ID', 'unknown_framework'],
      [200, '<html>', 'unreadable'],
    ]
    for (const [status, text, code] of answers) {
      const master = await fake(request => request.answer(status, text))
      expect((await rejection(clientOf(master.url).getJson('/state'))).code).to.equal(code)
      expect((await rejection(clientOf(master.url).call({ type: 'GET_HEALTH' }))).code).to.equal(code)
    }
    expect((await rejection(clientOf('http://127.0.0.1:1').getJson('/state'))).code).to.equal('unreachable')
    const subscribe: MasterCallBody = JSON.parse('{"type":"SUBSCRIBE"}')
    const streaming = await rejection(clientOf('http://127.0.0.1:1').call(subscribe))
    expect(streaming.code).to.equal('invalid_call')
  })

  it('bounds an answer in time and size', async () => {
    const clock = new ManualClock()
    const master = await fake()
    const silent = rejection(clientOf(master.url, { clock, callTimeoutMs: 3000 }).getJson('/state'))
    await master.requests.first()
    clock.advance(3000)
    expect((await silent).code).to.equal('timeout')

    const stuck = rejection(clientOf(master.url, { clock, callTimeoutMs: 3000 }).getJson('/state'))
    const stream = (await master.requests.first(() => true, 1)).stream('master.Event')
    stream.raw('{"a":')
    let waiting = true
    const ended = stuck.finally(() => (waiting = false))
    while (waiting) {
      await new Promise(resolve => setImmediate(resolve))
      clock.advance(100)
    }
    const error = await ended
    expect([error.code, error.message]).to.deep.equal([
      'timeout',
      `GET ${master.url}/state: nothing more for 3000 ms`,
    ])

    const large = await fake(request => request.answer(200, `"${'x'.repeat(5000)}"`))
    const refused = await rejection(clientOf(large.url, { maxAnswerBytes: 4000 }).getJson('/state'))
    expect(refused.message).to.contain('more than 4000 bytes')
  })

  it('trusts a certificate that it is told to, and no other', async () => {
    const master = await fake(request => request.answer(200, '{"secure":true}'), {
      tls: { cert: certificate, key },
    })
    const url = master.url.replace('http:', 'https:')
    expect(await clientOf(url, { ca: certificate }).getJson('/state')).to.deep.equal({ secure: true })
    const error = await rejection(clientOf(url).getJson('/state'))
    expect([error.code, error.maybeDone]).to.deep.equal(['unreachable', false])
    expect(master.requests.items).to.have.length(1)
  })

  it('does not follow a redirect out of TLS', async () => {
    const plain = await fake(request => request.answer(200, '{}'))
    const master = await fake(request => request.answer(307, '', { Location: plain.url }), {
      tls: { cert: certificate, key },
    })
    const client = clientOf(master.url.replace('http:', 'https:'), { ca: certificate })
    expect((await rejection(client.getJson('/state'))).code).to.equal('redirect_loop')
    expect(plain.requests.items).to.have.length(0)
  })
})
