// Executors inside this process: they speak to the agent as a real one does, without HTTP, and like processes they
// outlive the agent that started them. The kinds of tasks are their subclasses' business.
import type {
  ExecutorCallUpdate,
  ExecutorEvent,
  FrameworkInfo,
  KillPolicy,
  TaskInfo,
  TaskState,
  TaskStatus,
} from 'mesos-http-client'
import { uuidBytes, uuidKey } from '../model/uuid.ts'
import type { Agent } from './agent.ts'
import type { ContainerEnd, LaunchEvents, Launcher } from './context.ts'
import type { Journal } from './journal.ts'
import type { Container, Executor, ExecutorStream } from './state.ts'

export interface InProcessOptions {
  readonly executor: Executor
  readonly framework: FrameworkInfo
  readonly newUuid: () => string
}

export abstract class InProcessExecutor {
  protected readonly o: InProcessOptions
  readonly #tasks = new Map<string, TaskInfo>()
  readonly #updates = new Map<string, ExecutorCallUpdate>()
  #agent: Agent | undefined
  #exited: (end: ContainerEnd) => void = () => undefined
  #state: 'alive' | 'ended' = 'alive'

  constructor(o: InProcessOptions) {
    this.o = o
  }

  /** Starts the work of a task; every state it reaches is told by `update`. */
  protected abstract launch(task: TaskInfo): void
  protected abstract kill(taskId: string, policy: KillPolicy | undefined): void
  /** Ends whatever runs, at once and without a word. */
  protected abstract abort(): void
  /** The process to show for it, if there is one. */
  abstract get pid(): number | undefined
  /** Whether it ends by itself once all its tasks have ended and are acknowledged. */
  protected abstract readonly endsWhenIdle: boolean

  get isAlive(): boolean {
    return this.#state === 'alive'
  }

  /** Whose exit it is from now on; a restarted agent asks again. */
  onExit(exited: (end: ContainerEnd) => void): void {
    this.#exited = exited
  }

  /** SUBSCRIBE at this agent, with everything not acknowledged. */
  subscribe(agent: Agent): void {
    const { frameworkId, id } = this.o.executor
    const framework = agent.framework(frameworkId)
    const executor = framework?.executors.get(id)
    if (framework === undefined || executor === undefined || this.#state === 'ended') return
    this.#agent = agent
    const detach = (): void => {
      if (this.#agent === agent) this.#agent = undefined
    }
    const stream: ExecutorStream = {
      send: event => agent.mailbox.post(() => this.#agent === agent && this.#onEvent(event)),
      close: detach,
      abandon: detach,
    }
    agent.subscribe(
      framework,
      executor,
      {
        unacknowledged_tasks: [...this.#tasks.values()],
        unacknowledged_updates: [...this.#updates.values()],
      },
      stream,
    )
  }

  end(status: number): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.abort()
    this.#exited({ status })
  }

  protected update(taskId: string, state: TaskState, more: Partial<TaskStatus> = {}): void {
    if (this.#state === 'ended') return
    const uuid = uuidBytes(this.o.newUuid())
    const status: TaskStatus = {
      ...more,
      task_id: { value: taskId },
      state,
      source: 'SOURCE_EXECUTOR',
      executor_id: { value: this.o.executor.id },
      uuid,
    }
    this.#updates.set(uuidKey(uuid), { status })
    const agent = this.#agent
    agent?.mailbox.post(() => {
      const framework = agent.framework(this.o.executor.frameworkId)
      const executor = framework?.executors.get(this.o.executor.id)
      if (framework === undefined || executor === undefined || agent.phase === 'recovering') return
      const ids = { framework_id: { value: framework.id }, executor_id: { value: executor.id } }
      agent.executorCall(framework, executor, { ...ids, type: 'UPDATE', update: { status } })
    })
  }

  #onEvent(event: ExecutorEvent): void {
    switch (event.type) {
      case 'LAUNCH':
        if (event.launch === undefined || this.#tasks.has(event.launch.task.task_id.value)) break
        this.#tasks.set(event.launch.task.task_id.value, event.launch.task)
        this.launch(event.launch.task)
        break
      case 'KILL':
        if (event.kill !== undefined) this.kill(event.kill.task_id.value, event.kill.kill_policy)
        break
      case 'ACKNOWLEDGED':
        this.#tasks.delete(event.acknowledged?.task_id.value ?? '')
        this.#updates.delete(uuidKey(event.acknowledged?.uuid))
        if (this.endsWhenIdle && this.#updates.size === 0 && !this.isBusy()) this.end(0)
        break
      case 'SHUTDOWN':
        this.end(0)
        break
      default:
        break
    }
  }

  /** Whether any task has not ended. */
  protected abstract isBusy(): boolean
}

/** Starts in-process executors of one agent; kept over the agent's restarts, as the machine's processes are. */
export class InProcessLauncher implements Launcher {
  readonly #make: (o: InProcessOptions) => InProcessExecutor
  readonly #newUuid: () => string
  readonly #journal: Journal
  readonly #agent: () => Agent | undefined
  readonly #alive = new Map<string, InProcessExecutor>()

  constructor(o: {
    readonly make: (o: InProcessOptions) => InProcessExecutor
    readonly newUuid: () => string
    readonly journal: Journal
    /** The agent of now. */
    readonly agent: () => Agent | undefined
  }) {
    this.#make = o.make
    this.#newUuid = o.newUuid
    this.#journal = o.journal
    this.#agent = o.agent
  }

  launch(executor: Executor, framework: FrameworkInfo, _task: TaskInfo, events: LaunchEvents): Container {
    const made = this.#make({ executor, framework, newUuid: this.#newUuid })
    this.#alive.set(executor.containerId, made)
    this.#journal.append(executor, { type: 'started', pid: 0, startTime: undefined })
    events.started(0)
    return this.#container(executor, made, events.exited)
  }

  recover(
    executor: Executor,
    _pid: number,
    _startTime: string | undefined,
    exited: (end: ContainerEnd) => void,
  ): Container {
    const alive = this.#alive.get(executor.containerId)
    if (alive !== undefined) return this.#container(executor, alive, exited)
    exited({ status: 0 })
    return { pid: undefined, destroy: () => undefined, abandon: () => undefined }
  }

  /** Ends all that is alive, without telling anybody. */
  close(): void {
    for (const executor of this.#alive.values()) {
      executor.onExit(() => undefined)
      executor.end(9)
    }
    this.#alive.clear()
  }

  #container(executor: Executor, made: InProcessExecutor, exited: (end: ContainerEnd) => void): Container {
    made.onExit(end => {
      this.#alive.delete(executor.containerId)
      exited(end)
    })
    // It subscribes when the agent has finished what it is doing.
    queueMicrotask(() => {
      const agent = this.#agent()
      if (agent !== undefined && agent.phase !== 'stopped') made.subscribe(agent)
    })
    return {
      get pid() {
        return made.pid
      },
      destroy: () => made.end(9),
      abandon: () => undefined,
    }
  }
}
