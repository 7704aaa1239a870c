// What only shows on a real connection.
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect } from 'chai'
import type { FastifyInstance } from 'fastify'
import { exampleTask, tasksInMemory, testApp } from './test-support.ts'

describe('HTTP server', function () {
  this.timeout(20_000)
  let app: FastifyInstance
  let release: () => void
  let asked: Promise<void>

  beforeEach(async () => {
    const released = Promise.withResolvers<void>()
    const began = Promise.withResolvers<void>()
    release = released.resolve
    asked = began.promise
    app = await testApp({
      tasks: {
        ...tasksInMemory(),
        get: async () => {
          began.resolve()
          await released.promise
          return exampleTask()
        },
      },
    })
    await app.listen({ host: '127.0.0.1', port: 0 })
  })
  afterEach(() => app.close())

  const port = (): number => {
    const address = app.server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return address.port
  }

  /** Sends these bytes and reads until the server closes the connection. */
  const raw = async (bytes: string): Promise<string> => {
    const socket = connect(port(), '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.write(bytes)
    await once(socket, 'close')
    return Buffer.concat(chunks).toString()
  }

  it('answers nonsense by a problem', async () => {
    const answer = await raw('NONSENSE\r\n\r\n')
    expect(answer).to.match(/^HTTP\/1\.1 400 Bad Request\r\ncontent-type: application\/problem\+json/)
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).to.include({ status: 400, code: 'bad_request' })
  })

  it('answers a header that is too large by a problem', async () => {
    const answer = await raw(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`)
    expect(answer).to.match(/^HTTP\/1\.1 431 /)
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).to.include({ status: 431 })
  })

  it('answers a body in chunks that grows too large by 413', async () => {
    const chunk = `40000\r\n${'x'.repeat(0x40000)}\r\n`
    const head =
      'POST /v2/tasks HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n'
    const answer = await raw(`${head}${chunk.repeat(6)}0\r\n\r\n`)
    expect(answer).to.match(/^HTTP\/1\.1 413 /)
    expect(answer).to.contain('"code":"body_too_large"')
  })

  it('finishes what has begun before it closes', async () => {
    const answer = fetch(`http://127.0.0.1:${port()}/v2/tasks/1`)
    await asked
    const closed = app.close()
    release()
    expect((await answer).status).to.equal(200)
    await closed
  })
})
