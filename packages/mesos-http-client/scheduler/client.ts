// A scheduler's side of Mesos: keeps one subscription for as long as it lives (S14), tells phases and events, sends
// calls. It decides when to connect and when to give up; it holds no offers and knows no tasks.
import type { OutgoingHttpHeaders } from 'node:http'
import { backoffMs } from '../backoff.ts'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { codec } from '../codec/index.ts'
import { MesosError } from '../errors.ts'
import type { SchedulerCallBody } from '../messages-by-type.ts'
import type {
  AgentID,
  FrameworkInfo,
  SchedulerCall,
  SchedulerCallAccept,
  SchedulerCallDecline,
  SchedulerCallKill,
  SchedulerCallReconcileTask,
  TaskStatus,
} from '../generated/messages.ts'
import { masterSource, type MasterSource } from '../masters/master-source.ts'
import { checkCa } from '../tls.ts'
import { basicAuthorization } from '../transport.ts'
import type { SchedulerClientOptions, SchedulerPhase } from './options.ts'
import { checkFrameworkInfo } from './options.ts'
import { subscribeCall } from './subscribe-call.ts'
import type { Subscribed } from './subscription.ts'
import { Subscription } from './subscription.ts'

const DEFAULT_BACKOFF = { initialMs: 250, maxMs: 15_000 }
/** A subscription that held for less is no reason to begin again with short waits. */
const STABLE_MS = 15_000

/** A framework's connection to its master. It ends with `close()`, a TEARDOWN, or a verdict: see the phase `closed`. */
export class SchedulerClient {
  readonly #options: SchedulerClientOptions
  readonly #masters: MasterSource
  readonly #headers: OutgoingHttpHeaders
  readonly #clock: Clock
  #phase: SchedulerPhase = { name: 'idle' }
  #subscription: Subscription | undefined
  #subscribedAtMs = 0
  #frameworkId: string | undefined
  #frameworkInfo: FrameworkInfo
  /** Tries since the last stable subscription. */
  #failures = 0
  /** Whom the subscription of now was asked for; a redirect may have led on. */
  #asked: URL | undefined
  #paused = false
  /** A TEARDOWN is under way: the end of the stream is what we want. */
  #leaving = false
  #cancelWait = () => {}
  #cancelPauseLimit = () => {}

  /** @throws TypeError where the options contradict Mesos' rules (S5, S18, S23), or name no masters */
  constructor(options: SchedulerClientOptions) {
    checkFrameworkInfo(options)
    checkCa('SchedulerClient', options.ca)
    this.#options = options
    this.#headers = basicAuthorization(options.credential)
    this.#clock = options.clock ?? systemClock
    this.#masters = masterSource({
      masters: options.masters,
      scheme: options.ca === undefined ? 'http' : 'https',
      clock: this.#clock,
      random: options.random ?? Math.random,
      backoff: options.backoff ?? DEFAULT_BACKOFF,
    })
    this.#frameworkId = options.frameworkId
    this.#frameworkInfo = options.frameworkInfo
  }

  /** Where the client stands; told by `onPhase` as it changes. */
  get phase(): SchedulerPhase {
    return this.#phase
  }

  /** As given, or as assigned by the first SUBSCRIBED. */
  get frameworkId(): string | undefined {
    return this.#frameworkId
  }

  /** Subscribes, again and again until `close()` or until a master says something final. */
  start(): void {
    if (this.#phase.name !== 'idle') return
    this.#connect()
    this.#masters.start({
      onChange: leader => this.#leaderChanged(leader),
      onBlind: trouble => this.#options.onBlind?.(trouble),
    })
  }

  /**
   * Sends a call once, never again; its framework id is filled in. ACCEPT, DECLINE, REVIVE and SUPPRESS leave in the
   * order of their calls, each after the answer to the one before (S36); others may overtake them.
   * Fulfilled at 202: accepted, not done (S7).
   * @throws MesosError `not_subscribed` if nothing was sent; one with `maybeDone` if it may have been carried out
   */
  async call(call: SchedulerCallBody): Promise<void> {
    const type: string = call.type
    if (type === 'SUBSCRIBE') throw new MesosError('invalid_call', 'SUBSCRIBE is sent by start()')
    if (this.#phase.name === 'closed') throw new MesosError('closed', `${type}: the client is closed`)
    if (this.#phase.name !== 'subscribed' || this.#subscription === undefined) {
      throw new MesosError('not_subscribed', `${type}: not sent, no subscription (${this.#phase.name})`)
    }
    const complete = { ...call, framework_id: { value: this.#phase.frameworkId } }
    if (call.type === 'TEARDOWN') await this.#tearDown(this.#subscription, complete)
    else await this.#subscription.call(complete)
    if (call.type === 'UPDATE_FRAMEWORK' && call.update_framework !== undefined) {
      // all or nothing (S25): this is what later subscriptions must say as well
      const { id: _, ...info } = call.update_framework.framework_info
      this.#frameworkInfo = info
    }
  }

  /** Uses offers of one agent and one role (S40); what is not used is declined by `filters`. */
  accept(accept: SchedulerCallAccept): Promise<void> {
    return this.call({ type: 'ACCEPT', accept })
  }

  /** Without `filters` the offers come again in 5 s (S34). */
  decline(decline: SchedulerCallDecline): Promise<void> {
    return this.call({ type: 'DECLINE', decline })
  }

  /** Clears all filters (S35). Without roles: of all of them. */
  revive(roles: readonly string[] = []): Promise<void> {
    return this.call({ type: 'REVIVE', revive: { roles } })
  }

  /** No more offers (S32). Without roles: for all of them. */
  suppress(roles: readonly string[] = []): Promise<void> {
    return this.call({ type: 'SUPPRESS', suppress: { roles } })
  }

  /** Sends nothing for an update without uuid (S52, S53). */
  async acknowledge(status: TaskStatus): Promise<void> {
    const { agent_id, task_id, uuid } = status
    if (uuid === undefined || agent_id === undefined) return
    await this.call({ type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } })
  }

  /** Leave `agent_id` out or be right (S72). */
  kill(kill: SchedulerCallKill): Promise<void> {
    return this.call({ type: 'KILL', kill })
  }

  /** Without tasks: implicit (S65). Say each task's agent_id (S66). */
  reconcile(tasks: readonly SchedulerCallReconcileTask[]): Promise<void> {
    return this.call({ type: 'RECONCILE', reconcile: { tasks } })
  }

  /** Asks an agent to shut an executor down. */
  shutdown(executorId: string, agentId: AgentID): Promise<void> {
    return this.call({
      type: 'SHUTDOWN',
      shutdown: { executor_id: { value: executorId }, agent_id: agentId },
    })
  }

  /**
   * Stops reading the event stream: the bytes stay where they are (S19). Calls still go out. After `pauseLimitMs` the
   * subscription is given up, and taken up again by `resume()`.
   */
  pause(): void {
    if (this.#paused || this.#phase.name === 'closed') return
    this.#paused = true
    this.#subscription?.pause()
    this.#cancelPauseLimit = this.#clock.after(this.#options.pauseLimitMs ?? 30_000, () => {
      const cause = new MesosError('no_longer_wanted', 'paused for too long')
      this.#drop(cause)
      this.#wait(Number.POSITIVE_INFINITY, cause)
    })
  }

  /** Reads on; subscribes anew where the pause was too long. */
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#cancelPauseLimit()
    if (this.#phase.name === 'waiting' && this.#phase.untilMs === Number.POSITIVE_INFINITY) this.#connect()
    else this.#subscription?.resume()
  }

  /** Gives the subscription up and takes a new one, after the usual wait. */
  resubscribe(cause: string): void {
    if (this.#phase.name !== 'subscribed' && this.#phase.name !== 'connecting') return
    const error = new MesosError('no_longer_wanted', cause)
    this.#drop(error)
    this.#retry(error)
  }

  /** Closes the stream; the master keeps tasks for FrameworkInfo.failover_timeout. Settled when all connections are gone. */
  async close(): Promise<void> {
    const subscription = this.#subscription
    this.#finish()
    await Promise.all([subscription?.closed, this.#masters.close()])
  }

  /** The stream of a framework that is no more ends, often before the answer: nothing to come back to (S77). */
  async #tearDown(subscription: Subscription, call: SchedulerCall): Promise<void> {
    this.#leaving = true
    try {
      await subscription.call(call)
    } catch (error) {
      this.#leaving = false
      if (this.#phase.name !== 'closed') throw error
    }
    await this.close()
  }

  // ---- phases: each change is here ----

  #enter(phase: SchedulerPhase): void {
    this.#phase = phase
    this.#options.onPhase?.(phase)
  }

  #connect(): void {
    this.#cancelWait()
    this.#asked = this.#masters.next()
    if (this.#asked === undefined) {
      this.#awaitLeader()
      return
    }
    const url = new URL('/api/v1/scheduler', this.#asked)
    const subscription: Subscription = new Subscription({
      url,
      call: subscribeCall(this.#frameworkInfo, this.#frameworkId, this.#options.suppressedRoles?.() ?? []),
      codec: codec(this.#options.codec),
      headers: this.#headers,
      ca: this.#options.ca,
      clock: this.#clock,
      connectTimeoutMs: this.#options.connectTimeoutMs ?? 3_000,
      callTimeoutMs: this.#options.callTimeoutMs ?? 10_000,
      missedHeartbeats: this.#options.missedHeartbeats ?? 5,
      maxRecordBytes: this.#options.maxRecordBytes,
      onSubscribed: subscribed => this.#subscribed(subscribed),
      onEvent: (event, streamId) => this.#options.onEvent(event, { streamId }),
      onSkipped: reason => this.#options.onSkipped?.(reason),
      onEnd: cause => this.#retry(cause),
    })
    this.#subscription = subscription
    if (this.#paused) subscription.pause()
    this.#subscribedAtMs = 0
    this.#enter({ name: 'connecting', url: url.href, attempt: this.#failures + 1 })
  }

  #subscribed(subscribed: Subscribed): void {
    if (this.#frameworkId !== undefined && subscribed.frameworkId !== this.#frameworkId) {
      // never take a new id in silence (S16)
      const message = `subscribed as ${this.#frameworkId}, taken as ${subscribed.frameworkId}`
      this.#finish(new MesosError('refused', message))
      return
    }
    this.#frameworkId = subscribed.frameworkId
    this.#subscribedAtMs = this.#clock.now()
    this.#enter({ name: 'subscribed', ...subscribed })
  }

  /** After a subscription or a try has ended. */
  #retry(cause: MesosError): void {
    this.#subscription = undefined
    if (this.#leaving) {
      this.#finish()
      return
    }
    if (!cause.retryable) {
      this.#finish(cause)
      return
    }
    const heldMs = this.#subscribedAtMs === 0 ? 0 : this.#clock.now() - this.#subscribedAtMs
    if (heldMs >= STABLE_MS) this.#failures = 0
    // one round over all masters counts as one failure
    const rounds = Math.floor(this.#failures / this.#masters.size)
    this.#failures += 1
    this.#waitRound(rounds, cause)
  }

  #waitRound(rounds: number, cause: MesosError): void {
    const { backoff = DEFAULT_BACKOFF, random = Math.random } = this.#options
    this.#wait(backoffMs(backoff, rounds, random), cause)
  }

  #awaitLeader(): void {
    const cause = this.#masters.trouble ?? new MesosError('no_leader', 'no master leads')
    if (cause.fatal) this.#finish(cause)
    else this.#wait(Number.POSITIVE_INFINITY, cause)
  }

  /** As told by ZooKeeper (S17). Without a leader a subscription is kept: whoever serves it will end it. */
  #leaderChanged(leader: URL | undefined): void {
    const phase = this.#phase
    if (phase.name === 'idle' || phase.name === 'closed') return
    const isAway = phase.name === 'waiting'
    if (leader === undefined) {
      if (isAway && phase.untilMs === Number.POSITIVE_INFINITY && !this.#paused) this.#awaitLeader()
      return
    }
    // a redirect may have told us before ZooKeeper did
    const isThere = !isAway && [this.#asked?.origin, new URL(phase.url).origin].includes(leader.origin)
    // who is paused for too long comes back by resume()
    if (isThere || (isAway && this.#paused)) return
    const cause = new MesosError('no_longer_wanted', `the leading master is ${leader.origin} now`)
    this.#failures = 0
    this.#drop(cause)
    if (isAway && phase.untilMs === Number.POSITIVE_INFINITY) this.#connect()
    else this.#waitRound(0, cause)
  }

  #wait(delayMs: number, cause: MesosError): void {
    this.#cancelWait()
    if (Number.isFinite(delayMs)) this.#cancelWait = this.#clock.after(delayMs, () => this.#connect())
    this.#enter({ name: 'waiting', untilMs: this.#clock.now() + delayMs, cause })
  }

  #drop(cause: MesosError): void {
    this.#subscription?.end(cause)
    this.#subscription = undefined
  }

  #finish(cause?: MesosError): void {
    if (this.#phase.name === 'closed') return
    this.#cancelWait()
    this.#cancelPauseLimit()
    void this.#masters.close()
    this.#drop(cause ?? new MesosError('closed', 'the client was closed'))
    this.#enter(cause === undefined ? { name: 'closed' } : { name: 'closed', cause })
  }
}
