// What the tests of SchedulerClient share: fake masters, a client whose phases and events are logged, a SUBSCRIBE that
// is taken. Everything is closed after each test.
import { MesosError } from '../errors.ts'
import type { FrameworkInfo, SchedulerEvent } from '../generated/messages.ts'
import { SchedulerClient } from '../scheduler/client.ts'
import type { SchedulerClientOptions, SchedulerPhase } from '../scheduler/options.ts'
import type { FakeRequest, FakeStream } from './fake-mesos.ts'
import { FakeMesos } from './fake-mesos.ts'
import { Log } from './log.ts'

export const frameworkInfo: FrameworkInfo = {
  user: 'root',
  name: 'test',
  roles: ['web'],
  failover_timeout: 60,
  checkpoint: true,
  capabilities: [{ type: 'MULTI_ROLE' }, { type: 'PARTITION_AWARE' }],
}

export const subscribedEvent = (frameworkId = 'f-1', heartbeatSeconds = 15) => ({
  type: 'SUBSCRIBED',
  subscribed: { framework_id: { value: frameworkId }, heartbeat_interval_seconds: heartbeatSeconds },
})
export const heartbeat = { type: 'HEARTBEAT' }
export const rescind = (id: string) => ({ type: 'RESCIND', rescind: { offer_id: { value: id } } })
export const errorEvent = (message: string) => ({ type: 'ERROR', error: { message } })
export const isSubscribe = (request: FakeRequest) => request.as('scheduler.Call').type === 'SUBSCRIBE'
export const isCall = (request: FakeRequest) => !isSubscribe(request)

/** The MesosError that `promise` fails with. */
export async function rejection(promise: Promise<unknown>): Promise<MesosError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof MesosError) return error
    throw error
  }
  throw new Error('it was fulfilled')
}

/** Closes what was pushed here, last in first out, after each test. */
export function closers(): (() => Promise<void>)[] {
  const list: (() => Promise<void>)[] = []
  // a busy machine is no failure
  beforeEach(function () {
    this.currentTest?.timeout(20_000)
  })
  afterEach(async () => {
    for (const close of list.splice(0).toReversed()) {
      await close()
    }
  })
  return list
}

/** To be called within a `describe`. */
export function schedulerHarness() {
  const toClose = closers()

  async function fakeMaster(handle?: (request: FakeRequest) => void): Promise<FakeMesos> {
    const master = await FakeMesos.start(handle)
    toClose.push(() => master.close())
    return master
  }

  function clientOf(masters: readonly string[], options: Partial<SchedulerClientOptions> = {}) {
    const phases = new Log<SchedulerPhase>()
    const events = new Log<SchedulerEvent & { streamId: string }>()
    const skipped = new Log<MesosError>()
    const client = new SchedulerClient({
      masters,
      codec: 'json',
      frameworkInfo,
      onEvent: (event, { streamId }) => events.add({ ...event, streamId }),
      onPhase: phases.add,
      onSkipped: skipped.add,
      random: () => 0.5,
      ...options,
    })
    toClose.push(() => client.close())
    /** The first phase of that name, from the `from`th phase on. */
    const phase = async <N extends SchedulerPhase['name']>(name: N, from = 0) => {
      const found = await phases.first(each => each.name === name, from)
      return found as Extract<SchedulerPhase, { name: N }>
    }
    return { client, phases, phase, events, skipped }
  }

  let streams = 0
  /** Takes the first SUBSCRIBE, from the `from`th request on, as a master that lets it in. */
  async function accept(
    master: FakeMesos,
    from = 0,
    frameworkId = 'f-1',
  ): Promise<FakeStream & { id: string }> {
    const request = await master.requests.first(isSubscribe, from)
    streams += 1
    const id = `stream-${streams}`
    const stream = request.stream('scheduler.Event', { 'Mesos-Stream-Id': id })
    stream.send(subscribedEvent(frameworkId))
    return Object.assign(stream, { id })
  }

  /** A client that is subscribed at a master of its own. */
  async function subscribed(options: Partial<SchedulerClientOptions> = {}) {
    const master = await fakeMaster()
    const made = clientOf([master.url], options)
    made.client.start()
    const stream = await accept(master)
    await made.phase('subscribed')
    return { master, stream, ...made }
  }

  return { fakeMaster, clientOf, accept, subscribed }
}
