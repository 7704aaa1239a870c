import type { Socket } from 'node:net'
import net from 'node:net'
import { expect } from 'chai'
import { MesosError } from './errors.ts'
import { FakeMesos } from './testing/fake-mesos.ts'
import { Log } from './testing/log.ts'
import { ManualClock } from './testing/manual-clock.ts'
import { closers, rejection } from './testing/scheduler-harness.ts'
import type { HttpRequest } from './transport.ts'
import { ConnectionPool, readBody, send } from './transport.ts'

describe('transport', () => {
  const toClose = closers()

  function request(url: string, options: Partial<HttpRequest> = {}): HttpRequest {
    const pool = new ConnectionPool({ connections: 1 })
    toClose.push(async () => pool.close())
    return {
      what: 'TEST',
      url: new URL(url),
      method: 'POST',
      headers: {},
      pool,
      connectTimeoutMs: 1000,
      answerTimeoutMs: 5000,
      clock: new ManualClock(),
      ...options,
    }
  }

  it('gives up on a connection that does not come about, before anything is sent (E34)', async () => {
    // takes the connection, but never its TLS handshake: nothing else on loopback is slow to connect
    const sockets = new Log<Socket>()
    const silent = net.createServer(sockets.add).listen(0, '127.0.0.1')
    toClose.push(async () => {
      for (const socket of sockets.items) socket.destroy()
      await new Promise(resolve => silent.close(resolve))
    })
    await new Promise(resolve => silent.once('listening', resolve))
    const address = silent.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const clock = new ManualClock()
    const failed = rejection(send(request(`https://127.0.0.1:${port}/`, { clock })).answer)
    await sockets.first()
    clock.advance(999)
    clock.advance(1)
    const error = await failed
    expect([error.code, error.maybeDone, error.message]).to.deep.equal([
      'unreachable',
      false,
      'TEST: no connection within 1000 ms',
    ])
    expect(clock.timers).to.equal(0)
  })

  it('counts no time for a request that waits for a place, and leaves no timer behind', async () => {
    const server = await FakeMesos.start()
    toClose.push(() => server.close())
    const clock = new ManualClock()
    const pool = new ConnectionPool({ connections: 1 })
    toClose.push(async () => pool.close())
    const first = send(request(server.url, { clock, pool }))
    const second = send(request(server.url, { clock, pool }))
    const one = await server.requests.first()
    clock.advance(4000)
    one.answer(200, 'a')
    const read = { what: 'TEST', clock, silenceMs: 1000, maxBytes: 10 }
    expect(Buffer.from(await readBody(await first.answer, read)).toString()).to.equal('a')
    const two = await server.requests.first(() => true, 1)
    clock.advance(4000)
    two.answer(200, 'b')
    expect(Buffer.from(await readBody(await second.answer, read)).toString()).to.equal('b')
    expect(clock.timers).to.equal(0)
    expect(one.connection).to.equal(two.connection)
  })

  it('fails with the reason that an abort gives, at any time', async () => {
    const server = await FakeMesos.start()
    toClose.push(() => server.close())
    const reason = new MesosError('closed', 'enough')
    const pool = new ConnectionPool({ connections: 1 })
    const early = send(request(server.url, { pool }))
    early.abort(reason)
    expect(await rejection(early.answer)).to.equal(reason)
    const late = send(request(server.url, { pool }))
    await server.requests.first()
    late.abort(reason)
    expect(await rejection(late.answer)).to.equal(reason)
    pool.close()
    await server.disconnected()
    expect(server.requests.items).to.have.length(1)
  })

  it('tells a body that was cut from one that ended', async () => {
    const server = await FakeMesos.start()
    toClose.push(() => server.close())
    const clock = new ManualClock()
    const exchange = send(request(server.url, { clock }))
    const stream = (await server.requests.first()).stream('master.Event')
    stream.raw('part')
    const answer = await exchange.answer
    const body = rejection(readBody(answer, { what: 'TEST', clock, silenceMs: 1000, maxBytes: 10 }))
    stream.cut()
    expect((await body).code).to.equal('disconnected')
    expect(clock.timers).to.equal(0)
  })
})
