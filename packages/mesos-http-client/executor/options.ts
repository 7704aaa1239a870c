// What an ExecutorClient is told and what it tells. Types only.
import type { Clock } from '../clock.ts'
import type { CodecName } from '../codec/index.ts'
import type { TlsOptions } from '../tls.ts'
import type { MesosError } from '../errors.ts'
import type {
  AgentInfo,
  ContainerID,
  ExecutorCallUpdate,
  ExecutorEvent,
  ExecutorInfo,
  FrameworkInfo,
  TaskInfo,
} from '../generated/messages.ts'

/** Where an executor's client stands: `idle → connecting → subscribed → waiting → connecting …`, at last `lost` or `closed`. */
export type ExecutorPhase =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting'; readonly attempt: number }
  /** Until `untilMs`, since the epoch. */
  | { readonly name: 'waiting'; readonly untilMs: number; readonly cause: MesosError }
  | {
      readonly name: 'subscribed'
      readonly executorInfo: ExecutorInfo
      readonly frameworkInfo: FrameworkInfo
      readonly agentInfo: AgentInfo
      readonly containerId: ContainerID | undefined
    }
  /** For good: no agent will have us back. The executor kills its tasks and exits (E32, E35). */
  | { readonly name: 'lost'; readonly cause: MesosError }
  | { readonly name: 'closed' }

/** What an executor's client needs to know, and what it tells. */
export interface ExecutorClientOptions {
  /** The agent's `host:port` (MESOS_AGENT_ENDPOINT), or a URL. */
  readonly endpoint: string
  /** HTTP over this unix socket instead (E5). */
  readonly domainSocket?: string | undefined
  /** The agent's name within its process, with which paths on its socket begin; `slave(1)`. */
  readonly agentProcess?: string | undefined
  readonly frameworkId: string
  readonly executorId: string
  readonly codec: CodecName
  /** For `Authorization: Bearer` (E4). */
  readonly token?: string | undefined
  /** PEM certificates to trust for https, instead of Node's own list. */
  readonly ca?: string | undefined
  /** More of TLS, for an endpoint that is an https URL: see `readTls`. */
  readonly tls?: TlsOptions | undefined
  /** MESOS_CHECKPOINT: without it the first disconnection is the end (E32). */
  readonly checkpoint: boolean
  /** MESOS_RECOVERY_TIMEOUT: how long to seek the agent, per disconnection (E35). */
  readonly recoveryTimeoutMs: number
  /** MESOS_SUBSCRIPTION_BACKOFF_MAX: the longest wait between two tries (E33), if below 750 ms. */
  readonly subscriptionBackoffMaxMs: number
  /** Asked at each SUBSCRIBE (E9): tasks launched and updates sent that the agent hasn't acknowledged. */
  unacknowledged(): { readonly tasks: readonly TaskInfo[]; readonly updates: readonly ExecutorCallUpdate[] }
  /** Every event of the current subscription, in order. Must not throw. SHUTDOWN may come before SUBSCRIBED. */
  onEvent(event: ExecutorEvent): void
  onPhase?: ((phase: ExecutorPhase) => void) | undefined
  /** An event that is not understood was left out (E11). */
  onSkipped?: ((reason: MesosError) => void) | undefined
  /** Below the agent's re-registration time-out of 2 s (E34); 1 s. */
  readonly connectTimeoutMs?: number | undefined
  /** For the answer to a call or to SUBSCRIBE; 5 s. */
  readonly callTimeoutMs?: number | undefined
  readonly random?: (() => number) | undefined
  readonly clock?: Clock | undefined
}
