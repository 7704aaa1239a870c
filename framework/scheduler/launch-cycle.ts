// One turn of the leader: plan, commit the intents, send what came back, refuse what is of no use, and see to it that
// offers flow when something waits. Carries out what placement and flow decide; has no opinion of its own.
import { MesosError } from 'mesos-http-client'
import type { Metrics } from '../observability/metrics.ts'
import type { Launch, Placement, PlacementPolicy, Plan } from '../placement/types.ts'
import type { Intent, PendingTask } from '../usecases/index.ts'
import type { Agents } from './agents.ts'
import { accept, decline, revive, suppress, type MesosCalls } from './calls.ts'
import type { LaunchWatch } from './launch-watch.ts'
import type { LeaderStore } from './leader-store.ts'
import type { OfferBook } from './offer-book.ts'
import { flowAction, flowing, nextPhase, offersCame, type Demand, type FlowPhase } from './offer-flow.ts'
import { giveBack, type AgentScheme } from './offer-snapshot.ts'
import type { PendingQueue } from './pending-queue.ts'
import { prepareLaunch, type PreparedLaunch } from './prepared-launch.ts'
import { taskInfo } from './task-info.ts'
import { TokenBucket } from './token-bucket.ts'
import type { WaitReasons } from './wait-reasons.ts'

export interface LaunchCycleOptions {
  readonly store: Pick<LeaderStore, 'commitIntents' | 'withdrawIntents'>
  readonly calls: MesosCalls
  readonly queue: PendingQueue
  readonly book: OfferBook
  readonly agents: Agents
  readonly watch: LaunchWatch
  readonly reasons: WaitReasons
  readonly placement: Placement
  readonly policy: Omit<PlacementPolicy, 'coldAgents'>
  readonly roles: readonly string[]
  readonly agentScheme: AgentScheme
  readonly now: () => number
  readonly random: () => number
  readonly onLaunching: (task: PendingTask) => void
  /** Tasks wait again that were on their way. */
  readonly onQueued: () => void
  readonly onError: (error: unknown) => void
  readonly metrics: Pick<Metrics, 'launches' | 'launchBatch' | 'offersDeclined'>
}

type IntentId = Pick<Intent, 'taskId' | 'mesosTaskId'>

/** For what nobody needs now: a REVIVE clears it. */
const idleRefuseSeconds = 3600
const closeLimitMs = 2000

export class LaunchCycle {
  readonly #options: LaunchCycleOptions
  readonly #bucket: TokenBucket
  readonly #sending = new Set<Promise<void>>()
  /** A new object for each subscription: what began under an old one is not sent under the next. */
  #subscription: { readonly homeRegion?: string } | undefined
  #flow: FlowPhase = { name: 'suppressed' }
  /** The store did not answer when these were to be committed. Not sent, but perhaps in the store. */
  #unanswered: readonly IntentId[] = []

  constructor(options: LaunchCycleOptions) {
    this.#options = options
    this.#bucket = new TokenBucket({ size: 5, perSecond: 1, nowMs: options.now() })
  }

  /** For `suppressed_roles` of a new subscription (S37). */
  get wantsOffers(): boolean {
    return this.#options.queue.size > 0
  }

  /** `suppressed`: as the subscription said. `homeRegion`: the master's, if it has one (S30). */
  subscribed(suppressed: boolean, homeRegion?: string): void {
    this.#subscription = homeRegion === undefined ? {} : { homeRegion }
    this.#flow = suppressed ? { name: 'suppressed' } : flowing(this.#options.now())
  }

  /** All offers are void (S38). */
  unsubscribed(): void {
    this.#subscription = undefined
    this.#options.book.clear()
  }

  offersCame(): void {
    this.#flow = offersCame(this.#flow, this.#options.now())
  }

  /** Resolves when nothing is on its way to Mesos any more, or after a while: the next leader asks for the rest. */
  async close(): Promise<void> {
    this.unsubscribed()
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, closeLimitMs)
    await Promise.race([Promise.all(this.#sending), late.promise])
    clearTimeout(timer)
  }

  /** One turn; returns when the next is due at the latest, in ms. */
  async run(): Promise<number | undefined> {
    const { queue, now } = this.#options
    if (this.#unanswered.length > 0) await this.#takeBack()
    const dueMs = queue.promote(now())
    const subscription = this.#subscription
    if (!subscription) return undefined
    const before = queue.version
    const more = queue.size > 0 && this.#options.book.size > 0 && (await this.#place(subscription))
    if (this.#subscription !== subscription) return 0
    // Who came meanwhile looks at the held offers first.
    if (more || (queue.version !== before && this.#options.book.size > 0)) return 0
    const flowMs = this.#steer()
    const atMs = Math.min(dueMs ?? Infinity, flowMs ?? Infinity)
    return atMs === Infinity ? undefined : Math.max(0, atMs - now())
  }

  /** Plans and launches; true where more can be planned at once. */
  async #place(subscription: { readonly homeRegion?: string }): Promise<boolean> {
    const { queue, book, agents, policy, placement, now, reasons } = this.#options
    const nowMs = now()
    const plan = placement({
      queue: queue.shapes(),
      offers: book.snapshots(),
      agents: agents.states(nowMs),
      policy: { ...policy, coldAgents: agents.coldFree(nowMs) },
      nowMs,
      ...subscription,
    })
    reasons.learn(plan.refusals, new Set(queue.shapes().map(({ shape }) => shape.key)))
    this.#decline(plan)
    if (plan.launches.length > 0) {
      const launches = plan.launches.map(launch => this.#prepare(launch))
      await this.#launch(launches, subscription)
    }
    return plan.more
  }

  /** Takes offers and tasks out of the books and makes the attempts; nothing is sent yet. */
  #prepare(launch: Launch): PreparedLaunch {
    const { book, queue, agents, watch, now, random } = this.#options
    const { agentId, role } = launch
    const offers = book.take(launch.offerIds)
    const executor = agents.executorFor(agentId, role, giveBack(launch.executor ?? [], offers), now())
    const prepared = prepareLaunch({
      launch,
      offers,
      tasks: taskId => queue.get(taskId),
      executor,
      executorGeneration: agents.generation(agentId),
      agentScheme: this.#options.agentScheme,
      random,
    })
    for (const { intent } of prepared.attempts) {
      watch.sending(intent.mesosTaskId, agentId, intent.executorId)
    }
    queue.remove(launch.tasks.map(({ taskId }) => taskId))
    return prepared
  }

  /** Intents first, in one transaction; only those that came back are sent (S49). */
  async #launch(launches: readonly PreparedLaunch[], subscription: object): Promise<void> {
    const { store, watch, queue, metrics, onLaunching } = this.#options
    const all = launches.flatMap(({ attempts }) => attempts)
    let committed: ReadonlySet<string>
    try {
      committed = await store.commitIntents(all.map(({ intent }) => intent))
    } catch (error) {
      this.#putBack(launches, subscription)
      throw error
    }
    metrics.launchBatch.observe(committed.size)
    for (const { intent, task } of all) {
      if (committed.has(intent.mesosTaskId)) {
        queue.launched(intent.taskId, intent.attempt)
        onLaunching(task)
      } else watch.settled(intent.mesosTaskId)
    }
    if (this.#subscription !== subscription) {
      const unsent = all.map(({ intent }) => intent).filter(({ mesosTaskId }) => committed.has(mesosTaskId))
      await this.#withdraw(unsent, 'the subscription ended before the launch was sent')
      return
    }
    for (const launch of launches) this.#send(launch, committed)
  }

  /** The store did not answer: as before, and what it may have committed all the same is taken back first of all. */
  #putBack(launches: readonly PreparedLaunch[], subscription: object): void {
    const { queue, watch, book, now } = this.#options
    this.#unanswered = launches.flatMap(({ attempts }) => attempts.map(({ intent }) => intent))
    for (const { attempts, offers } of launches) {
      for (const { task, intent } of attempts) {
        watch.settled(intent.mesosTaskId)
        queue.put(task, now())
      }
      if (this.#subscription === subscription) book.add([...offers.values()])
    }
  }

  /** Else they would count as launched although nobody ever sends them. */
  async #takeBack(): Promise<void> {
    const { store, onQueued } = this.#options
    const message = 'the launch was not sent, since the store did not answer'
    await store.withdrawIntents({ intents: this.#unanswered, message })
    this.#unanswered = []
    onQueued()
  }

  #send({ agentId, role, offerIds, attempts }: PreparedLaunch, committed: ReadonlySet<string>): void {
    const { calls, onError, metrics, agents, now } = this.#options
    const wanted = attempts.filter(({ intent }) => committed.has(intent.mesosTaskId))
    if (wanted.length === 0) {
      // Nobody of them waits any more: the offers come again at once.
      calls.call(decline(offerIds, 0)).catch(onError)
      return
    }
    // The rest comes back with the next allocation: another task often follows. Once nothing has waited for a while it
    // is refused for long and suppressed.
    const call = accept(
      offerIds,
      wanted.map(({ attempt }) => taskInfo(attempt)),
      0,
    )
    const intents = wanted.map(({ intent }) => intent)
    const sending = this.#accept(intents, calls.call(call)).finally(() => this.#sending.delete(sending))
    this.#sending.add(sending)
    metrics.launches.inc(wanted.length)
    agents.launched(agentId, role, now())
  }

  async #accept(intents: readonly IntentId[], call: Promise<void>): Promise<void> {
    const { watch, onError, now } = this.#options
    try {
      await call
      for (const { mesosTaskId } of intents) watch.sent(mesosTaskId, now())
    } catch (error) {
      onError(error)
      if (error instanceof MesosError && !error.maybeDone) {
        await this.#withdraw(intents, `the launch could not be sent: ${error.message}`)
      } else {
        for (const { mesosTaskId } of intents) watch.sent(mesosTaskId, now(), true)
      }
    }
  }

  /** These surely never reached the master: they wait again. Where the store fails too, the master is asked later. */
  async #withdraw(intents: readonly IntentId[], message: string): Promise<void> {
    const { store, watch, onQueued, onError, now } = this.#options
    try {
      await store.withdrawIntents({ intents, message })
      for (const { mesosTaskId } of intents) watch.settled(mesosTaskId)
      onQueued()
    } catch (error) {
      onError(error)
      for (const { mesosTaskId } of intents) watch.sent(mesosTaskId, now(), true)
    }
  }

  #decline(plan: Plan): void {
    for (const [refuseSeconds, declines] of Map.groupBy(plan.declines, d => d.refuseSeconds)) {
      this.#refuse(
        declines.map(({ offerId }) => offerId),
        refuseSeconds,
      )
    }
  }

  #refuse(offerIds: readonly string[], refuseSeconds: number): void {
    const { book, calls, onError, metrics } = this.#options
    const ids = [...book.take(offerIds).keys()]
    if (ids.length === 0) return
    calls.call(decline(ids, refuseSeconds)).catch(onError)
    metrics.offersDeclined.inc(ids.length)
  }

  /** Sends what the flow wants; returns the moment of the next look. */
  #steer(): number | undefined {
    const { queue, calls, roles, book, onError, now } = this.#options
    const nowMs = now()
    const newestMs = queue.newestMs()
    const demand: Demand = {
      waits: queue.size > 0,
      held: book.size > 0,
      ...(newestMs === undefined ? {} : { newestMs }),
    }
    const action = flowAction(this.#flow, demand, this.#bucket.waitMs(nowMs), nowMs)
    const flow = nextPhase(this.#flow, action, demand, nowMs)
    this.#flow = flow
    switch (action.name) {
      case 'revive':
        this.#bucket.take(nowMs)
        calls.call(revive(roles)).catch((error: unknown) => {
          // It may not have arrived: as if never sent.
          if (this.#flow === flow) this.#flow = { name: 'suppressed' }
          onError(error)
        })
        return nowMs + this.#bucket.waitMs(nowMs) + 1000
      case 'suppress':
        this.#refuse(book.ids(), idleRefuseSeconds)
        calls.call(suppress(roles)).catch(onError)
        return undefined
      case 'none':
        return action.atMs
    }
  }
}
