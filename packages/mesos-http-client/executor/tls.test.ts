// Executors of agents that speak TLS, with a real server.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { executorHarness } from '../testing/executor-harness.ts'
import { certificate, key } from '../testing/tls.ts'
import type { TlsOptions } from '../tls.ts'
import { executorTls, readTls } from './tls.ts'

describe('TLS of an executor', () => {
  const { fakeAgent, clientOf, accept, toClose } = executorHarness()
  let dir: string
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'mesos-tls-'))
    writeFileSync(join(dir, 'ca.pem'), certificate)
    writeFileSync(join(dir, 'key.pem'), key)
    writeFileSync(join(dir, 'README'), 'no certificate')
  })
  after(() => rmSync(dir, { recursive: true }))

  const parsed = (env: Record<string, string>): ReturnType<typeof executorTls> =>
    executorTls(env, problem => {
      throw new Error(problem)
    })

  it('is off, unless the agent passes on that it is on', () => {
    expect(parsed({})).to.equal(undefined)
    expect(parsed({ LIBPROCESS_SSL_ENABLED: 'false', LIBPROCESS_SSL_VERIFY_CERT: '1' })).to.equal(undefined)
  })

  for (const [env, expected] of [
    [{}, { verify: false, naming: 'reverse' }],
    [{ VERIFY_CERT: '1' }, { verify: true, naming: 'reverse' }],
    [
      { VERIFY_SERVER_CERT: 'true', VERIFY_IPADD: 'true' },
      { verify: true, naming: 'address' },
    ],
    [{ REQUIRE_CERT: '1' }, { verify: true, naming: 'reverse' }],
    [
      { REQUIRE_CLIENT_CERT: 'true', HOSTNAME_VALIDATION_SCHEME: 'openssl' },
      { verify: true, naming: 'address' },
    ],
    [
      { CA_FILE: '/a', CA_DIR: '/b', CERT_FILE: '/c', KEY_FILE: '/d' },
      {
        caFile: '/a',
        caDir: '/b',
        certFile: '/c',
        keyFile: '/d',
        verify: false,
        naming: 'reverse',
      },
    ],
  ] as const)
    for (const prefix of ['LIBPROCESS_SSL_', 'SSL_'])
      it(`reads ${prefix}… ${JSON.stringify(env)}`, () => {
        const named = Object.entries({ ENABLED: 'true', ...env }).map(([name, value]) => [
          prefix + name,
          value,
        ])
        expect(parsed(Object.fromEntries(named))).to.deep.equal(expected)
      })

  it('names what is wrong', async () => {
    expect(() => parsed({ LIBPROCESS_SSL_ENABLED: 'yes' })).to.throw(
      'LIBPROCESS_SSL_ENABLED is neither true nor false: yes',
    )
    const scheme = { LIBPROCESS_SSL_ENABLED: '1', LIBPROCESS_SSL_HOSTNAME_VALIDATION_SCHEME: 'dns' }
    expect(() => parsed(scheme)).to.throw('is neither legacy nor openssl: dns')
    const tls = { verify: true, naming: 'address', caFile: join(dir, 'none') } as const
    const failed = await readTls(tls, '127.0.0.1:1').catch((error: unknown) => error)
    expect(failed).to.be.instanceOf(Error)
    expect((failed as Error).message).to.match(/^LIBPROCESS_SSL_CA_FILE: ENOENT/)
  })

  async function connects(tls: TlsOptions, requestCert = false, host = '127.0.0.1'): Promise<boolean> {
    const server = { key, cert: certificate, ca: certificate, requestCert, rejectUnauthorized: requestCert }
    const agent = await fakeAgent(undefined, { tls: server })
    const { client, phase } = clientOf(`https://${host}:${agent.port}`, { tls, checkpoint: false })
    toClose.push(() => client.close())
    client.start()
    const subscribed = Promise.race([
      accept(agent).then(() => phase('subscribed')),
      phase('lost').then(({ cause }) => cause),
    ])
    return 'executorInfo' in (await subscribed)
  }
  const read = (
    env: Partial<Parameters<typeof readTls>[0]>,
    endpoint = '127.0.0.1:5051',
  ): Promise<TlsOptions> => readTls({ verify: true, naming: 'address', ...env }, endpoint)

  it('takes any certificate unless told to verify', async () => {
    expect(await connects(await read({ verify: false }))).to.equal(true)
  })

  it('trusts the CA file, or the folder, and nobody else', async () => {
    expect(await connects(await read({ caFile: join(dir, 'ca.pem') }))).to.equal(true)
    expect(await connects(await read({ caDir: dir }))).to.equal(true)
    expect(await connects(await read({}))).to.equal(false)
  })

  it('shows a certificate of its own where the agent asks for one', async () => {
    const trusted = { caFile: join(dir, 'ca.pem') }
    expect(await connects(await read(trusted), true)).to.equal(false)
    const own = { certFile: join(dir, 'ca.pem'), keyFile: join(dir, 'key.pem') }
    expect(await connects(await read({ ...trusted, ...own }), true)).to.equal(true)
  })

  it('leaves out a certificate of its own that it can’t read', async () => {
    const own = { certFile: join(dir, 'ca.pem'), keyFile: join(dir, 'none') }
    expect(await read({ verify: false, ...own })).to.deep.equal({ verify: false })
  })

  it('goes by the name of the agent’s address where libprocess does', async () => {
    const { names } = await read({ naming: 'reverse' }, 'agent.example:5051')
    expect(names).to.deep.equal(['agent.example'])
    const { names: found } = await read({ naming: 'reverse' })
    expect(found).to.satisfy((known: unknown) => known === 'any' || Array.isArray(known))
    expect(await connects({ ca: certificate, names: ['other.example'] })).to.equal(true)
    for (const [other, isTaken] of [
      [undefined, false],
      [['other.example'], false],
      [['127.0.0.1'], true],
      ['any', true],
    ] as const)
      expect(await connects({ ca: certificate, names: other }, false, 'localhost'), String(other)).to.equal(
        isTaken,
      )
  })
})
