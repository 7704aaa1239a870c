// Who is offered what: dominant-resource fairness over roles, then frameworks, with refusal filters and suppression.
// Pure bookkeeping; time comes as an argument, and what it decides is returned, never sent.
import type { Resources } from '../model/resources.ts'

export interface Allocation {
  readonly frameworkId: string
  readonly role: string
  readonly agentId: string
  readonly resources: Resources
}

interface Filter {
  readonly agentId: string
  readonly role: string
  /** Offers within these resources are held back. */
  readonly resources: Resources
  readonly untilMs: number
}

interface FrameworkShare {
  roles: readonly string[]
  suppressed: Set<string>
  state: 'active' | 'inactive'
  filters: Filter[]
  readonly allocated: Map<string, Share>
}

interface AgentShare {
  total: Resources
  available: Resources
  state: 'active' | 'inactive'
}

/** Thousandths per scalar resource. */
type Share = Map<string, number>

const shared = ['cpus', 'mem', 'disk'] as const
/** An offer has at least 0.01 cpus or 32 MB. */
const leastCpuMillis = 10
const leastMemMillis = 32_000

export class Allocator {
  readonly #frameworks = new Map<string, FrameworkShare>()
  readonly #agents = new Map<string, AgentShare>()
  readonly #roles = new Map<string, Share>()
  #cluster: Share = new Map()

  addFramework(id: string, roles: readonly string[], suppressed: Iterable<string>): void {
    this.#frameworks.set(id, {
      roles,
      suppressed: new Set(suppressed),
      state: 'active',
      filters: [],
      allocated: new Map(),
    })
  }

  /** New roles and suppression of a known framework. */
  updateFramework(id: string, roles: readonly string[], suppressed: Iterable<string>): void {
    const framework = this.#frameworks.get(id)
    if (framework === undefined) return
    framework.roles = roles
    framework.suppressed = new Set(suppressed)
  }

  removeFramework(id: string): void {
    this.#frameworks.delete(id)
  }

  /** An inactive framework keeps what it uses, is offered nothing, and loses its filters. */
  setFrameworkState(id: string, state: 'active' | 'inactive'): void {
    const framework = this.#frameworks.get(id)
    if (framework === undefined) return
    framework.state = state
    if (state === 'inactive') framework.filters = []
  }

  addAgent(id: string, total: Resources): void {
    this.#agents.set(id, { total, available: total, state: 'active' })
    this.#sumCluster()
  }

  /** The agent came back with other resources; what is allocated stays allocated. */
  updateAgent(id: string, total: Resources): void {
    const agent = this.#agents.get(id)
    if (agent === undefined) return
    const taken = agent.total.minus(agent.available)
    agent.total = total
    agent.available = total.minus(taken)
    this.#sumCluster()
  }

  removeAgent(id: string): void {
    this.#agents.delete(id)
    for (const framework of this.#frameworks.values()) {
      framework.filters = framework.filters.filter(filter => filter.agentId !== id)
    }
    this.#sumCluster()
  }

  setAgentState(id: string, state: 'active' | 'inactive'): void {
    const agent = this.#agents.get(id)
    if (agent !== undefined) agent.state = state
  }

  /** Marks resources as taken that nobody was offered: tasks and executors found at a re-registration. */
  take(frameworkId: string, agentId: string, resources: Resources): void {
    const agent = this.#agents.get(agentId)
    if (agent !== undefined) agent.available = agent.available.minus(resources.unallocated())
    this.#count(frameworkId, resources, 1)
  }

  /**
   * Gives resources back. With `refuseMs` above zero the framework is not offered them (or less) on that agent
   * for that long, at least one allocation interval.
   */
  recover(
    frameworkId: string,
    agentId: string,
    resources: Resources,
    refuse?: { readonly refuseMs: number; readonly intervalMs: number; readonly nowMs: number },
  ): void {
    if (resources.isEmpty) return
    const agent = this.#agents.get(agentId)
    if (agent !== undefined) agent.available = agent.available.plus(resources.unallocated())
    this.#count(frameworkId, resources, -1)
    const framework = this.#frameworks.get(frameworkId)
    if (framework === undefined || refuse === undefined || refuse.refuseMs <= 0) return
    for (const role of resources.allocationRoles()) {
      framework.filters.push({
        agentId,
        role,
        resources: resources.unallocated(),
        untilMs: refuse.nowMs + Math.max(refuse.refuseMs, refuse.intervalMs),
      })
    }
  }

  /** Stops offers for these roles; filters and offers that are out stay. */
  suppress(frameworkId: string, roles: readonly string[]): void {
    const framework = this.#frameworks.get(frameworkId)
    for (const role of roles) framework?.suppressed.add(role)
  }

  /** Forgets filters and suppression of these roles. */
  revive(frameworkId: string, roles: readonly string[]): void {
    const framework = this.#frameworks.get(frameworkId)
    if (framework === undefined) return
    for (const role of roles) framework.suppressed.delete(role)
    framework.filters = framework.filters.filter(filter => !roles.includes(filter.role))
  }

  suppressedRoles(frameworkId: string): ReadonlySet<string> {
    return this.#frameworks.get(frameworkId)?.suppressed ?? new Set()
  }

  /** Allocates whatever is free, each agent's rest to one framework; the caller must offer or recover it. */
  allocate(nowMs: number): Allocation[] {
    for (const framework of this.#frameworks.values()) {
      framework.filters = framework.filters.filter(filter => filter.untilMs > nowMs)
    }
    const allocations: Allocation[] = []
    for (const [agentId, agent] of this.#agents) {
      if (agent.state !== 'active' || !isAllocatable(agent.available)) continue
      const winner = this.#candidates().find(
        ({ framework, role }) =>
          !framework.filters.some(
            filter =>
              filter.agentId === agentId &&
              filter.role === role &&
              filter.resources.contains(agent.available),
          ),
      )
      if (winner === undefined) continue
      const resources = agent.available.allocatedTo(winner.role)
      this.take(winner.frameworkId, agentId, resources)
      allocations.push({ frameworkId: winner.frameworkId, role: winner.role, agentId, resources })
    }
    return allocations
  }

  /** Roles by their dominant share, frameworks of a role by theirs; the poorest first. */
  #candidates(): { frameworkId: string; framework: FrameworkShare; role: string }[] {
    const all = [...this.#frameworks].flatMap(([frameworkId, framework]) =>
      framework.state === 'inactive'
        ? []
        : framework.roles
            .filter(role => !framework.suppressed.has(role))
            .map(role => ({
              frameworkId,
              framework,
              role,
              roleShare: this.#dominant(this.#roles.get(role)),
              ownShare: this.#dominant(framework.allocated.get(role)),
            })),
    )
    return all.sort((a, b) => a.roleShare - b.roleShare || a.ownShare - b.ownShare)
  }

  #dominant(share: Share | undefined): number {
    if (share === undefined) return 0
    return Math.max(...shared.map(name => (share.get(name) ?? 0) / (this.#cluster.get(name) || 1)))
  }

  #count(frameworkId: string, resources: Resources, sign: 1 | -1): void {
    const framework = this.#frameworks.get(frameworkId)
    for (const role of resources.allocationRoles()) {
      const ofRole = shareOf(this.#roles, role)
      const ofFramework = framework && shareOf(framework.allocated, role)
      for (const name of shared) {
        const amount = sign * resources.millis(name)
        ofRole.set(name, (ofRole.get(name) ?? 0) + amount)
        ofFramework?.set(name, (ofFramework.get(name) ?? 0) + amount)
      }
    }
  }

  #sumCluster(): void {
    this.#cluster = new Map(
      shared.map(name => [
        name,
        [...this.#agents.values()].reduce((sum, agent) => sum + agent.total.millis(name), 0),
      ]),
    )
  }
}

function shareOf(shares: Map<string, Share>, role: string): Share {
  const known = shares.get(role)
  if (known !== undefined) return known
  const share: Share = new Map()
  shares.set(role, share)
  return share
}

function isAllocatable(resources: Resources): boolean {
  return resources.millis('cpus') >= leastCpuMillis || resources.millis('mem') >= leastMemMillis
}
