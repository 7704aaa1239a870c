// One term of leadership: everything that runs between winning the lease and losing it, around one subscription to
// Mesos. Passes events on to the parts that know what to do; memory is built from the store and ends with the term.
import { MesosError, type SchedulerEvent, type SchedulerPhase } from 'mesos-http-client'
import { LeaseLost } from '../store/index.ts'
import { UseCaseError, type Channel } from '../usecases/index.ts'
import { chores } from './chores.ts'
import { changesMessage, forbiddenChanges, frameworkInfo, frameworkRecord } from './framework-info.ts'
import { Loop } from './loop.ts'
import { buildParts, type Parts } from './parts.ts'
import { refusalMessage, troubleMessage } from './refusal.ts'
import type { MesosConnection, TermEnd, TermOptions } from './settings.ts'

/** How soon to look again whether the store has what came back. */
const returnedMs = 10

type Phase =
  /** Reads the store. */
  | { readonly name: 'starting' }
  | { readonly name: 'disconnected' }
  /** Subscribed; the framework id is made durable before anything is launched (S5). */
  | {
      readonly name: 'registering'
      readonly frameworkId: string
      readonly suppressed: boolean
      readonly homeRegion?: string
    }
  | { readonly name: 'working' }
  | { readonly name: 'over' }

export class Term {
  readonly #options: TermOptions
  readonly #onEnd: (end: TermEnd) => void
  readonly #parts: Parts
  readonly #startup: Loop
  readonly #feed: Loop
  readonly #cycle: Loop
  readonly #kills: Loop
  /** Begin once the store was read. */
  readonly #recurring: readonly Loop[]
  /** Closed first to last. */
  readonly #loops: readonly Loop[]
  #mesos: MesosConnection | undefined
  /** As the store keeps it, or as Mesos assigned it just now. */
  #frameworkId: string | undefined
  /** What the SUBSCRIBE under way said (S37). */
  #suppressed = false
  #phase: Phase = { name: 'starting' }

  /** `onEnd` is called at most once, and not after `close`: whoever gets it closes the term. */
  constructor(options: TermOptions, onEnd: (end: TermEnd) => void) {
    this.#options = options
    this.#onEnd = onEnd
    const { pollMs } = options.settings
    this.#parts = buildParts(options, {
      calls: { call: call => this.#mesos?.call(call) ?? Promise.reject(notConnected()) },
      pause: () => this.#mesos?.pause(),
      resume: () => this.#mesos?.resume(),
      frameworkId: () => this.#frameworkId ?? '',
      onQueued: () => this.#feed.wake(),
      failed: part => error => this.#failed(part, error),
    })
    const loop = (part: string, run: () => Promise<number | undefined>, intervalMs?: number): Loop =>
      new Loop({
        run,
        onError: error => this.#failed(part, error),
        ...(intervalMs === undefined ? {} : { intervalMs }),
      })
    const { cycle, feed, kills } = this.#parts
    this.#startup = loop('start', () => this.#start())
    this.#feed = loop(
      'queue',
      async () => {
        await feed.run()
        this.#cycle.wake()
        return undefined
      },
      pollMs,
    )
    this.#cycle = loop('launch', async () => {
      // The offers of an agent that is back come right behind the news of what still runs there.
      if (this.#parts.intake.holdsReturned) return returnedMs
      const nextMs = await cycle.run()
      options.metrics.offersHeld.set(this.#parts.book.size)
      return nextMs
    })
    this.#kills = loop('kills', async () => (this.#isWorking ? await kills.run() : undefined), pollMs)
    const recurring = chores({
      options,
      parts: this.#parts,
      whyWaits: taskId => this.whyWaits(taskId),
      isSubscribed: () => this.#isWorking,
      onQueued: () => this.#feed.wake(),
      failed: part => error => this.#failed(part, error),
    })
    this.#recurring = [this.#feed, this.#kills, ...recurring]
    this.#loops = [this.#startup, ...this.#recurring, this.#cycle]
  }

  start(): void {
    this.#startup.wake()
  }

  /** Another process, or this one, has something for us. */
  hint(channel: Channel): void {
    if (this.#phase.name === 'starting' || this.#phase.name === 'over') return
    if (channel === 'pending') this.#feed.wake()
    if (channel === 'kills') this.#kills.wake()
  }

  /** Why a waiting task waits; undefined where it does not wait here. */
  whyWaits(taskId: number): string | undefined {
    const why = this.#parts.whyWaits(taskId)
    return why === undefined || this.#isWorking
      ? why
      : 'not subscribed to a Mesos master, so nothing is offered'
  }

  get subscribed(): boolean {
    return this.#isWorking
  }

  /** Finishes the transactions in flight and closes the stream; tasks run on (S77). */
  async close(): Promise<void> {
    this.#phase = { name: 'over' }
    const { cycle, intake, reconciler, inverseOffers, drained } = this.#parts
    for (const loop of this.#loops) await loop.close()
    await cycle.close()
    await reconciler.close()
    await inverseOffers.close()
    await drained.close()
    await intake.close()
    await this.#mesos?.close()
    this.#options.metrics.offersHeld.set(0)
    this.#options.metrics.tasks.reset()
  }

  get #isWorking(): boolean {
    return this.#phase.name === 'working'
  }

  /** From the store first: who we are, which executors there are, what waits. Then Mesos. */
  async #start(): Promise<undefined> {
    const { store, settings, settleOrigin, connect, log } = this.#options
    if (this.#phase.name === 'registering') {
      await this.#register(this.#phase)
      return undefined
    }
    if (this.#phase.name !== 'starting') return undefined
    const refusal = await settleOrigin()
    if (refusal !== undefined) {
      this.#end({ name: 'origin_refused', message: refusal })
      return undefined
    }
    const known = await store.loadFramework({ name: settings.framework.name })
    const problems = known ? forbiddenChanges(known, settings.framework) : []
    if (problems.length > 0) {
      this.#end({ name: 'refused', message: changesMessage(problems) })
      return undefined
    }
    for (const [agentId, { generation }] of await store.loadExecutorGenerations()) {
      this.#parts.agents.setGeneration(agentId, generation)
    }
    await this.#parts.feed.run()
    if (this.#isOver()) return undefined
    this.#frameworkId = known?.frameworkId
    log.info({ frameworkId: known?.frameworkId, waiting: this.#parts.queue.size }, 'leading')
    this.#enter({ name: 'disconnected' })
    this.#mesos = connect({
      frameworkInfo: frameworkInfo(settings.framework),
      ...(known ? { frameworkId: known.frameworkId } : {}),
      suppressedRoles: () => {
        this.#suppressed = !this.#parts.cycle.wantsOffers
        return this.#suppressed ? settings.framework.roles : []
      },
      onEvent: event => this.#event(event),
      onPhase: phase => this.#connectionPhase(phase),
    })
    this.#mesos.start()
    for (const loop of this.#recurring) loop.wake()
    return undefined
  }

  /** S5: nothing is launched before the id that Mesos assigned is safe. */
  async #register(phase: Phase & { name: 'registering' }): Promise<void> {
    const { store, settings } = this.#options
    if (phase.frameworkId !== this.#frameworkId) {
      await store.saveFramework(frameworkRecord(settings.framework, phase.frameworkId))
      this.#frameworkId = phase.frameworkId
    }
    if (this.#phase !== phase) return
    const { cycle, kills, reconciler } = this.#parts
    this.#enter({ name: 'working' })
    cycle.subscribed(phase.suppressed, phase.homeRegion)
    kills.forgetSubscription()
    reconciler.start()
    this.#cycle.wake()
    this.#kills.wake()
  }

  #connectionPhase(phase: SchedulerPhase): void {
    const { log, metrics } = this.#options
    if (this.#isOver()) return
    if (phase.name === 'subscribed') {
      metrics.subscriptions.inc()
      log.info({ url: phase.url, frameworkId: phase.frameworkId }, 'subscribed')
      // Where the leading master stands (S30): another one may stand elsewhere.
      const homeRegion = phase.masterInfo?.domain?.fault_domain?.region.name
      this.#enter({
        name: 'registering',
        frameworkId: phase.frameworkId,
        suppressed: this.#suppressed,
        ...(homeRegion === undefined ? {} : { homeRegion }),
      })
      this.#startup.wake()
      return
    }
    this.#disconnected()
    if (phase.name === 'waiting') log.warn({ cause: troubleMessage(phase.cause) }, 'not subscribed to Mesos')
    if (phase.name === 'closed' && phase.cause) void this.#closedByMesos(phase.cause)
  }

  /** All that a subscription brought is void (S38). */
  #disconnected(): void {
    if (this.#phase.name !== 'registering' && !this.#isWorking) return
    const { cycle, agents, reconciler, inverseOffers, drained, reasons } = this.#parts
    this.#enter({ name: 'disconnected' })
    cycle.unsubscribed()
    inverseOffers.clear()
    drained.clear()
    reasons.clear()
    agents.forgetSubscription()
    reconciler.stop()
  }

  async #closedByMesos(cause: MesosError): Promise<void> {
    const { code, message } = cause
    if (code === 'failed_over') this.#end({ name: 'failed_over', message })
    else if (code === 'framework_removed') {
      const active = await this.#options.store.loadActive().catch(() => undefined)
      // A store that does not answer may hold live tasks: the loud way is the safe one.
      this.#end({ name: 'removed', frameworkId: this.#frameworkId ?? '', live: active?.length ?? 1 })
    } else {
      this.#end({ name: 'refused', message: refusalMessage(cause, this.#options.settings.framework) })
    }
  }

  #event(event: SchedulerEvent): void {
    const { book, cycle, intake, telemetry, inverseOffers } = this.#parts
    const { metrics, log } = this.#options
    if (this.#isOver()) return
    if (event.offers?.offers) {
      metrics.offersReceived.inc(event.offers.offers.length)
      book.add(event.offers.offers)
      cycle.offersCame()
      this.#cycle.wake()
    } else if (event.rescind) book.rescind(event.rescind.offer_id.value)
    else if (event.update) {
      telemetry.received(event.update.status)
      intake.update(event.update.status)
    } else if (event.failure) {
      log.info({ failure: event.failure }, 'Mesos reports a failure')
      intake.failure(event.failure)
    } else if (event.inverse_offers?.inverse_offers) inverseOffers.add(event.inverse_offers.inverse_offers)
    else if (event.rescind_inverse_offer) {
      inverseOffers.rescind(event.rescind_inverse_offer.inverse_offer_id.value)
    }
    metrics.offersHeld.set(book.size)
  }

  #failed(part: string, error: unknown): void {
    if (this.#isOver()) return
    if (error instanceof LeaseLost) this.#end({ name: 'lease_lost' })
    else if (error instanceof UseCaseError && error.code === 'framework_id_conflict') {
      this.#end({ name: 'refused', message: error.message })
    } else if (error instanceof MesosError && (error.subscriptionLost || error.code === 'disconnected')) {
      // One line tells of the subscription's end, not one for each call that it took along.
      this.#options.log.debug({ cause: error.message, part }, 'not delivered')
    } else this.#options.log.warn({ err: error, part }, 'failed; will be tried again')
  }

  #end(end: TermEnd): void {
    if (this.#isOver()) return
    this.#phase = { name: 'over' }
    this.#parts.cycle.unsubscribed()
    this.#onEnd(end)
  }

  #isOver(): boolean {
    return this.#phase.name === 'over'
  }

  #enter(phase: Phase): void {
    if (!this.#isOver()) this.#phase = phase
  }
}

function notConnected(): MesosError {
  return new MesosError('not_subscribed', 'not connected to Mesos yet')
}
