// What master and agents say to each other: messages, and the link that carries them in order in both directions.
// A cut link delivers nothing more, not even what was under way, as with a broken TCP connection.
import type {
  AgentInfo,
  DrainConfig,
  ExecutorInfo,
  FrameworkInfo,
  KillPolicy,
  Resource,
  Task,
  TaskInfo,
  TaskStatus,
} from 'mesos-http-client'
import type { Mailbox } from './mailbox.ts'

export type ToAgent =
  | { readonly type: 'REGISTERED'; readonly agentId: string }
  | { readonly type: 'REREGISTERED' }
  | {
      readonly type: 'RUN_TASK'
      readonly framework: FrameworkInfo
      readonly task: TaskInfo
      /** Whether the master believes that this launch starts the executor. */
      readonly launchExecutor: boolean
    }
  | {
      readonly type: 'KILL_TASK'
      readonly frameworkId: string
      readonly taskId: string
      readonly killPolicy: KillPolicy | undefined
    }
  | {
      readonly type: 'ACKNOWLEDGE'
      readonly frameworkId: string
      readonly taskId: string
      readonly uuid: Uint8Array
    }
  | {
      readonly type: 'FRAMEWORK_MESSAGE'
      readonly frameworkId: string
      readonly executorId: string
      readonly data: Uint8Array
    }
  | { readonly type: 'SHUTDOWN_EXECUTOR'; readonly frameworkId: string; readonly executorId: string }
  | { readonly type: 'SHUTDOWN_FRAMEWORK'; readonly frameworkId: string }
  | { readonly type: 'UPDATE_FRAMEWORK'; readonly framework: FrameworkInfo }
  /** Its resources with the dynamic reservations of now, to be remembered over a restart of either side. */
  | { readonly type: 'CHECKPOINT_RESOURCES'; readonly total: readonly Resource[] }
  /** All its tasks are to end, for an operator. */
  | { readonly type: 'DRAIN'; readonly config: DrainConfig }
  /** The agent must end with all its executors. `gone`: for good, under this id it is never taken again. */
  | { readonly type: 'SHUTDOWN'; readonly message: string; readonly gone: boolean }

export type ToMaster =
  | { readonly type: 'REGISTER'; readonly info: AgentInfo }
  | {
      readonly type: 'REREGISTER'
      readonly info: AgentInfo
      /** With dynamic reservations. */
      readonly total: readonly Resource[]
      readonly frameworks: readonly FrameworkInfo[]
      readonly tasks: readonly Task[]
      readonly executors: readonly ExecutorInfo[]
    }
  | {
      readonly type: 'STATUS_UPDATE'
      readonly frameworkId: string
      readonly status: TaskStatus
      /** The newest state that the agent knows of this task; frees resources before its update is forwarded. */
      readonly latestState: TaskStatus['state']
    }
  | {
      readonly type: 'EXITED_EXECUTOR'
      readonly frameworkId: string
      readonly executorId: string
      /** Raw wait status, -1 where it is unknown. */
      readonly status: number
    }
  | {
      readonly type: 'EXECUTOR_MESSAGE'
      readonly frameworkId: string
      readonly executorId: string
      readonly data: Uint8Array
    }
  | { readonly type: 'UNREGISTER' }

export interface LinkEnds {
  readonly masterBox: Mailbox
  readonly agentBox: Mailbox
  onMaster(message: ToMaster, link: Link): void
  onAgent(message: ToAgent, link: Link): void
  /** Told to both sides, once, however the link ends. */
  onCutAtMaster(link: Link): void
  onCutAtAgent(link: Link): void
}

export class Link {
  readonly #ends: LinkEnds
  #state: 'up' | 'held' | 'cut' = 'up'
  #held: (() => void)[] = []

  constructor(ends: LinkEnds) {
    this.#ends = ends
  }

  get isCut(): boolean {
    return this.#state === 'cut'
  }

  toMaster(message: ToMaster): void {
    this.#send(() =>
      this.#ends.masterBox.post(() => this.#state !== 'cut' && this.#ends.onMaster(message, this)),
    )
  }

  toAgent(message: ToAgent): void {
    this.#send(() =>
      this.#ends.agentBox.post(() => this.#state !== 'cut' && this.#ends.onAgent(message, this)),
    )
  }

  /** Keeps messages back without a cut, as a stopped process or a silent network does. */
  hold(): void {
    if (this.#state === 'up') this.#state = 'held'
  }

  /** Delivers what was kept back. */
  release(): void {
    if (this.#state !== 'held') return
    this.#state = 'up'
    const held = this.#held
    this.#held = []
    for (const send of held) send()
  }

  cut(): void {
    if (this.#state === 'cut') return
    this.#state = 'cut'
    this.#held = []
    this.#ends.masterBox.post(() => this.#ends.onCutAtMaster(this))
    this.#ends.agentBox.post(() => this.#ends.onCutAtAgent(this))
  }

  #send(deliver: () => void): void {
    if (this.#state === 'up') deliver()
    else if (this.#state === 'held') this.#held.push(deliver)
  }
}
