// One try of a callback against a receiver on loopback that behaves badly.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { expect } from 'chai'
import { defaultAddressRule } from './address-rule.ts'
import { CallbackSender, type SendOutcome, type SenderOptions } from './send.ts'

const never = new AbortController().signal

describe('sending a callback', function () {
  this.timeout(20_000)
  let server: Server
  let port: number
  let answer: (request: IncomingMessage, response: ServerResponse) => void
  const requests: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = []
  let sender: CallbackSender

  beforeEach(async () => {
    requests.length = 0
    answer = (_request, response) => response.end()
    server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', url = '', headers } = request
        requests.push({ method, url, headers, body: Buffer.concat(chunks).toString() })
        answer(request, response)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    port = address.port
    sender = new CallbackSender({ rule: defaultAddressRule({ allowLoopback: true }) })
  })
  afterEach(async () => {
    await sender.close()
    server.closeAllConnections()
    server.close()
  })

  const send = async (url: string, options?: SenderOptions, signal = never): Promise<SendOutcome> => {
    const used = options === undefined ? sender : new CallbackSender(options)
    try {
      return await used.send({ url, eventId: 42, body: '{"id":42}' }, signal)
    } finally {
      if (used !== sender) await used.close()
    }
  }

  it('posts JSON with the id of the event', async () => {
    expect(await send(`http://127.0.0.1:${port}/hook?x=1`)).to.deep.equal({ name: 'delivered', status: 200 })
    expect(requests).to.have.lengthOf(1)
    expect(requests[0]).to.include({ method: 'POST', url: '/hook?x=1', body: '{"id":42}' })
    expect(requests[0]?.headers).to.include({
      'content-type': 'application/json; charset=utf-8',
      'juice-event-id': '42',
    })
  })

  it('sends the credentials of the URL as such', async () => {
    await send(`http://us%40er:p%3Aw@127.0.0.1:${port}/`)
    expect(requests[0]?.headers.authorization).to.equal(
      `Basic ${Buffer.from('us@er:p:w').toString('base64')}`,
    )
  })

  const answers: [number, Record<string, string>, SendOutcome][] = [
    [204, {}, { name: 'delivered', status: 204 }],
    [
      302,
      { location: '/elsewhere' },
      { name: 'failed', status: 302, error: 'answered 302, and redirects are not followed' },
    ],
    [
      307,
      { location: 'http://169.254.169.254/' },
      { name: 'failed', status: 307, error: 'answered 307, and redirects are not followed' },
    ],
    [404, {}, { name: 'failed', status: 404, error: 'answered 404' }],
    [410, {}, { name: 'refused', status: 410, error: 'answered 410: it does not want callbacks' }],
    [500, {}, { name: 'failed', status: 500, error: 'answered 500' }],
  ]
  for (const [status, headers, outcome] of answers) {
    it(`takes ${status} for ${outcome.name}`, async () => {
      answer = (_request, response) => response.writeHead(status, headers).end('body')
      expect(await send(`http://127.0.0.1:${port}/`)).to.deep.equal(outcome)
      expect(requests).to.have.lengthOf(1)
    })
  }

  it('does not wait for an answer that has no end', async () => {
    answer = (_request, response) => {
      const more = (): void => {
        while (response.write(Buffer.alloc(16_384)));
        response.once('drain', more)
      }
      more()
    }
    expect(await send(`http://127.0.0.1:${port}/`)).to.include({ name: 'delivered' })
  })

  it('gives up on a slow receiver', async () => {
    answer = () => undefined
    const rule = defaultAddressRule({ allowLoopback: true })
    expect(await send(`http://127.0.0.1:${port}/`, { rule, timeoutMs: 50 })).to.deep.equal({
      name: 'failed',
      error: 'no answer within 0.05 s',
    })
  })

  it('can be cut short', async () => {
    const cut = new AbortController()
    answer = () => cut.abort()
    expect(await send(`http://127.0.0.1:${port}/`, undefined, cut.signal)).to.include({ name: 'failed' })
  })

  it('fails where the connection breaks, or nobody listens', async () => {
    answer = request => request.socket.destroy()
    expect(await send(`http://127.0.0.1:${port}/`)).to.include({ name: 'failed' })
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
    const outcome = await send(`http://127.0.0.1:${port}/`)
    expect(outcome).to.include({ name: 'failed' })
    expect(outcome)
      .to.have.property('error')
      .that.matches(/ECONNREFUSED/)
  })

  const strict = defaultAddressRule({ allowLoopback: false })
  const urls = (): string[] => [
    `http://127.0.0.1:${port}/`,
    `http://localhost:${port}/`,
    `http://0x7f000001:${port}/`,
    `http://2130706433:${port}/`,
    `http://[::1]:${port}/`,
    `http://[::ffff:127.0.0.1]:${port}/`,
    'http://169.254.169.254/latest/meta-data',
    'http://0.0.0.0/',
  ]
  it('refuses addresses that only this machine reaches, however they are written', async () => {
    for (const url of urls()) {
      const outcome = await send(url, { rule: strict })
      expect(outcome, url).to.include({ name: 'refused' })
      expect(outcome)
        .to.have.property('error')
        .that.matches(/^callbacks don't go to /)
    }
    expect(requests).to.deep.equal([])
  })

  it('refuses what is no URL', async () => {
    expect(await send('nonsense')).to.include({ name: 'refused' })
  })
})
