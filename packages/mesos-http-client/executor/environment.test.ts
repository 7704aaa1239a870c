import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { executorEnvironment, parseDuration } from './environment.ts'
import { newUuid } from './uuid.ts'

const fixtures = join(import.meta.dirname, '../../../test/fixtures/mesos-traces')

/** The environment that a real agent gave. */
function recorded(file: string): Record<string, string> {
  const content: { exchanges: { environment?: Record<string, string> }[] } = JSON.parse(
    readFileSync(join(fixtures, file), 'utf8'),
  )
  return { ...content.exchanges.find(({ environment }) => environment !== undefined)?.environment }
}

describe('executor environment', () => {
  it('is read as a real agent gives it, with checkpoint (E1, E2)', () => {
    const env = recorded('04-custom-executor-life.json')
    const parsed = executorEnvironment(env)
    expect(parsed).to.deep.equal({
      frameworkId: env['MESOS_FRAMEWORK_ID'],
      executorId: 'ex-life',
      agentId: env['MESOS_SLAVE_ID'],
      agentEndpoint: '127.0.0.1:5051',
      agentProcess: 'slave(1)',
      sandbox: env['MESOS_SANDBOX'],
      checkpoint: true,
      shutdownGracePeriodMs: 5000,
      recoveryTimeoutMs: 900_000,
      subscriptionBackoffMaxMs: 2000,
    })
  })

  it('says how an agent speaks TLS, and what is wrong with that', () => {
    const env = recorded('04-custom-executor-life.json')
    expect(executorEnvironment({ ...env, LIBPROCESS_SSL_ENABLED: 'true' }).tls).to.deep.equal({
      verify: false,
      naming: 'reverse',
    })
    expect(() => executorEnvironment({ ...env, SSL_ENABLED: 'yes' })).to.throw(
      'not started by a Mesos agent: LIBPROCESS_SSL_ENABLED is neither',
    )
  })

  it('needs no recovery time-out without checkpoint (E1, E32)', () => {
    const parsed = executorEnvironment(recorded('11b-agent-restart-no-checkpoint.json'))
    expect([parsed.checkpoint, parsed.recoveryTimeoutMs, parsed.subscriptionBackoffMaxMs]).to.deep.equal([
      false,
      0,
      0,
    ])
  })

  it('takes true for 1, as the documentation says (E2)', () => {
    const env = recorded('04-custom-executor-life.json')
    expect(executorEnvironment({ ...env, MESOS_CHECKPOINT: 'true' }).checkpoint).to.equal(true)
    expect(executorEnvironment({ ...env, MESOS_CHECKPOINT: 'false' }).checkpoint).to.equal(false)
    expect(executorEnvironment({ ...env, MESOS_CHECKPOINT: undefined }).checkpoint).to.equal(false)
  })

  it('takes the token out, so that no child inherits it (E4)', () => {
    const env: Record<string, string | undefined> = {
      ...recorded('04-custom-executor-life.json'),
      MESOS_EXECUTOR_AUTHENTICATION_TOKEN: 'secret',
      MESOS_DOMAIN_SOCKET: '/run/agent.sock',
    }
    const parsed = executorEnvironment(env)
    expect([parsed.token, parsed.domainSocket]).to.deep.equal(['secret', '/run/agent.sock'])
    expect(env).not.to.have.property('MESOS_EXECUTOR_AUTHENTICATION_TOKEN')
  })

  it('names everything that is missing or wrong at once', () => {
    const env = {
      MESOS_FRAMEWORK_ID: 'f',
      MESOS_CHECKPOINT: 'yes',
      MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '5 s',
    }
    expect(() => executorEnvironment(env))
      .to.throw(/^not started by a Mesos agent: /)
      .with.property('message')
      .that.includes('MESOS_EXECUTOR_ID is missing')
      .and.includes('MESOS_AGENT_ENDPOINT is missing')
      .and.includes('MESOS_CHECKPOINT is neither 1 nor 0: yes')
      .and.includes('MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: "5 s" is no duration')
  })

  it('knows the durations of Mesos (E3)', () => {
    const durations: [string, number][] = [
      ['15mins', 900_000],
      ['2secs', 2000],
      ['250ms', 250],
      ['1.5hrs', 5_400_000],
      ['10us', 0.01],
      ['100ns', 0.0001],
      ['1weeks', 604_800_000],
      ['2days', 172_800_000],
      ['0ns', 0],
      ['-1secs', -1000],
    ]
    for (const [text, ms] of durations) expect(parseDuration(text), text).to.be.closeTo(ms, 1e-9)
    for (const text of ['', '5', 'secs', '5sec', '5 secs', '1,5secs', 'five secs', '5secs ']) {
      expect(() => parseDuration(text), text).to.throw(RangeError, 'is no duration')
    }
  })
})

describe('update ids', () => {
  it('are the 16 bytes of a valid UUID, each another (E15)', () => {
    const ids = Array.from({ length: 100 }, newUuid)
    for (const id of ids) {
      expect(id).to.have.length(16)
      expect((id[6] ?? 0) >> 4).to.equal(4)
      expect((id[8] ?? 0) >> 6).to.equal(2)
    }
    expect(new Set(ids.map(id => Buffer.from(id).toString('hex'))).size).to.equal(100)
  })
})
