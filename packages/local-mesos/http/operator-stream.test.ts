import { expect } from 'chai'
import { codec, type CodecName, type MasterEvent } from 'mesos-http-client'
import { LocalMesos } from '../local-mesos.ts'
import { isStream } from '../replay/timeline.ts'
import { isAction, readTrace } from '../replay/trace.ts'
import { shapeDifference } from '../replay/mapping.ts'
import { RawClient, type RawStream } from '../testing/raw-client.ts'
import { frameworkInfo, taskInfo, TestScheduler } from '../testing/test-scheduler.ts'

/** The recorded events of a type, as their JSON. */
function recorded(type: string): unknown[] {
  return readTrace('17d')
    .exchanges.flatMap(entry => (!isAction(entry) && isStream(entry) ? (entry.response.records ?? []) : []))
    .map(({ event }) => event)
    .filter(event => typeof event === 'object' && event !== null && Reflect.get(event, 'type') === type)
}

describe('the event stream of an operator', () => {
  let cluster: LocalMesos
  let client: RawClient
  let stream: RawStream
  const schedulers: TestScheduler[] = []
  const begin = async (name: CodecName = 'json', heartbeatMs = 15_000): Promise<void> => {
    cluster = await LocalMesos.start({
      agents: [{ attributes: { rack: 'r1', cores: '8' } }],
      allocationIntervalMs: 20,
      heartbeatMs,
    })
    client = new RawClient(cluster.url)
    const { contentType } = codec(name)
    stream = await client.stream({
      path: '/api/v1',
      headers: { 'Content-Type': contentType, Accept: contentType },
      body: codec(name).encode('master.Call', { type: 'SUBSCRIBE' }),
    })
    await until('SUBSCRIBED', name)
  }
  afterEach(async () => {
    stream.close()
    client.close()
    for (const scheduler of schedulers.splice(0)) scheduler.close()
    await cluster.close()
  })
  const until = async (
    type: MasterEvent['type'],
    name: CodecName = 'json',
    holds: (event: MasterEvent) => boolean = () => true,
  ): Promise<MasterEvent> => {
    const find = (): MasterEvent | undefined =>
      stream.records
        .map(record => codec(name).decode('master.Event', record))
        .find(event => event.type === type && holds(event))
    await stream.until(() => find() !== undefined)
    return find() ?? {}
  }
  /** All live events of a type have what the recorded ones have. */
  const compare = (type: string, text = ''): void => {
    const live = stream.records
      .map(record => Buffer.from(record).toString())
      .filter(record => record.includes(text))
      .map((record): unknown => JSON.parse(record))
      .filter(event => typeof event === 'object' && event !== null && Reflect.get(event, 'type') === type)
    const [example] = recorded(type)
    expect(live, type).to.not.have.length(0)
    for (const event of live) expect(shapeDifference(example, event), type).to.equal(undefined)
  }
  const subscribe = async (): Promise<TestScheduler> => {
    const info = { ...frameworkInfo, hostname: 'here', webui_url: 'http://here/' }
    const scheduler = await TestScheduler.subscribe(cluster.url, { info })
    schedulers.push(scheduler)
    return scheduler
  }

  it('tells of tasks, frameworks and agents what the recorded one does (17d)', async () => {
    await begin()
    expect(stream.headers).to.not.have.property('Mesos-Stream-Id')
    const scheduler = await subscribe()
    await until('FRAMEWORK_ADDED')
    const offer = await scheduler.offer()
    const { executor: _executor, ...task } = taskInfo(offer, 't', {
      more: { command: { shell: true, value: 'exec sleep 1000' } },
    })
    const custom = taskInfo(offer, 'custom')
    await scheduler.launch(offer, [custom, task])
    expect((await until('TASK_ADDED')).task_added?.task).to.include({ state: 'TASK_STAGING' })
    await until('TASK_UPDATED', 'json', event => event.task_updated?.state === 'TASK_RUNNING')
    await scheduler.resubscribe(cluster.url)
    await until('FRAMEWORK_UPDATED')
    const [agent] = cluster.agents
    await agent?.leave()
    const { agent_removed: removed } = await until('AGENT_REMOVED')
    expect(removed?.agent_id.value).to.equal(agent?.id)
    await until('TASK_UPDATED', 'json', event => event.task_updated?.status.state === 'TASK_LOST')
    await agent?.start()
    const { agent_added: added } = await until('AGENT_ADDED')
    expect(added?.agent.agent_info.id?.value).to.equal(agent?.id)
    await scheduler.call({ type: 'TEARDOWN' })
    const { framework_removed: gone } = await until('FRAMEWORK_REMOVED')
    expect(gone?.framework_info.name).to.equal(frameworkInfo.name)
    compare('TASK_ADDED', '"custom"')
    for (const type of ['FRAMEWORK_ADDED', 'FRAMEWORK_UPDATED', 'AGENT_REMOVED']) compare(type)
    const lost = stream.records
      .map(record => codec('json').decode('master.Event', record))
      .filter(({ task_updated: updated }) => updated?.status.task_id.value === 't')
    expect(lost.map(event => event.task_updated?.state)).to.deep.equal([
      'TASK_STARTING',
      'TASK_RUNNING',
      'TASK_LOST',
    ])
  })

  it('begins with the whole state and a heartbeat, in protobuf too', async () => {
    await begin('protobuf', 50)
    const { subscribed } = await until('SUBSCRIBED', 'protobuf')
    expect(subscribed?.heartbeat_interval_seconds).to.equal(0.05)
    const [agent] = subscribed?.get_state?.get_agents?.agents ?? []
    expect(agent?.agent_info.id?.value).to.equal(cluster.agents[0]?.id)
    await stream.until(({ records }) => records.length > 3)
    expect(codec('protobuf').decode('master.Event', stream.records[1] ?? new Uint8Array()).type).to.equal(
      'HEARTBEAT',
    )
  })

  it('ends for nobody else when one subscriber goes', async () => {
    await begin()
    const other = await client.stream({
      path: '/api/v1',
      headers: { 'Content-Type': 'application/json' },
      body: '{"type":"SUBSCRIBE"}',
    })
    await other.until(({ records }) => records.length > 0)
    other.close()
    await subscribe()
    await until('FRAMEWORK_ADDED')
  })
})
