// What the tests of ExecutorClient share: fake agents, a client whose phases and events are logged, a SUBSCRIBE that is
// taken. Everything is closed after each test.
import { ExecutorClient } from '../executor/client.ts'
import type { ExecutorClientOptions, ExecutorPhase } from '../executor/options.ts'
import { newUuid } from '../executor/uuid.ts'
import type { MesosError } from '../errors.ts'
import type { ExecutorCall, ExecutorCallUpdate, ExecutorEvent, TaskStatus } from '../generated/messages.ts'
import type { FakeRequest, FakeStream } from './fake-mesos.ts'
import { FakeMesos } from './fake-mesos.ts'
import { Log } from './log.ts'
import { closers } from './scheduler-harness.ts'

export const subscribedEvent = {
  type: 'SUBSCRIBED',
  subscribed: {
    executor_info: { executor_id: { value: 'e' } },
    framework_info: { user: 'root', name: 'test' },
    agent_info: { hostname: 'agent.example' },
    container_id: { value: 'c' },
  },
}
export const launch = (id: string) => ({
  type: 'LAUNCH',
  launch: { task: { name: id, task_id: { value: id }, agent_id: { value: 'a' } } },
})

export const callOf = (request: FakeRequest): ExecutorCall => request.as('executor.Call')
export const isSubscribe = (request: FakeRequest) => callOf(request).type === 'SUBSCRIBE'
export const isCall = (request: FakeRequest) => !isSubscribe(request)

export const update = (taskId: string, state: TaskStatus['state'] = 'TASK_RUNNING'): TaskStatus => ({
  task_id: { value: taskId },
  state,
  source: 'SOURCE_EXECUTOR',
  uuid: newUuid(),
})

/** To be called within a `describe`. */
export function executorHarness() {
  const toClose = closers()

  async function fakeAgent(
    handle?: (request: FakeRequest) => void,
    where?: Parameters<typeof FakeMesos.start>[1],
  ): Promise<FakeMesos> {
    const agent = await FakeMesos.start(handle, where)
    toClose.push(() => agent.close())
    return agent
  }

  function clientOf(agent: FakeMesos | string, options: Partial<ExecutorClientOptions> = {}) {
    const phases = new Log<ExecutorPhase>()
    const events = new Log<ExecutorEvent>()
    const skipped = new Log<MesosError>()
    const unacknowledged: { updates: ExecutorCallUpdate[] } = { updates: [] }
    const client = new ExecutorClient({
      endpoint: typeof agent === 'string' ? agent : `127.0.0.1:${agent.port}`,
      frameworkId: 'f',
      executorId: 'e',
      codec: 'json',
      checkpoint: true,
      recoveryTimeoutMs: 900_000,
      subscriptionBackoffMaxMs: 2000,
      unacknowledged: () => ({ tasks: [], ...unacknowledged }),
      onEvent: events.add,
      onPhase: phases.add,
      onSkipped: skipped.add,
      random: () => 0.5,
      ...options,
    })
    toClose.push(() => client.close())
    /** The first phase of that name, from the `from`th phase on. */
    const phase = async <N extends ExecutorPhase['name']>(name: N, from = 0) => {
      const found = await phases.first(each => each.name === name, from)
      return found as Extract<ExecutorPhase, { name: N }>
    }
    return { client, phases, phase, events, skipped, unacknowledged }
  }

  /** Takes the first SUBSCRIBE, from the `from`th request on, as an agent that knows the executor. */
  async function accept(agent: FakeMesos, from = 0): Promise<FakeStream> {
    const request = await agent.requests.first(isSubscribe, from)
    const stream = request.stream('executor.Event')
    stream.send(subscribedEvent)
    return stream
  }

  /** A client that is subscribed at an agent of its own. */
  async function subscribed(options: Partial<ExecutorClientOptions> = {}) {
    const agent = await fakeAgent()
    const made = clientOf(agent, options)
    made.client.start()
    const stream = await accept(agent)
    await made.phase('subscribed')
    return { agent, stream, ...made }
  }

  return { fakeAgent, clientOf, accept, subscribed, toClose }
}
