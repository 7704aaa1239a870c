// What a SchedulerClient is told and what it tells. Types, and the checks of what Mesos would not check.
import type { Backoff } from '../backoff.ts'
import type { Clock } from '../clock.ts'
import type { CodecName } from '../codec/index.ts'
import type { MesosError } from '../errors.ts'
import type { FrameworkInfo, MasterInfo, SchedulerEvent } from '../generated/messages.ts'

/** Where a scheduler's client stands: `idle → connecting → subscribed → waiting → connecting …`, at last `closed`. */
export type SchedulerPhase =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting'; readonly url: string; readonly attempt: number }
  /** Until `untilMs` (since the epoch); for ever (Infinity) while paused for too long, or while no master leads (`no_leader`). */
  | { readonly name: 'waiting'; readonly untilMs: number; readonly cause: MesosError }
  | {
      readonly name: 'subscribed'
      readonly streamId: string
      readonly frameworkId: string
      readonly url: string
      readonly masterInfo: MasterInfo | undefined
      readonly heartbeatMs: number
    }
  /** For good. With a `cause` it wasn't `close()`: look at its code (`failed_over` S15, `framework_removed` S16, …). */
  | { readonly name: 'closed'; readonly cause?: MesosError }

/** What a scheduler's client needs to know, and what it tells. */
export interface SchedulerClientOptions {
  /**
   * URLs of the masters, such as `http://10.0.0.1:5050`; any of them leads to the leader (S8). Or a single
   * `zk://[user:password@]host:port,…/path`: ZooKeeper names the leader and its changes (S17).
   */
  readonly masters: readonly string[]
  readonly codec: CodecName
  /** Without `id`: that is for `frameworkId` and for the master to say (S5). */
  readonly frameworkInfo: FrameworkInfo
  /** As assigned by an earlier SUBSCRIBED; absent for the first one ever (S4). */
  readonly frameworkId?: string | undefined
  /** Asked at each SUBSCRIBE (S37). */
  readonly suppressedRoles?: (() => readonly string[]) | undefined
  readonly credential?: { readonly principal: string; readonly secret: string } | undefined
  /**
   * PEM certificates to trust for https, instead of Node's own list. With it, masters that ZooKeeper names are spoken to
   * over TLS.
   */
  readonly ca?: string | undefined
  /** Every event of the current subscription, in order, after the phase it causes; an ERROR before it. Must not throw. */
  onEvent(event: SchedulerEvent, subscription: { readonly streamId: string }): void
  onPhase?: ((phase: SchedulerPhase) => void) | undefined
  /** An event that is not understood was left out (S11). */
  onSkipped?: ((reason: MesosError) => void) | undefined
  /**
   * ZooKeeper can't be asked any more, so that another leader would not be noticed: once each time, and without a cause
   * when it answers again. All else goes on.
   */
  onBlind?: ((cause: MesosError | undefined) => void) | undefined
  /** For the answer to a call or to SUBSCRIBE; 10 s. */
  readonly callTimeoutMs?: number | undefined
  /** 3 s. */
  readonly connectTimeoutMs?: number | undefined
  /** So many heartbeats late, the stream is given up; 5 (S12). */
  readonly missedHeartbeats?: number | undefined
  /** Between tries, with jitter (S13); 250 ms up to 15 s. */
  readonly backoff?: Backoff | undefined
  /** Paused for longer, the subscription is given up until `resume()` (S19); 30 s. */
  readonly pauseLimitMs?: number | undefined
  readonly maxRecordBytes?: number | undefined
  readonly random?: (() => number) | undefined
  readonly clock?: Clock | undefined
}

/**
 * Refuses what Mesos would refuse late, or take although it makes no sense.
 * @throws TypeError
 */
export function checkFrameworkInfo({ frameworkInfo, frameworkId, credential }: SchedulerClientOptions): void {
  const wrong = (what: string) => new TypeError(`SchedulerClient: ${what}`)
  if (frameworkInfo.id !== undefined) throw wrong('the id goes into frameworkId, not into frameworkInfo (S4)')
  if (frameworkId === '') throw wrong('an empty frameworkId (S5)')
  if (frameworkInfo.user === '' || frameworkInfo.name === '')
    throw wrong('user and name must not be empty (S20)')
  const { principal } = frameworkInfo
  if (credential !== undefined && principal !== undefined && principal !== credential.principal) {
    throw wrong(
      `frameworkInfo.principal is ${principal}, the credential is that of ${credential.principal} (S18)`,
    )
  }
  const multiRole = frameworkInfo.capabilities?.some(capability => capability.type === 'MULTI_ROLE') === true
  if (multiRole && frameworkInfo.role !== undefined)
    throw wrong('role instead of roles with MULTI_ROLE (S23)')
}
