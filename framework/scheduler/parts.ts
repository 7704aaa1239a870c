// Builds the parts of a term and ties them to each other. No decisions.
import { codec } from 'mesos-http-client'
import type { PlacementPolicy } from '../placement/types.ts'
import { Agents } from './agents.ts'
import type { MesosCalls } from './calls.ts'
import { Drained } from './drained.ts'
import { executorInfo } from './executor-info.ts'
import { KillRepeater } from './kill-repeater.ts'
import { InverseOffers } from './inverse-offers.ts'
import { LaunchCycle } from './launch-cycle.ts'
import { LaunchWatch } from './launch-watch.ts'
import { OfferBook } from './offer-book.ts'
import { PendingQueue } from './pending-queue.ts'
import { QueueFeed } from './queue-feed.ts'
import { Reconciler } from './reconciler.ts'
import type { SchedulerSettings, TermOptions } from './settings.ts'
import { Telemetry } from './telemetry.ts'
import { UpdateHandler } from './update-handler.ts'
import { UpdateIntake } from './update-intake.ts'
import { WaitReasons } from './wait-reasons.ts'

export interface PartsHooks {
  readonly calls: MesosCalls
  readonly pause: () => void
  readonly resume: () => void
  /** Known by the time something is launched. */
  readonly frameworkId: () => string
  /** Tasks wait again: read the store. */
  readonly onQueued: () => void
  readonly failed: (part: string) => (error: unknown) => void
}

export interface Parts {
  readonly book: OfferBook
  readonly queue: PendingQueue
  readonly agents: Agents
  readonly watch: LaunchWatch
  readonly reasons: WaitReasons
  readonly telemetry: Telemetry
  readonly intake: UpdateIntake
  readonly cycle: LaunchCycle
  readonly reconciler: Reconciler
  readonly kills: KillRepeater
  readonly feed: QueueFeed
  readonly inverseOffers: InverseOffers
  readonly drained: Drained
  /** Why a waiting task waits; undefined where it does not wait here. */
  readonly whyWaits: (taskId: number) => string | undefined
}

/** ACCEPT ≤ 4 MB, with room for what the estimate of a task leaves out. */
const maxLaunchBytes = 3_500_000
/** One transaction carries their intents; the next plan follows at once. */
const maxTasksPerPlan = 500

function policy(settings: SchedulerSettings): Omit<PlacementPolicy, 'coldAgents'> {
  const { cpuMillis, memMb, diskMb } = settings.executor
  return {
    executor: { cpuMillis, memMb, diskMb },
    maxTasks: maxTasksPerPlan,
    maxLaunchBytes,
    assumedRuntimeMs: 3_600_000,
    refuse: { noFitSeconds: 60, soonSeconds: 1 },
  }
}

export function buildParts(options: TermOptions, hooks: PartsHooks): Parts {
  const { settings, store, now, random, log, metrics } = options
  const { calls, failed, onQueued } = hooks
  const { roles } = settings.framework
  const telemetry = new Telemetry({ metrics, log, now })
  const makeExecutor = (generation: number, resources: Parameters<typeof executorInfo>[0]['resources']) =>
    executorInfo({ template: settings.executor, frameworkId: hooks.frameworkId(), resources, generation })
  const agents = new Agents({ roles, coldLimit: settings.coldAgents, makeExecutor })
  const executorBytes = codec('json').encode('ExecutorInfo', makeExecutor(0, [])).length
  const queue = new PendingQueue({ executorBytes })
  const book = new OfferBook()
  const watch = new LaunchWatch({ timeoutMs: settings.launchTimeoutMs })
  const isSending = (mesosTaskId: string): boolean => watch.isSending(mesosTaskId)
  const reasons = new WaitReasons(roles)
  const reconciler = new Reconciler({ store, calls, isSending, now, onError: failed('reconciliation') })
  const kills = new KillRepeater({ store, calls, isSending, now, onError: failed('kills') })
  const feed = new QueueFeed({ store, queue, now })
  const inverseOffers = new InverseOffers({ store, calls, onError: failed('inverse offers') })
  const drained = new Drained({ store, calls, agents, onError: failed('drained agents') })
  const handler = new UpdateHandler({
    store,
    calls,
    agents,
    now,
    executorOf: mesosTaskId => watch.executorOf(mesosTaskId),
    onApplied: (result, status) => {
      watch.settled(result.mesosTaskId)
      reconciler.heard(result.mesosTaskId)
      telemetry.applied(result, status)
    },
    onQueued,
    onAgentLost: agentId => reasons.forgetAgent(agentId),
    onDrained: agentId => drained.heard(agentId),
    onCallError: failed('acknowledgement'),
  })
  const intake = new UpdateIntake({
    applyUpdates: statuses => handler.applyUpdates(statuses),
    applyFailure: failure => handler.applyFailure(failure),
    pause: hooks.pause,
    resume: hooks.resume,
    onError: failed('updates'),
    onDepth: depth => metrics.updateBufferDepth.set(depth),
  })
  const cycle = new LaunchCycle({
    store,
    calls,
    queue,
    book,
    agents,
    watch,
    reasons,
    placement: options.placement,
    policy: policy(settings),
    roles,
    agentScheme: settings.agentScheme,
    now,
    random,
    onLaunching: task => telemetry.launching(task),
    onQueued,
    onError: failed('launch'),
    metrics,
  })
  const whyWaits = (taskId: number): string | undefined => {
    const key = queue.shapeKey(taskId)
    return key === undefined ? undefined : reasons.reason(key)
  }
  return {
    whyWaits,
    book,
    queue,
    agents,
    watch,
    reasons,
    telemetry,
    intake,
    cycle,
    reconciler,
    kills,
    feed,
    inverseOffers,
    drained,
  }
}
