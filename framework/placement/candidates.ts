// The agents of a plan, in the order in which tasks try them, and what keeps a shape away whatever is free there. Pure.
import { AgentPool, wantedByExecutor, type Wanted } from './agent-pool.ts'
import { firstFailed, foreignRegion } from './constraints.ts'
import type {
  AgentState,
  ExecutorState,
  No,
  OfferSnapshot,
  PlacedTask,
  PlanInput,
  Piece,
  Shape,
} from './types.ts'

/** One agent with what it offers to one role, during a plan. */
export interface Candidate {
  readonly agentId: string
  readonly role: string
  readonly offers: readonly OfferSnapshot[]
  readonly first: OfferSnapshot
  /** Of that role. */
  readonly executorState: ExecutorState
  readonly avoid: AgentState['avoid']
  readonly pool: AgentPool
  /** What its executor would take. */
  readonly executorRoom: Wanted
  readonly tasks: PlacedTask[]
  executor?: readonly Piece[]
  bytes: number
}

const warmth = { running: 0, starting: 1, absent: 2 } as const

/**
 * Agents whose executor runs come first: the task starts at once there. Then those that keep something for our roles:
 * nobody else can use it.
 */
export function candidates(input: PlanInput): Candidate[] {
  const groups = Map.groupBy(input.offers, ({ agentId, role }) => JSON.stringify([agentId, role]))
  const list = [...groups.values()].flatMap((offers): Candidate[] => {
    const [first] = offers
    if (!first) return []
    const { agentId, role } = first
    const state = input.agents.get(agentId)
    const pool = new AgentPool(offers)
    return [
      {
        agentId,
        role,
        offers,
        first,
        executorState: state?.executors.get(role) ?? 'absent',
        avoid: state?.avoid,
        pool,
        executorRoom: wantedByExecutor(input.policy.executor, pool.free('disk')),
        tasks: [],
        bytes: 0,
      },
    ]
  })
  return list.sort(
    (a, b) =>
      warmth[a.executorState] - warmth[b.executorState] ||
      Number(b.pool.hasReserved) - Number(a.pool.hasReserved) ||
      compare(a.agentId, b.agentId) ||
      compare(a.role, b.role),
  )
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** What keeps this shape away from the agent whatever is free there. */
export function standingNo(
  shape: Shape,
  { first, offers, avoid }: Candidate,
  { policy, nowMs, homeRegion }: PlanInput,
): No | undefined {
  if (offers.some(offer => offer.gpus)) return { kind: 'gpu' }
  const region = foreignRegion(shape.constraints, first, homeRegion)
  if (region !== undefined) return { kind: 'region', region }
  const failed = firstFailed(shape.constraints, first, homeRegion)
  if (failed) return { kind: 'constraint', ...failed }
  if (avoid && avoid.untilMs > nowMs) return { kind: 'avoid', ...avoid }
  const endMs = nowMs + (shape.maxRuntimeMs ?? policy.assumedRuntimeMs)
  for (const { unavailable } of offers) {
    if (unavailable && unavailable.fromMs < endMs && (unavailable.untilMs ?? Infinity) > nowMs) {
      return { kind: 'maintenance', ...unavailable, on: unavailable.fromMs <= nowMs }
    }
  }
  return undefined
}
