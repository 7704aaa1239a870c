// A small scheduler for this package's own tests, on the bare client: subscribes, remembers events, sends calls.
import {
  codec,
  type CodecName,
  type ExecutorInfo,
  type FrameworkInfo,
  type Offer,
  type Resource,
  type SchedulerCall,
  type SchedulerEvent,
  type TaskInfo,
  type TaskStatus,
} from 'mesos-http-client'
import { RawClient, type RawAnswer, type RawStream } from './raw-client.ts'

export const frameworkInfo: FrameworkInfo = {
  user: 'root',
  name: 'test',
  roles: ['web'],
  checkpoint: true,
  failover_timeout: 60,
  capabilities: [
    { type: 'MULTI_ROLE' },
    { type: 'PARTITION_AWARE' },
    { type: 'TASK_KILLING_STATE' },
    { type: 'RESERVATION_REFINEMENT' },
  ],
}

export class TestScheduler {
  readonly #client: RawClient
  readonly #codec: ReturnType<typeof codec>
  #stream: RawStream
  #info: FrameworkInfo
  /** Acknowledge every update that has a uuid, as soon as it is looked at. */
  readonly #acknowledge: boolean
  readonly #acknowledged = new Set<number>()

  private constructor(
    client: RawClient,
    name: CodecName,
    stream: RawStream,
    info: FrameworkInfo,
    acknowledge: boolean,
  ) {
    this.#client = client
    this.#codec = codec(name)
    this.#stream = stream
    this.#info = info
    this.#acknowledge = acknowledge
  }

  static async subscribe(
    url: string,
    o: { info?: FrameworkInfo; codec?: CodecName; suppressed?: string[]; acknowledge?: boolean } = {},
  ): Promise<TestScheduler> {
    const client = new RawClient(url)
    const info = o.info ?? frameworkInfo
    const name = o.codec ?? 'json'
    const stream = await open(client, name, info, o.suppressed)
    const scheduler = new TestScheduler(client, name, stream, info, o.acknowledge ?? true)
    await scheduler.event('SUBSCRIBED')
    return scheduler
  }

  get events(): SchedulerEvent[] {
    return this.#stream.records.map(record => this.#codec.decode('scheduler.Event', record))
  }

  get frameworkId(): string {
    return this.events.find(event => event.type === 'SUBSCRIBED')?.subscribed?.framework_id.value ?? ''
  }

  get streamId(): string {
    return this.#stream.headers['Mesos-Stream-Id'] ?? ''
  }

  get stream(): RawStream {
    return this.#stream
  }

  /** The same framework on a new stream. */
  async resubscribe(url: string): Promise<void> {
    this.#info = { ...this.#info, id: { value: this.frameworkId } }
    const client = new RawClient(url)
    this.#stream = await open(client, this.#codec.name, this.#info)
    this.#acknowledged.clear()
    await this.event('SUBSCRIBED')
  }

  /** The first event of that type, or the first for which `pick` holds. */
  async event(
    type: NonNullable<SchedulerEvent['type']>,
    pick: (event: SchedulerEvent) => boolean = () => true,
  ): Promise<SchedulerEvent> {
    const find = (): SchedulerEvent | undefined => {
      this.#confirm()
      return this.events.find(event => event.type === type && pick(event))
    }
    await this.#stream.until(() => find() !== undefined)
    const found = find()
    if (found === undefined) throw new Error(`no ${type}`)
    return found
  }

  async update(taskId: string, state: TaskStatus['state']): Promise<TaskStatus> {
    const event = await this.event(
      'UPDATE',
      ({ update }) => update?.status.task_id.value === taskId && update.status.state === state,
    )
    if (event.update === undefined) throw new Error('an UPDATE without update')
    return event.update.status
  }

  updatesOf(taskId: string): TaskStatus[] {
    return this.events.flatMap(({ update }) =>
      update?.status.task_id.value === taskId ? [update.status] : [],
    )
  }

  /** All offers so far, newest last. */
  get offers(): Offer[] {
    return this.events.flatMap(event => event.offers?.offers ?? [])
  }

  /** The newest offer that fits and was not rescinded; waits for it. */
  async offer(pick: (offer: Offer) => boolean = () => true): Promise<Offer> {
    const find = (): Offer | undefined => {
      const { events } = this
      const gone = new Set(events.map(({ rescind }) => rescind?.offer_id.value))
      return this.offers.findLast(offer => !gone.has(offer.id.value) && pick(offer))
    }
    await this.#stream.until(() => find() !== undefined)
    const found = find()
    if (found === undefined) throw new Error('no offer')
    return found
  }

  async call(call: Omit<SchedulerCall, 'framework_id'>): Promise<RawAnswer> {
    return this.#client.send({
      path: '/api/v1/scheduler',
      headers: { 'Content-Type': this.#codec.contentType, 'Mesos-Stream-Id': this.streamId },
      body: this.#codec.encode('scheduler.Call', { ...call, framework_id: { value: this.frameworkId } }),
    })
  }

  async launch(offer: Offer, tasks: readonly TaskInfo[], refuseSeconds = 0): Promise<void> {
    await this.call({
      type: 'ACCEPT',
      accept: {
        offer_ids: [offer.id],
        operations: [{ type: 'LAUNCH', launch: { task_infos: tasks } }],
        filters: { refuse_seconds: refuseSeconds },
      },
    })
  }

  close(): void {
    this.#stream.close()
    this.#client.close()
  }

  #confirm(): void {
    if (!this.#acknowledge) return
    for (const [index, { update }] of this.events.entries()) {
      const { uuid, agent_id: agentId, task_id: taskId } = update?.status ?? {}
      if (this.#acknowledged.has(index) || !uuid || !agentId || !taskId) continue
      this.#acknowledged.add(index)
      this.call({ type: 'ACKNOWLEDGE', acknowledge: { agent_id: agentId, task_id: taskId, uuid } }).catch(
        () => undefined,
      )
    }
  }
}

async function open(
  client: RawClient,
  name: CodecName,
  info: FrameworkInfo,
  suppressed: string[] = [],
): Promise<RawStream> {
  const encoding = codec(name)
  return client.stream({
    path: '/api/v1/scheduler',
    headers: { 'Content-Type': encoding.contentType, Accept: encoding.contentType },
    body: encoding.encode('scheduler.Call', {
      type: 'SUBSCRIBE',
      subscribe: { framework_info: info, suppressed_roles: suppressed },
      ...(info.id !== undefined && { framework_id: info.id }),
    }),
  })
}

export function scalar(name: string, value: number): Resource {
  return { name, type: 'SCALAR', scalar: { value }, allocation_info: { role: 'web' } }
}

/** A task for an executor of that id; the executor runs `command`. */
export function taskInfo(
  offer: Offer,
  taskId: string,
  o: {
    executorId?: string
    command?: ExecutorInfo['command']
    frameworkId?: string
    more?: Partial<TaskInfo>
  } = {},
): TaskInfo {
  return {
    name: `name of ${taskId}`,
    task_id: { value: taskId },
    agent_id: offer.agent_id,
    resources: [scalar('cpus', 0.1), scalar('mem', 32)],
    executor: {
      type: 'CUSTOM',
      executor_id: { value: o.executorId ?? 'ex' },
      framework_id: offer.framework_id,
      command: o.command ?? { value: 'exec sleep 1000', shell: true },
      resources: [scalar('cpus', 0.1), scalar('mem', 32)],
    },
    ...o.more,
  }
}
