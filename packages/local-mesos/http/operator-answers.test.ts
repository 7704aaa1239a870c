import { join } from 'node:path'
import { expect } from 'chai'
import { LocalMesos } from '../local-mesos.ts'
import { shapeDifference, withoutDeprecated } from '../replay/mapping.ts'
import { isAction, readTrace } from '../replay/trace.ts'
import { RawClient } from '../testing/raw-client.ts'
import { frameworkInfo, taskInfo, TestScheduler } from '../testing/test-scheduler.ts'

/** What the recording has for each kind of call (17c). */
const recorded = new Map(
  readTrace('17c').exchanges.flatMap(entry => {
    const body: unknown = isAction(entry) ? undefined : entry.request.body
    if (typeof body !== 'object' || body === null || isAction(entry)) return []
    return entry.response.status === 200
      ? [[String(Reflect.get(body, 'type')), { body, answer: entry.response.body }] as const]
      : []
  }),
)

const types = [
  'GET_HEALTH',
  'GET_VERSION',
  'GET_MASTER',
  'GET_STATE',
  'GET_AGENTS',
  'GET_FRAMEWORKS',
  'GET_TASKS',
  'GET_EXECUTORS',
  'GET_ROLES',
  'GET_METRICS',
  'GET_MAINTENANCE_STATUS',
  'GET_MAINTENANCE_SCHEDULE',
] as const

describe("answers to an operator's calls (17c)", () => {
  let cluster: LocalMesos
  let scheduler: TestScheduler
  let client: RawClient
  before(async () => {
    const attributes = { rack: 'r1', zone: 'z1', cores: '8', ports_ok: '[1-3]' }
    cluster = await LocalMesos.start({ agents: [{ attributes }], allocationIntervalMs: 20 })
    client = new RawClient(cluster.url)
    scheduler = await TestScheduler.subscribe(cluster.url, {
      info: {
        ...frameworkInfo,
        hostname: 'here',
        webui_url: 'http://here/',
        principal: 'somebody',
        labels: { labels: [{ key: 'team', value: 'x' }] },
      },
    })
    const offer = await scheduler.offer()
    const task = taskInfo(offer, 't', {
      command: {
        shell: true,
        value: `exec '${process.execPath}' '${join(import.meta.dirname, '..', 'testing', 'executor.mjs')}'`,
        environment: { variables: [{ name: 'EXAMPLE', value: '1' }] },
      },
      more: {
        labels: { labels: [{ key: 'a', value: 'b' }] },
        discovery: { visibility: 'CLUSTER', name: 'd' },
      },
    })
    const executor = task.executor && { ...task.executor, name: 'an executor', source: 'here' }
    await scheduler.launch(offer, [{ ...task, ...(executor !== undefined && { executor }) }])
    await scheduler.update('t', 'TASK_RUNNING')
    await scheduler.offer(({ executor_ids: ids }) => (ids ?? []).length > 0)
  })
  after(async () => {
    client.close()
    scheduler.close()
    await cluster.close()
  })

  for (const type of types) {
    it(`${type} have the recorded fields`, async () => {
      const { body, answer } = recorded.get(type) ?? {}
      const live = await client.send({
        path: '/api/v1',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: JSON.stringify(body),
      })
      expect(live.status).to.equal(200)
      const difference = shapeDifference(withoutDeprecated(answer), JSON.parse(live.body.toString()), type)
      expect(difference, JSON.stringify(difference)).to.equal(undefined)
    })
  }
})
