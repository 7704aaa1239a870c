// Carries out what the state machine orders, and brings back what comes of it. The one writer of the state; has no opinions.
import { MesosError } from 'mesos-http-client'
import type {
  ExecutorCallBody,
  ExecutorClientOptions,
  ExecutorEvent,
  ExecutorEventSubscribed,
  ExecutorPhase,
  TaskInfo,
} from 'mesos-http-client'
import type { TaskPayload } from '../proto/payload.ts'
import type { TaskEvent } from './attempt.ts'
import { machineEvent } from './events.ts'
import { reasonOf } from './logger.ts'
import { initialState, nextWakeMs, step, unacknowledged } from './machine.ts'
import type { Action, Event, MachineConfig, State } from './machine.ts'
import type { Clock, Logger, Settings } from './types.ts'

/** What the runner uses of ExecutorClient. */
export interface AgentClient {
  start(): void
  call(call: ExecutorCallBody): Promise<void>
  close(): Promise<void>
}

export type AgentHandlers = Pick<ExecutorClientOptions, 'unacknowledged'> & {
  onEvent(event: ExecutorEvent): void
  onPhase(phase: ExecutorPhase): void
}

export interface TaskHandle {
  kill(graceMs: number): void
}

export interface RunnerOptions {
  readonly config: MachineConfig
  /** Until SUBSCRIBED brings the settings. */
  readonly idleTimeoutMs: number
  readonly clock: Clock
  readonly logger: Logger
  readonly newUuid: () => Uint8Array
  connect(handlers: AgentHandlers): AgentClient
  /** Who and where this executor is; told at each subscription, before its tasks come. */
  onSubscribed(subscribed: ExecutorEventSubscribed): Settings
  /** Removes what dead executors left here; once, after the first subscription. Its end lets tasks start. */
  startSweep(): Promise<void>
  startTask(task: TaskInfo, payload: TaskPayload, report: (event: TaskEvent) => void): TaskHandle
}

export class Runner {
  readonly #o: RunnerOptions
  readonly #client: AgentClient
  readonly #tasks = new Map<string, TaskHandle>()
  readonly #exit = Promise.withResolvers<number>()
  readonly #queue: Event[] = []
  #state: State
  #isStepping = false
  #cancelWake: () => void = () => undefined
  #hasSwept = false
  #idleTimeoutMs: number

  constructor(o: RunnerOptions) {
    this.#o = o
    this.#idleTimeoutMs = o.idleTimeoutMs
    this.#state = initialState(o.config, o.idleTimeoutMs)
    this.#client = o.connect({
      unacknowledged: () => {
        this.#take({ type: 'subscribing' })
        return unacknowledged(this.#state)
      },
      onEvent: event => this.#hear(event),
      onPhase: phase => this.#enter(phase),
    })
  }

  /** Subscribes (E7) and works until the machine says that it is over. @returns the exit code. */
  async run(): Promise<number> {
    this.#client.start()
    const code = await this.#exit.promise
    this.#cancelWake()
    await this.#client.close()
    return code
  }

  /** As if the agent had said SHUTDOWN. */
  shutdown(): void {
    this.#take({ type: 'shutdown' })
  }

  #hear(event: ExecutorEvent): void {
    if (event.type === 'SUBSCRIBED' && event.subscribed) {
      this.#idleTimeoutMs = this.#o.onSubscribed(event.subscribed).idleTimeoutMs
      void this.#startSweep()
    }
    if (event.type === 'ERROR') this.#o.logger.warn('the agent says ERROR', { reason: event.error?.message })
    const told = machineEvent(event, this.#idleTimeoutMs)
    if (told) this.#take(told)
  }

  async #startSweep(): Promise<void> {
    if (this.#hasSwept) return
    this.#hasSwept = true
    try {
      await this.#o.startSweep()
    } catch (error) {
      this.#o.logger.error('the start sweep failed', { reason: reasonOf(error) })
    }
    this.#take({ type: 'swept' })
  }

  #enter(phase: ExecutorPhase): void {
    switch (phase.name) {
      case 'waiting':
        this.#o.logger.warn('no subscription', { reason: phase.cause.message })
        this.#take({ type: 'disconnected' })
        return
      case 'lost':
        this.#o.logger.error('the agent is lost', { reason: phase.cause.message })
        this.#take({ type: 'lost' })
        return
      case 'subscribed':
        this.#o.logger.info('subscribed', { agent: phase.agentInfo.id?.value })
        return
      case 'idle':
      case 'connecting':
      case 'closed':
        return
    }
  }

  /** Events that come of an action wait until the step is over: there is one step at a time. */
  #take(event: Event): void {
    this.#queue.push(event)
    if (this.#isStepping) return
    this.#isStepping = true
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) this.#step(next)
    } finally {
      this.#isStepping = false
    }
    this.#wake()
  }

  #step(event: Event): void {
    const { clock, newUuid } = this.#o
    const { state, actions } = step(this.#state, event, {
      nowMs: clock.monotonicMs(),
      wallMs: clock.wallMs(),
      newUuid,
    })
    this.#state = state
    for (const action of actions) this.#act(action)
  }

  #wake(): void {
    this.#cancelWake()
    const atMs = nextWakeMs(this.#state)
    if (atMs === Infinity) return
    const { clock } = this.#o
    this.#cancelWake = clock.after(atMs - clock.monotonicMs(), () => this.#take({ type: 'tick' }))
  }

  #act(action: Action): void {
    switch (action.type) {
      case 'start':
        return this.#start(action.task, action.payload)
      case 'kill':
        this.#tasks.get(action.taskId)?.kill(action.graceMs)
        return
      case 'send':
        void this.#send(action)
        return
      case 'log':
        this.#o.logger[action.level](action.message, action.task === undefined ? {} : { task: action.task })
        return
      case 'exit':
        this.#exit.resolve(action.code)
    }
  }

  #start(task: TaskInfo, payload: TaskPayload): void {
    const id = task.task_id.value
    const handle = this.#o.startTask(task, payload, event => {
      if (event.type === 'taskFinished') this.#tasks.delete(id)
      this.#take(event)
    })
    this.#tasks.set(id, handle)
  }

  async #send({ taskId, uuid, update }: Action & { readonly type: 'send' }): Promise<void> {
    const about = { taskId, uuid }
    try {
      await this.#client.call({ type: 'UPDATE', update })
      this.#take({ type: 'updateTaken', ...about })
    } catch (error) {
      const retryable = !(error instanceof MesosError) || error.retryable
      this.#o.logger.warn('an update was not taken', { ...about, reason: reasonOf(error) })
      this.#take({ type: 'updateFailed', retryable, ...about })
    }
  }
}
