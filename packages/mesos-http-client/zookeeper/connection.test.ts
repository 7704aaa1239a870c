// What a connection makes of servers that don't behave; the real one is in ../masters and ../scheduler.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { expect } from 'chai'
import { systemClock } from '../clock.ts'
import { closers, rejection } from '../testing/scheduler-harness.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { ZooKeeperConnection } from './connection.ts'
import { FrameParser, frame } from './frames.ts'
import { Writer, xids } from './protocol.ts'

const session = (timeoutMs: number) =>
  frame(new Writer().int(0).int(timeoutMs).long(1n).buffer(Buffer.alloc(16)).bytes())
const reply = (xid: number, error = 0) => new Writer().int(xid).long(1n).int(error)

describe('ZooKeeperConnection', () => {
  const toClose = closers()

  /** A server that is told each frame, beginning with 0 for the first one. */
  async function server(onFrame: (socket: Socket, index: number, body: Buffer) => void) {
    const sockets: Socket[] = []
    const listening = createServer(socket => {
      const parser = new FrameParser()
      let count = 0
      sockets.push(socket)
      socket.on('error', () => {})
      socket.on('data', (bytes: Buffer) => {
        for (const body of parser.push(bytes)) onFrame(socket, count++, body)
      })
    }).listen(0, '127.0.0.1')
    await once(listening, 'listening')
    const address = listening.address()
    toClose.push(async () => {
      for (const socket of sockets) socket.destroy()
      listening.close()
    })
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  function connectionTo(port: number, options: { clock?: ManualClock; credentials?: string } = {}) {
    const connection = new ZooKeeperConnection({
      server: { host: '127.0.0.1', port },
      sessionTimeoutMs: 1000,
      connectTimeoutMs: 2000,
      answerTimeoutMs: 3000,
      clock: options.clock ?? systemClock,
      credentials: options.credentials,
    })
    toClose.push(async () => connection.cut())
    return connection
  }

  it('is refused: unreachable', async () => {
    const connection = connectionTo(1)
    expect((await connection.ended).code).to.equal('unreachable')
    expect((await rejection(connection.ready)).code).to.equal('unreachable')
    expect((await rejection(connection.getData('/'))).code).to.equal('unreachable')
    await connection.close()
  })

  it('gives up a server that takes the connection and grants no session', async () => {
    const clock = new ManualClock()
    const asked = Promise.withResolvers<void>()
    const connection = connectionTo(await server(() => asked.resolve()), { clock })
    await asked.promise
    const read = rejection(connection.getChildren('/'))
    clock.advance(2000)
    expect((await connection.ended).message).to.match(/no session within 2000 ms$/)
    expect((await read).code).to.equal('unreachable')
  })

  it('gives up a server that falls silent between two answers', async () => {
    const clock = new ManualClock()
    const asked = Promise.withResolvers<void>()
    const port = await server((socket, index, body) => {
      if (index === 0) socket.write(session(1000))
      else if (index === 1)
        socket.write(frame(reply(body.readInt32BE(0)).buffer(Buffer.from('data')).bytes()))
      else asked.resolve()
    })
    const connection = connectionTo(port, { clock })
    expect(String(Buffer.from((await connection.getData('/a')) ?? []))).to.equal('data')
    const silent = rejection(connection.ping())
    await asked.promise
    clock.advance(2999)
    expect(clock.timers).to.equal(1)
    clock.advance(1)
    expect((await silent).code).to.equal('timeout')
    expect(clock.timers).to.equal(0)
  })

  for (const [what, bytes, code] of [
    ['a session that has expired', session(0), 'session_expired'],
    ['a frame without end', Buffer.from([127, 0, 0, 0]), 'unreadable'],
    ['a message that is too short', frame(Buffer.from([0])), 'unreadable'],
    [
      'an answer that nobody asked for',
      Buffer.concat([session(1000), frame(reply(7).bytes())]),
      'unreadable',
    ],
    [
      'a refusal of the credentials',
      Buffer.concat([session(1000), frame(reply(xids.auth, -115).bytes())]),
      'unauthenticated',
    ],
  ] as const) {
    it(`ends at ${what}: ${code}`, async () => {
      const port = await server((socket, index) => {
        if (index === 0) socket.write(bytes)
      })
      const connection = connectionTo(port, { credentials: 'u:topsecret' })
      const cause = await connection.ended
      expect(cause.code).to.equal(code)
      expect(cause.message).not.to.include('topsecret')
      expect(connection.isExpired).to.equal(code === 'session_expired')
    })
  }

  it('closes within a moment although the server does not', async () => {
    const clock = new ManualClock()
    const farewell = Promise.withResolvers<Buffer>()
    const port = await server((socket, index, body) => {
      if (index === 0) socket.write(session(1000))
      else farewell.resolve(Buffer.from(body))
    })
    const connection = connectionTo(port, { clock })
    await connection.ready
    const closed = connection.close()
    expect((await farewell.promise).readInt32BE(4)).to.equal(-11)
    clock.advance(500)
    await closed
    expect((await rejection(connection.getChildren('/'))).code).to.equal('closed')
  })
})
