// A task's output over HTTP: bytes, server-sent events, readers that go.
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { expect } from 'chai'
import type { FastifyInstance } from 'fastify'
import { MesosError } from 'mesos-http-client'
import type { Attempt } from '../../domain/task.ts'
import { FakeAgent } from '../../logs/test-support.ts'
import type { TaskView } from '../../usecases/types.ts'
import { exampleAttempt, exampleTask, testApp } from '../test-support.ts'

const binary = Buffer.from([0xff, 0x00, 0x01, 0xc3])

describe("HTTP API: a task's output", function () {
  this.timeout(20_000)
  let app: FastifyInstance
  let agent: FakeAgent
  let task: TaskView | undefined
  /** Resolves the sleep that a follower is in; set while one is. */
  let wake: (() => void) | undefined
  let asleep = Promise.withResolvers<void>()
  let signalOf: { follower: AbortSignal }

  beforeEach(async () => {
    agent = new FakeAgent({ folder: '/s', fileBytes: 1_000_000 })
    task = running()
    app = await testApp({
      logs: {
        getTask: async () => task,
        readLogTails: async () => ({ attempt: 1, stdout: Buffer.from('kept') }),
        filesOf: () => agent,
        sleep: (_ms, signal) => {
          const slept = Promise.withResolvers<void>()
          wake = slept.resolve
          signalOf = { follower: signal }
          signal.addEventListener('abort', () => slept.resolve())
          asleep.resolve()
          asleep = Promise.withResolvers<void>()
          return slept.promise
        },
      },
    })
  })
  afterEach(() => app.close())

  const attempt = (values: Partial<Attempt> = {}): Attempt => exampleAttempt({ sandbox: '/s', ...values })
  const running = (): TaskView => exampleTask({ state: 'RUNNING', attempts: [attempt()] })
  const finished = (): TaskView =>
    exampleTask({ state: 'FINISHED', attempts: [attempt({ finishedAt: new Date() })] })

  it('is given as the bytes that they are', async () => {
    agent.write('stdout', binary)
    const answer = await app.inject('/v2/tasks/1/logs')
    expect(answer.statusCode).to.equal(200)
    expect(answer.rawPayload.equals(binary)).to.equal(true)
    expect(answer.headers).to.include({
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'juice-log-source': 'agent',
      'juice-log-attempt': '1',
    })
  })

  it('is given in full, over 3 MB of rotated files', async () => {
    const whole = Buffer.alloc(3_500_000, 'abcdefg')
    agent.write('stdout', whole)
    const answer = await app.inject('/v2/tasks/1/logs?stream=stdout')
    expect(answer.rawPayload.equals(whole)).to.equal(true)
  })

  it('is given by stream, from an offset, from the tail', async () => {
    agent.write('stdout', 'to stdout')
    agent.write('stderr', 'to stderr')
    expect((await app.inject('/v2/tasks/1/logs?stream=stderr')).body).to.equal('to stderr')
    expect((await app.inject('/v2/tasks/1/logs?offset=3')).body).to.equal('stdout')
    expect((await app.inject('/v2/tasks/1/logs?tail=3')).body).to.equal('out')
    expect((await app.inject('/v2/tasks/1/logs?offset=99')).body).to.equal('')
    expect((await app.inject('/v2/tasks/1/logs?attempt=1')).body).to.equal('to stdout')
  })

  it('comes from the record once the agent has gone', async () => {
    task = finished()
    agent.deleteAll()
    const answer = await app.inject('/v2/tasks/1/logs')
    expect(answer.body).to.equal('kept')
    expect(answer.headers['juice-log-source']).to.equal('record')
  })

  const failures: [string, () => void, string, number, string][] = [
    ['no such task', () => (task = undefined), '', 404, 'task_not_found'],
    ['no such attempt', () => undefined, '?attempt=2', 404, 'attempt_not_found'],
    ['nothing ran yet', () => (task = exampleTask()), '', 409, 'output_not_yet'],
    ['nothing ever ran', () => (task = exampleTask({ state: 'EXPIRED' })), '', 404, 'no_output'],
    [
      'an agent that is away',
      () => (agent.failure = new MesosError('unreachable', 'refused')),
      '',
      502,
      'agent_failed',
    ],
    [
      'an agent that is slow',
      () => (agent.failure = new MesosError('timeout', 'late')),
      '',
      504,
      'agent_timeout',
    ],
    ['a folder that is gone', () => agent.deleteAll(), '', 410, 'output_gone'],
    ['no such task, followed', () => (task = undefined), '?follow=true', 404, 'task_not_found'],
    ['no such attempt, followed', () => undefined, '?follow=true&attempt=9', 404, 'attempt_not_found'],
    ['an unknown stream', () => undefined, '?stream=stdin', 422, 'invalid_request'],
    ['offset and tail', () => undefined, '?offset=1&tail=1', 422, 'invalid_request'],
    ['a wrong follow', () => undefined, '?follow=yes', 422, 'invalid_request'],
    ['a negative tail', () => undefined, '?tail=-1', 422, 'invalid_request'],
  ]
  for (const [title, prepare, query, status, code] of failures) {
    it(`is ${status} for ${title}`, async () => {
      prepare()
      const answer = await app.inject(`/v2/tasks/1/logs${query}`)
      expect(answer.statusCode, answer.body).to.equal(status)
      expect(answer.headers['content-type']).to.match(/^application\/problem\+json/)
      expect(answer.json()).to.include({ code })
    })
  }

  it('is followed to the end', async () => {
    task = finished()
    agent.write('stdout', 'one\ntwo')
    const answer = await app.inject('/v2/tasks/1/logs?follow=true')
    expect(answer.headers).to.include({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    })
    expect(answer.body).to.equal(
      'retry: 2000\n: stdout of task 1\n\nid: 1:7\ndata: one\ndata: two\n\nevent: end\ndata:\n\n',
    )
  })

  it('is resumed after the last event that was seen', async () => {
    task = finished()
    agent.write('stdout', 'one two')
    const answer = await app.inject({
      url: '/v2/tasks/1/logs?follow=true',
      headers: { 'last-event-id': '1:4' },
    })
    expect(answer.body).to.contain('id: 1:7\ndata: two\n')
    const odd = await app.inject({ url: '/v2/tasks/1/logs?follow=true', headers: { 'last-event-id': 'odd' } })
    expect(odd.body).to.contain('data: one two\n')
  })

  describe('over a connection', () => {
    /** Reads what comes until it contains `text`. */
    const until = async (answer: IncomingMessage, text: string): Promise<string> => {
      let seen = ''
      answer.setEncoding('utf8')
      while (!seen.includes(text)) {
        const chunk: unknown = answer.read()
        if (typeof chunk === 'string') seen += chunk
        else await once(answer, 'readable')
      }
      return seen
    }
    const open = async (): Promise<IncomingMessage> => {
      await app.listen({ host: '127.0.0.1', port: 0 })
      const address = app.server.address()
      if (address === null || typeof address === 'string') throw new Error('no port')
      const request = httpRequest({ port: address.port, path: '/v2/tasks/1/logs?follow=true', agent: false })
      request.end()
      const [answer] = (await once(request, 'response')) as [IncomingMessage]
      return answer
    }

    it('comes while the task runs', async () => {
      const sleeping = asleep.promise
      const answer = await open()
      await sleeping
      agent.write('stdout', 'first')
      wake?.()
      await until(answer, 'data: first')
      agent.write('stdout', 'second')
      task = finished()
      wake?.()
      await until(answer, 'event: end')
    })

    it('stops asking the agent when the client goes', async () => {
      const sleeping = asleep.promise
      const answer = await open()
      await sleeping
      const before = agent.calls
      const aborted = once(signalOf.follower, 'abort')
      answer.destroy()
      await aborted
      await app.close()
      expect(agent.calls).to.equal(before)
    })

    it('does not keep the server from closing', async () => {
      const sleeping = asleep.promise
      const answer = await open()
      await sleeping
      answer.on('error', () => undefined)
      await app.close()
    })
  })
})
