// First fit: by priority, then age, each task goes to the first agent that takes it. Pure; the same input gives the same plan.
import { AgentPool, nothing, wantedBy, wantedByExecutor, type Wanted } from './agent-pool.ts'
import { firstFailed } from './constraints.ts'
import type {
  AgentState,
  Decline,
  Launch,
  No,
  OfferSnapshot,
  PlacedTask,
  Plan,
  PlanInput,
  PlacementPolicy,
  Piece,
  Refusal,
  Shape,
  ShapeQueue,
} from './types.ts'

/** One agent during a plan. */
interface Candidate {
  readonly agentId: string
  readonly offers: readonly OfferSnapshot[]
  readonly first: OfferSnapshot
  readonly state: AgentState
  readonly pool: AgentPool
  readonly tasks: PlacedTask[]
  executor?: readonly Piece[]
  bytes: number
}

/** One shape during a plan. Agents before `at` have refused it, and resources only shrink: they would again. */
interface Line {
  readonly shape: Shape
  readonly wanted: Wanted
  readonly queue: ShapeQueue
  next: number
  at: number
  readonly noes: Map<string, No>
}

const absent: AgentState = { executor: 'absent' }
const warmth = { running: 0, starting: 1, absent: 2 } as const

/** Agents whose executor runs come first: the task starts at once there. */
function candidates(input: PlanInput): Candidate[] {
  const groups = Map.groupBy(input.offers, ({ agentId, role }) => JSON.stringify([agentId, role]))
  const list = [...groups.values()].flatMap((offers): Candidate[] => {
    const first = offers[0]
    if (!first) return []
    const state = input.agents.get(first.agentId) ?? absent
    return [
      { agentId: first.agentId, offers, first, state, pool: new AgentPool(offers), tasks: [], bytes: 0 },
    ]
  })
  return list.sort(
    (a, b) =>
      warmth[a.state.executor] - warmth[b.state.executor] ||
      compare(a.agentId, b.agentId) ||
      compare(a.first.role, b.first.role),
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** What keeps this shape away from the agent whatever is free there. */
function standingNo(shape: Shape, agent: Candidate, policy: PlacementPolicy, nowMs: number): No | undefined {
  const { first, state } = agent
  if (agent.offers.some(offer => offer.gpus)) return { kind: 'gpu' }
  const failed = firstFailed(shape.constraints, first)
  if (failed) return { kind: 'constraint', field: failed.field }
  if (state.avoidUntilMs !== undefined && state.avoidUntilMs > nowMs) {
    return { kind: 'avoid', untilMs: state.avoidUntilMs }
  }
  const endMs = nowMs + (shape.maxRuntimeMs ?? policy.assumedRuntimeMs)
  for (const { unavailable } of agent.offers) {
    if (unavailable && unavailable.fromMs < endMs && (unavailable.untilMs ?? Infinity) > nowMs) {
      return { kind: 'maintenance', fromMs: unavailable.fromMs }
    }
  }
  return undefined
}

class Planner {
  readonly #input: PlanInput
  readonly #agents: readonly Candidate[]
  readonly #executor: Wanted
  #coldLeft: number

  constructor(input: PlanInput) {
    this.#input = input
    this.#agents = candidates(input)
    this.#executor = wantedByExecutor(input.policy.executor)
    this.#coldLeft = input.policy.coldAgents
  }

  run(): Plan {
    const lines = this.#input.queue
      .filter(({ tasks }) => tasks.length > 0)
      .map((queue): Line => ({
        shape: queue.shape,
        wanted: wantedBy(queue.shape),
        queue,
        next: 0,
        at: 0,
        noes: new Map(),
      }))
    const open = new LineHeap(lines)
    let placed = 0
    for (let line = open.first(); line; line = open.first()) {
      if (placed >= this.#input.policy.maxTasks) break
      if (!this.#place(line)) open.dropFirst()
      else {
        placed += 1
        if (line.next < line.queue.tasks.length) open.sinkFirst()
        else open.dropFirst()
      }
    }
    return this.#plan(lines, open.first() !== undefined)
  }

  /** Places the first task of the line that is left; false where no agent takes it. */
  #place(line: Line): boolean {
    const task = line.queue.tasks[line.next]
    if (!task) return false
    for (; line.at < this.#agents.length; line.at += 1) {
      const agent = this.#agents[line.at]
      if (!agent) break
      const no = this.#no(line, agent, task.launchBytes)
      if (no) {
        line.noes.set(agent.agentId, no)
        continue
      }
      this.#leaveRoom(agent)
      const { pieces, ports } = agent.pool.take(line.wanted)
      agent.tasks.push({ taskId: task.taskId, pieces, ports })
      agent.bytes += task.launchBytes
      line.next += 1
      return true
    }
    return false
  }

  #no(line: Line, agent: Candidate, launchBytes: number): No | undefined {
    const { policy, nowMs } = this.#input
    const standing = standingNo(line.shape, agent, policy, nowMs)
    if (standing) return standing
    const needsRoom = agent.state.executor !== 'running' && !agent.executor
    const missing = agent.pool.refusal(line.wanted, needsRoom ? this.#executor : nothing)
    if (missing) return missing
    if (agent.state.executor === 'absent' && !agent.executor && this.#coldLeft <= 0) return { kind: 'cold' }
    if (agent.bytes > 0 && agent.bytes + launchBytes > policy.maxLaunchBytes) return { kind: 'message-full' }
    return undefined
  }

  /** Takes the executor's own resources before the first task, unless it surely runs (S41, S43). */
  #leaveRoom(agent: Candidate): void {
    if (agent.state.executor === 'running' || agent.executor) return
    agent.executor = agent.pool.take(this.#executor).pieces
    if (agent.state.executor === 'absent') this.#coldLeft -= 1
  }

  #plan(lines: readonly Line[], more: boolean): Plan {
    const refusals = new Map<string, Refusal>()
    for (const { shape, queue, next, noes, at } of lines) {
      const waiting = queue.tasks.length - next
      if (waiting === 0 || (more && at < this.#agents.length)) continue
      refusals.set(shape.key, { shape, waiting, agents: noes })
    }
    const used = new Set<string>()
    const launches: Launch[] = []
    for (const agent of this.#agents) {
      const first = agent.tasks[0]
      if (!first) continue
      const offerIds = piecesOf(agent)
      for (const offerId of offerIds) used.add(offerId)
      launches.push({
        agentId: agent.agentId,
        role: agent.first.role,
        offerIds: [...offerIds],
        tasks: agent.tasks,
        ...(agent.executor ? { executor: agent.executor } : {}),
      })
    }
    const left = this.#input.offers.filter(({ offerId }) => !used.has(offerId))
    const idle = more || refusals.size === 0
    return {
      launches,
      declines: idle ? [] : left.map(offer => this.#decline(offer, refusals)),
      unused: idle ? left.map(({ offerId }) => offerId) : [],
      refusals,
      more,
    }
  }

  /** A long filter would hide an agent that will do shortly, though its resources stay the same. */
  #decline({ offerId, agentId }: OfferSnapshot, refusals: ReadonlyMap<string, Refusal>): Decline {
    const { noFitSeconds, soonSeconds } = this.#input.policy.refuse
    const soon = [...refusals.values()].some(({ agents }) => {
      const kind = agents.get(agentId)?.kind
      return kind === 'cold' || kind === 'avoid' || kind === 'message-full'
    })
    return { offerId, refuseSeconds: soon ? soonSeconds : noFitSeconds }
  }
}

function piecesOf(agent: Candidate): Set<string> {
  const pieces = [...(agent.executor ?? []), ...agent.tasks.flatMap(task => task.pieces)]
  return new Set(pieces.map(piece => piece.offerId))
}

/** Lines by priority, then the age of their next task, then the key so that nothing is left to chance. */
class LineHeap {
  readonly #lines: Line[]

  constructor(lines: readonly Line[]) {
    this.#lines = [...lines].sort(byTurn)
  }

  first(): Line | undefined {
    return this.#lines[0]
  }

  dropFirst(): void {
    const last = this.#lines.pop()
    if (last && this.#lines.length > 0) {
      this.#lines[0] = last
      this.sinkFirst()
    }
  }

  /** The first line's next task is another one: it goes where it belongs. */
  sinkFirst(): void {
    const lines = this.#lines
    let at = 0
    for (;;) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      let least = at
      for (const child of [left, right]) {
        const [a, b] = [lines[child], lines[least]]
        if (a && b && byTurn(a, b) < 0) least = child
      }
      const [current, smaller] = [lines[at], lines[least]]
      if (least === at || !current || !smaller) return
      lines[at] = smaller
      lines[least] = current
      at = least
    }
  }
}

function byTurn(a: Line, b: Line): number {
  return (
    b.shape.priority - a.shape.priority ||
    (a.queue.tasks[a.next]?.queuedAtMs ?? 0) - (b.queue.tasks[b.next]?.queuedAtMs ?? 0) ||
    compare(a.shape.key, b.shape.key)
  )
}

/** Decides what is launched where. Work grows with shapes times agents plus the tasks placed. */
export function firstFit(input: PlanInput): Plan {
  return new Planner(input).run()
}
