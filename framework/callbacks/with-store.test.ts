// Callbacks from a status update to their receiver, with a real PostgreSQL.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { expect } from 'chai'
import { pino } from 'pino'
import { callbackJson } from '../http/task-json.ts'
import { createMetrics } from '../observability/metrics.ts'
import {
  claimCallbacks,
  ingestOutbox,
  recordCallbackResults,
  type CallbackResult,
} from '../usecases/index.ts'
import { World } from '../usecases/test-support.ts'
import { defaultAddressRule } from './address-rule.ts'
import { Deliverer } from './deliverer.ts'
import { CallbackSender } from './send.ts'

interface Received {
  readonly id: number
  readonly taskId: number
  readonly state: string
  readonly task: { readonly attempts: readonly { readonly state: string }[] }
}

describe('callbacks over PostgreSQL and HTTP', function () {
  this.timeout(20_000)
  let world: World
  let receiver: Server
  let url: string
  const received: Received[] = []
  /** Statuses to answer with before it answers 200. */
  const answers: number[] = []

  before(async () => {
    world = await World.open()
    receiver = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        received.push(JSON.parse(Buffer.concat(chunks).toString()) as Received)
        response.writeHead(answers.shift() ?? 200).end()
      })
    })
    receiver.listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    const address = receiver.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    url = `http://127.0.0.1:${address.port}/hook`
  })
  after(async () => {
    receiver.closeAllConnections()
    receiver.close()
    await world.close()
  })
  beforeEach(() => {
    received.length = 0
  })

  /** Runs a deliverer until that many have come and their results are recorded. */
  const deliver = async (count: number): Promise<void> => {
    const sender = new CallbackSender({ rule: defaultAddressRule({ allowLoopback: true }) })
    let recorded = 0
    const done = Promise.withResolvers<void>()
    const deliverer = new Deliverer({
      store: {
        ingest: () => ingestOutbox(world.deps, world.lease),
        claim: args => claimCallbacks(world.deps, world.lease, args),
        record: async (results: readonly CallbackResult[]) => {
          await recordCallbackResults(world.deps, world.lease, results)
          recorded += results.length
          // The receiver said no: time passes until the next try.
          if (results.some(({ outcome }) => outcome.name === 'retry')) world.pass(2)
          if (recorded >= count) done.resolve()
        },
      },
      send: (callback, signal) => sender.send(callback, signal),
      bodyOf: callback => callbackJson(callback, 'http://juice.example'),
      now: world.deps.now,
      random: () => 0.5,
      logger: pino({ level: 'silent' }),
      metrics: createMetrics({ ofProcess: false }),
      pollMs: 5,
    })
    deliverer.start()
    await done.promise
    await deliverer.close()
    await sender.close()
  }

  it('tell each state that was asked for, once and in order, with the task as it was', async () => {
    const { id, mesosTaskId } = await world.started({ callback: { url, on: ['RUNNING', 'FINISHED'] } })
    await world.hear(mesosTaskId, 'TASK_FINISHED', { outcome: { exitCode: 0 } })
    await deliver(2)
    expect(received.map(({ taskId, state }) => [taskId, state])).to.deep.equal([
      [id, 'RUNNING'],
      [id, 'FINISHED'],
    ])
    expect(received[0]?.task.attempts.map(({ state }) => state)).to.deep.equal(['TASK_RUNNING'])
  })

  it('are repeated under the same id until they are taken, and hold the later ones back', async () => {
    answers.push(500, 302)
    const { mesosTaskId } = await world.started({ callback: { url, on: ['RUNNING', 'FAILED'] } })
    await world.hear(mesosTaskId, 'TASK_FAILED', { outcome: { exitCode: 1 } })
    await deliver(4)
    expect(received.map(({ state }) => state)).to.deep.equal(['RUNNING', 'RUNNING', 'RUNNING', 'FAILED'])
    expect(new Set(received.map(({ id }) => id)).size).to.equal(2)
  })
})
