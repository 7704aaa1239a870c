// Who may speak to an agent as its executor: tokens (E4), and the agent's unix socket (E5).
import { expect } from 'chai'
import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { LocalMesos } from '../local-mesos.ts'
import { RawClient } from '../testing/raw-client.ts'
import { taskInfo, TestScheduler } from '../testing/test-scheduler.ts'
import { claimsError, ExecutorTokens } from './executor-token.ts'

describe('access of executors', () => {
  let mesos: LocalMesos
  let scheduler: TestScheduler
  let client: RawClient
  before(async () => {
    mesos = await LocalMesos.start({
      authenticateExecutors: true,
      domainSockets: true,
      allocationIntervalMs: 50,
    })
    scheduler = await TestScheduler.subscribe(mesos.url)
    client = new RawClient(mesos.agents[0]!.url)
    const offer = await scheduler.offer()
    await scheduler.launch(offer, [taskInfo(offer, 't', { executorId: 'ex' })])
  })
  after(async () => {
    client.close()
    scheduler.close()
    await mesos.close()
  })

  async function environment(): Promise<Record<string, string>> {
    const { pid } = await mesos.agents[0]!.waitForExecutor('ex')
    const lines = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    return Object.fromEntries(
      lines.map(line => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]),
    )
  }

  const update = async (authorization?: string): Promise<[number, string | undefined, string]> => {
    const { frameworkId } = await mesos.agents[0]!.waitForExecutor('ex')
    const answer = await client.send({
      path: '/api/v1/executor',
      headers: {
        'Content-Type': 'application/json',
        ...(authorization === undefined ? {} : { Authorization: authorization }),
      },
      body: JSON.stringify({
        type: 'MESSAGE',
        executor_id: { value: 'ex' },
        framework_id: { value: frameworkId },
        message: { data: '' },
      }),
    })
    return [answer.status, answer.headers['WWW-Authenticate'], answer.body.toString()]
  }

  it('refuses what shows no token, or a wrong one, with 401', async () => {
    const realm = 'Bearer realm="mesos-agent-executor"'
    const invalid = (text: string): string => `${realm}, error="invalid_token", error_description="${text}"`
    const other = new ExecutorTokens().issue({ fid: 'f', eid: 'ex', cid: 'c' })
    expect(await update()).to.deep.equal([401, realm, '401 Unauthorized.'])
    for (const [authorization, text] of [
      ['Bearer', "Malformed 'Authorization' header"],
      ['Basic YTpi', "Scheme 'Basic' unsupported"],
      ['Bearer a.b', 'Invalid JWT: Expected 3 components in token, got 2'],
      [`Bearer ${other}`, 'Invalid JWT: Token signature does not match'],
    ] as const)
      expect(await update(authorization), authorization).to.deep.equal([
        401,
        invalid(text),
        '401 Unauthorized.',
      ])
  })

  it('takes the token that the executor was given, and lets it pass to what the call itself is worth', async () => {
    const { MESOS_EXECUTOR_AUTHENTICATION_TOKEN: token } = await environment()
    expect((await update(`Bearer ${token}`)).slice(0, 3)).to.deep.equal([
      403,
      undefined,
      'Executor is not subscribed',
    ])
  })

  it('asks for the very executor: another framework’s, executor’s or container’s token is a 403', () => {
    const own = { fid: 'f', eid: 'e', cid: 'c' }
    expect(claimsError(own, own)).to.equal(undefined)
    for (const claim of ['fid', 'eid', 'cid'] as const)
      expect(claimsError({ ...own, [claim]: 'other' }, own)).to.include(` '${claim}' claim with the `)
  })

  it('serves the executor’s API on its socket, by the path with its name, and nothing else', async () => {
    const { MESOS_DOMAIN_SOCKET: socketPath, MESOS_SLAVE_PID: pid = '' } = await environment()
    const status = (path: string): Promise<number | undefined> => {
      const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
      const asked = request({ socketPath, path, method: 'POST' }, answer => {
        answer.resume()
        resolve(answer.statusCode)
      })
      asked.on('error', reject).end()
      return promise
    }
    expect(await status(`/${pid.split('@')[0]}/api/v1/executor`)).to.equal(401)
    for (const path of ['/api/v1/executor', '/slave(1)/state', '/files/read', '/slave(2)/api/v1/executor'])
      expect(await status(path), path).to.equal(403)
  })

  it('leaves no socket when it ends', async () => {
    const cluster = await LocalMesos.start({ domainSockets: true })
    const path = join(cluster.agents[0]!.workDir, 'agent.sock')
    expect(existsSync(path)).to.equal(true)
    await cluster.close()
    expect(existsSync(path)).to.equal(false)
  })
})
