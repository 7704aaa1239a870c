// First fit: by priority, then age, each task goes to the first agent that takes it. Pure; the same input gives the same plan.
import { nothing } from './agent-pool.ts'
import { candidates, standingNo, type Candidate } from './candidates.ts'
import { lineOf, LineHeap, noesOf, type Line } from './lines.ts'
import type { Decline, Launch, No, Plan, PlanInput, Refusal } from './types.ts'

class Planner {
  readonly #input: PlanInput
  readonly #agents: readonly Candidate[]
  #coldLeft: number

  constructor(input: PlanInput) {
    this.#input = input
    this.#agents = candidates(input)
    this.#coldLeft = input.policy.coldAgents
  }

  run(): Plan {
    const lines = this.#input.queue.filter(({ tasks }) => tasks.length > 0).map(lineOf)
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
        line.noes.set(agent, no)
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
    const { policy } = this.#input
    const standing = standingNo(line.shape, agent, this.#input)
    if (standing) return standing
    const needsRoom = agent.executorState !== 'running' && !agent.executor
    const missing = agent.pool.refusal(line.wanted, needsRoom ? agent.executorRoom : nothing)
    if (missing) return missing
    if (agent.executorState === 'absent' && !agent.executor && this.#coldLeft <= 0) return { kind: 'cold' }
    if (agent.bytes > 0 && agent.bytes + launchBytes > policy.maxLaunchBytes) return { kind: 'message-full' }
    return undefined
  }

  /** Takes the executor's own resources before the first task, unless it surely runs (S41, S43). */
  #leaveRoom(agent: Candidate): void {
    if (agent.executorState === 'running' || agent.executor) return
    agent.executor = agent.pool.take(agent.executorRoom).pieces
    if (agent.executorState === 'absent') this.#coldLeft -= 1
  }

  #plan(lines: readonly Line[], more: boolean): Plan {
    const refused = lines.filter(({ queue, next, at }) => {
      return next < queue.tasks.length && !(more && at < this.#agents.length)
    })
    const refusals = new Map(
      refused.map((line): [string, Refusal] => {
        const { shape, queue, next } = line
        return [shape.key, { shape, waiting: queue.tasks.length - next, noes: noesOf(line) }]
      }),
    )
    const used = new Set<string>()
    const launches: Launch[] = []
    for (const agent of this.#agents) {
      if (agent.tasks.length === 0) continue
      const offerIds = offersUsed(agent)
      for (const offerId of offerIds) used.add(offerId)
      launches.push({
        agentId: agent.agentId,
        role: agent.role,
        offerIds: [...offerIds],
        tasks: agent.tasks,
        ...(agent.executor ? { executor: agent.executor } : {}),
      })
    }
    const idle = more || refused.length === 0
    const left = this.#input.offers.map(({ offerId }) => offerId).filter(offerId => !used.has(offerId))
    return {
      launches,
      declines: idle ? [] : this.#declines(refused, used),
      unused: idle ? left : [],
      refusals,
      more,
    }
  }

  /** A long filter would hide an agent that will do shortly, though its resources stay the same. */
  #declines(refused: readonly Line[], used: ReadonlySet<string>): Decline[] {
    const { noFitSeconds, soonSeconds } = this.#input.policy.refuse
    return this.#agents.flatMap(agent => {
      const soon = refused.some(({ noes }) => {
        const kind = noes.get(agent)?.kind
        return kind === 'cold' || kind === 'avoid' || kind === 'message-full'
      })
      return agent.offers
        .filter(({ offerId }) => !used.has(offerId))
        .map(({ offerId }) => ({ offerId, refuseSeconds: soon ? soonSeconds : noFitSeconds }))
    })
  }
}

function offersUsed(agent: Candidate): Set<string> {
  const pieces = [...(agent.executor ?? []), ...agent.tasks.flatMap(task => task.pieces)]
  return new Set(pieces.map(piece => piece.offerId))
}

/** Decides what is launched where. Work grows with shapes times agents plus the tasks placed. */
export function firstFit(input: PlanInput): Plan {
  return new Planner(input).run()
}
