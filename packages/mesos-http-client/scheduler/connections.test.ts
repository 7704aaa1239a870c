import type { AddressInfo, Socket } from 'node:net'
import net from 'node:net'
import { expect } from 'chai'
import { MesosError } from '../errors.ts'
import type { SchedulerCallBody } from '../messages-by-type.ts'
import { encodeRecord } from '../recordio.ts'
import { Log } from '../testing/log.ts'
import { rejection, schedulerHarness } from '../testing/scheduler-harness.ts'
import type { RawExchange } from '../testing/traces.ts'
import { rawExchanges, textOf, trace } from '../testing/traces.ts'

interface Taken {
  readonly socket: Socket
  readonly head: string
  readonly call: SchedulerCallBody
  /** Bytes that had come behind it: a pipelined request. */
  readonly behind: number
}

/** The bytes of a recorded answer. */
const bytesOf = ({ status_line, headers, body }: RawExchange['responses'][number]) =>
  [status_line, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', body].join('\r\n')

/** The requests of recorded bytes, one after the other. */
function callsOf({ request }: RawExchange): SchedulerCallBody[] {
  return request.raw
    .split(/POST \/api\/v1\/scheduler HTTP\/1\.1\r\n/)
    .slice(1)
    .map(text => JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)))
}

describe('SchedulerClient: connections', () => {
  const { clientOf } = schedulerHarness()
  const closing: (() => void)[] = []
  afterEach(() => {
    for (const close of closing.splice(0)) close()
  })

  /** A server of bytes in a master's place: SUBSCRIBE gets the recorded stream, what else comes waits for the test. */
  async function rawMaster() {
    const taken = new Log<Taken>()
    const others = new Log<Taken>()
    const sockets = new Set<Socket>()
    const subscribe = trace('24').exchanges.find(({ response }) => response.records !== undefined)
    const stream = (subscribe?.response.records ?? []).map(({ event }) => {
      const record = Buffer.from(encodeRecord(Buffer.from(textOf(event)))).toString('latin1')
      return `${record.length.toString(16)}\r\n${record}\r\n`
    })
    const headers = Object.entries(subscribe?.response.headers ?? {}).map(
      ([name, value]) => `${name}: ${value}`,
    )
    const server = net.createServer(socket => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      let buffer = ''
      socket.on('data', chunk => {
        buffer += chunk.toString('latin1')
        for (;;) {
          const bodyAt = buffer.indexOf('\r\n\r\n') + 4
          const length = Number(/content-length: (\d+)/i.exec(buffer)?.[1])
          if (bodyAt < 4 || buffer.length < bodyAt + length) break
          const head = buffer.slice(0, bodyAt)
          const call: SchedulerCallBody = JSON.parse(buffer.slice(bodyAt, bodyAt + length))
          const type: string = call.type
          buffer = buffer.slice(bodyAt + length)
          if (type === 'SUBSCRIBE')
            socket.write(['HTTP/1.1 200 OK', ...headers, '', stream.join('')].join('\r\n'), 'latin1')
          else (type === 'KILL' ? others : taken).add({ socket, head, call, behind: buffer.length })
        }
      })
    })
    server.listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    closing.push(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const made = clientOf([`http://127.0.0.1:${port}`])
    made.client.start()
    await made.phase('subscribed')
    return { taken, others, ...made }
  }

  it('are kept: the recorded calls get the recorded answers, one after the other on one connection (S36)', async () => {
    const { client, taken, others, phase } = await rawMaster()
    const { streamId } = await phase('subscribed')
    const recorded = rawExchanges('24').flatMap(exchange => {
      const calls = callsOf(exchange)
      return exchange.responses.flatMap((response, index) => {
        const call = calls[index]
        return call === undefined ? [] : [{ call, response }]
      })
    })
    expect(recorded.map(({ call }) => call.type)).to.deep.equal([
      'SUPPRESS',
      'REVIVE',
      'DECLINE',
      'REVIVE',
      'KILL',
      'SUPPRESS',
    ])
    // all at once: they leave in their order all the same, but for the KILL, which overtakes
    const sent = recorded.map(({ call }) => client.call(call).catch((error: unknown) => error))
    const ordered = recorded.filter(({ call }) => call.type !== 'KILL')
    for (const [index, { call, response }] of ordered.entries()) {
      const own = await taken.take(index + 1)
      const last = own.at(-1)
      expect(taken.items).to.have.length(index + 1)
      expect(last?.call).to.deep.equal(call)
      expect(last?.head).to.contain(`Mesos-Stream-Id: ${streamId}\r\n`)
      expect([last?.socket, last?.behind]).to.deep.equal([own[0]?.socket, 0])
      last?.socket.write(bytesOf(response))
    }
    const kill = await others.first()
    const [verdict] = recorded.filter(({ call }) => call.type === 'KILL')
    kill.socket.write(verdict === undefined ? '' : bytesOf(verdict.response))
    const results = await Promise.all(sent)
    const told = results.map(result => (result instanceof MesosError ? result.message : result))
    const refusal = "KILL: HTTP 400: Failed to validate scheduler::Call: Expecting 'kill' to be present"
    expect(told).to.deep.equal([undefined, undefined, undefined, undefined, refusal, undefined])
  })

  it('are taken anew when the server has closed a kept one', async () => {
    const { client, taken } = await rawMaster()
    const accepted = rawExchanges('24')[0]?.responses[0]
    if (accepted === undefined) throw new Error('not recorded')
    const first = client.revive(['web'])
    const { socket } = await taken.first()
    socket.end(bytesOf(accepted))
    await first
    await new Promise(resolve => socket.once('close', resolve))
    const second = client.revive(['web'])
    const next = await taken.first(() => true, 1)
    expect(next.socket).not.to.equal(socket)
    next.socket.write(bytesOf(accepted))
    await second
    expect(taken.items).to.have.length(2)
  })

  it('that the server closes as a call leaves make it fail, and do not send it again', async () => {
    const { client, taken } = await rawMaster()
    const accepted = rawExchanges('24')[0]?.responses[0]
    if (accepted === undefined) throw new Error('not recorded')
    const first = client.revive(['web'])
    const { socket } = await taken.first()
    socket.write(bytesOf(accepted))
    await first
    const cut = rejection(client.revive(['web']))
    const next = await taken.first(() => true, 1)
    expect(next.socket).to.equal(socket)
    next.socket.destroy()
    const error = await cut
    expect([error.code, error.maybeDone]).to.deep.equal(['disconnected', true])
    const third = client.suppress(['web'])
    const last = await taken.first(() => true, 2)
    expect(last.call.type).to.equal('SUPPRESS')
    last.socket.write(bytesOf(accepted))
    await third
  })
})
