import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { OperatorClient } from './operator/client.ts'
import { FilesClient } from './operator/files.ts'
import { executorHarness, isCall as isExecutorCall, update } from './testing/executor-harness.ts'
import type { FakeRequest } from './testing/fake-mesos.ts'
import { FakeMesos } from './testing/fake-mesos.ts'
import { isCall, rejection, schedulerHarness } from './testing/scheduler-harness.ts'
import type { Identity } from './testing/tls.ts'
import { authority, certificate, expired, key, misnamed, vouched } from './testing/tls.ts'
import { checkCa } from './tls.ts'

const selfSigned: Identity = { cert: certificate, key }
const broken = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'

describe('TLS', () => {
  const { clientOf: schedulerOf, accept } = schedulerHarness()
  const { clientOf: executorOf, accept: acceptExecutor, toClose } = executorHarness()

  async function secure(identity: Identity, handle: (request: FakeRequest) => void = () => {}) {
    const mesos = await FakeMesos.start(handle, { tls: { ...identity } })
    toClose.push(() => mesos.close())
    return { mesos, url: mesos.url.replace('http:', 'https:') }
  }

  function operatorOf(url: string, ca?: string): OperatorClient {
    const client = new OperatorClient({ url, ca })
    toClose.push(async () => client.close())
    return client
  }

  it('carries scheduler, executor, operator, its events and files, by a CA file', async () => {
    const { mesos, url } = await secure(vouched)
    const scheduler = schedulerOf([url], { ca: authority })
    scheduler.client.start()
    await accept(mesos)
    await scheduler.phase('subscribed')
    const revived = scheduler.client.revive()
    ;(await mesos.requests.first(isCall, 1)).answer(202)
    await revived

    const agent = await secure(vouched)
    const executor = executorOf(agent.url, { ca: authority, token: 'a.b.c' })
    executor.client.start()
    await acceptExecutor(agent.mesos)
    await executor.phase('subscribed')
    const updated = executor.client.update(update('t'))
    ;(await agent.mesos.requests.first(isExecutorCall)).answer(202)
    await updated
    expect(agent.mesos.requests.items.map(({ headers }) => headers.authorization)).to.deep.equal([
      'Bearer a.b.c',
      'Bearer a.b.c',
    ])

    const leader = await secure(vouched, request =>
      request.stream('master.Event').send({ type: 'SUBSCRIBED', subscribed: {} }),
    )
    for await (const { type } of operatorOf(leader.url, authority).events()) {
      expect(type).to.equal('SUBSCRIBED')
      break
    }

    const sandbox = await secure(vouched, request => request.answer(200, 'bytes'))
    const files = new FilesClient({
      url: sandbox.url,
      ca: authority,
      credential: { principal: 'logs', secret: 's' },
    })
    toClose.push(async () => files.close())
    for await (const chunk of files.download('/x')) expect(Buffer.from(chunk).toString()).to.equal('bytes')
    const authorization = `Basic ${Buffer.from('logs:s').toString('base64')}`
    expect(sandbox.mesos.requests.items[0]?.headers.authorization).to.equal(authorization)
  })

  const failures: readonly (readonly [string, Identity, string | undefined, RegExp])[] = [
    [
      'by an authority that is not trusted',
      vouched,
      undefined,
      /\(UNABLE_TO_VERIFY_LEAF_SIGNATURE\): .* into `ca`$/,
    ],
    [
      'by another authority than the one trusted',
      vouched,
      certificate,
      /nobody that is trusted .* into `ca`$/,
    ],
    ['with its authority beside it', { ...vouched, cert: vouched.cert + authority }, undefined, /into `ca`$/],
    [
      'by itself',
      selfSigned,
      undefined,
      /self-signed certificate.*\(DEPTH_ZERO_SELF_SIGNED_CERT\): .*: put its PEM into `ca`$/,
    ],
    [
      'for another host',
      misnamed,
      authority,
      /127\.0\.0\.1 is not in .*: its certificate is for another host: /,
    ],
    ['until long ago', expired, authority, /certificate has expired .* is to be renewed/],
  ]
  for (const [what, identity, ca, message] of failures) {
    it(`says what to change about a certificate that was issued ${what}`, async () => {
      const { mesos, url } = await secure(identity)
      const error = await rejection(operatorOf(url, ca).getJson('/state'))
      expect([error.code, error.maybeDone, error.retryable]).to.deep.equal(['unreachable', false, true])
      expect(error.message).to.match(message)
      expect(mesos.requests.items).to.deep.equal([])
    })
  }

  it('is told to the scheduler as what it waits for', async () => {
    const { url } = await secure(selfSigned)
    const { client, phase } = schedulerOf([url])
    client.start()
    const { cause } = await phase('waiting')
    expect(cause.code).to.equal('unreachable')
    expect(cause.message).to.match(/^SUBSCRIBE at https:.* put its PEM into `ca`$/)
  })

  it('says that a server speaks none', async () => {
    const plain = http.createServer().listen(0, '127.0.0.1')
    toClose.push(async () => void plain.close())
    await new Promise(resolve => plain.once('listening', resolve))
    const { port } = plain.address() as AddressInfo
    const error = await rejection(operatorOf(`https://127.0.0.1:${port}`).getJson('/state'))
    expect([error.code, error.maybeDone]).to.deep.equal(['unreachable', false])
    expect(error.message).to.match(/is it http\?$/)
  })

  it('says that a server demands a certificate of its client', async () => {
    const mesos = await FakeMesos.start(() => {}, {
      tls: { ...vouched, requestCert: true, rejectUnauthorized: true, ca: authority },
    })
    toClose.push(() => mesos.close())
    const url = mesos.url.replace('http:', 'https:')
    const error = await rejection(operatorOf(url, authority).getJson('/state'))
    expect(error.message).to.match(/does not send$/)
  })

  it('takes no `ca` that holds no certificate, which Node would take for trusting nobody', async () => {
    for (const [ca, message] of [
      ['', /no PEM certificate/],
      ['/etc/ssl/ca.pem', /text of the file, not its name/],
      [`${authority}${broken}`, /can not be read, its 2\./],
    ] as const) {
      const url = 'https://127.0.0.1:1'
      expect(() => new OperatorClient({ url, ca })).to.throw(TypeError, message)
      expect(() => new FilesClient({ url, ca })).to.throw(TypeError, message)
      expect(() => schedulerOf([url], { ca })).to.throw(TypeError, message)
      expect(() => executorOf(url, { ca })).to.throw(TypeError, message)
    }
    expect(() => checkCa('x', `a comment\n${authority}\n${certificate}`)).not.to.throw()
    expect(() => checkCa('x', undefined)).not.to.throw()
  })

  it('never carries an executor token over a socket to anyone else (E4, E5)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mesos-'))
    toClose.push(async () => rmSync(folder, { recursive: true }))
    const path = join(folder, 's')
    const agent = await FakeMesos.start(() => {}, { path })
    toClose.push(() => agent.close())
    const endpoint = await FakeMesos.start()
    toClose.push(() => endpoint.close())
    const { client, phase } = executorOf(endpoint, { domainSocket: path, token: 'a.b.c' })
    client.start()
    await acceptExecutor(agent)
    await phase('subscribed')
    const sent = client.update(update('t'))
    ;(await agent.requests.first(isExecutorCall)).answer(202)
    await sent
    expect(agent.requests.items.map(({ headers }) => headers.authorization)).to.deep.equal([
      'Bearer a.b.c',
      'Bearer a.b.c',
    ])
    expect(endpoint.requests.items).to.deep.equal([])
  })
})

describe('credentials and redirects', () => {
  const { clientOf: schedulerOf, accept, fakeMaster } = schedulerHarness()
  const { toClose } = executorHarness()
  const credential = { principal: 'p', secret: 's' }
  const authorization = `Basic ${Buffer.from('p:s').toString('base64')}`

  it('go with a scheduler to the leader, another host (S8, S18)', async () => {
    const leader = await fakeMaster()
    const follower = await fakeMaster(request =>
      request.answer(307, '', { Location: `//localhost:${leader.port}/master/api/v1/scheduler` }),
    )
    const { client, phase } = schedulerOf([follower.url], { credential })
    client.start()
    await accept(leader)
    expect((await phase('subscribed')).url).to.contain('//localhost:')
    expect(leader.requests.items[0]?.headers.authorization).to.equal(authorization)
  })

  it('never leave TLS with a scheduler', async () => {
    const plain = await fakeMaster()
    const master = await FakeMesos.start(request => request.answer(307, '', { Location: plain.url }), {
      tls: { ...vouched },
    })
    toClose.push(() => master.close())
    const url = master.url.replace('http:', 'https:')
    const { client, phase } = schedulerOf([url], { credential, ca: authority })
    client.start()
    const { cause } = await phase('waiting')
    expect([cause.code, cause.message]).to.deep.equal([
      'redirect_loop',
      `${url}/api/v1/scheduler redirects out of TLS: ${plain.url}`,
    ])
    expect(plain.requests.items).to.deep.equal([])
  })

  it('stay with an agent: one that redirects elsewhere gets them there no more', async () => {
    const elsewhere = await fakeMaster(request => request.answer(401))
    const agent = await fakeMaster(request =>
      request.answer(307, '', { Location: `http://localhost:${elsewhere.port}${request.path}` }),
    )
    const files = new FilesClient({ url: agent.url, credential })
    toClose.push(async () => files.close())
    const error = await rejection(files.browse('/x'))
    expect([error.code, error.fatal]).to.deep.equal(['unauthenticated', true])
    expect(agent.requests.items[0]?.headers.authorization).to.equal(authorization)
    expect(elsewhere.requests.items[0]?.headers).not.to.have.property('authorization')
  })
})
