// Who is offered what: dominant-resource fairness over roles, then frameworks, with refusal filters and suppression.
// Pure bookkeeping; time comes as an argument, and what it decides is returned, never sent.
import { Resources } from '../model/resources.ts'
import type { CapabilityName } from '../model/states.ts'

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
  capabilities: ReadonlySet<CapabilityName>
  state: 'active' | 'inactive'
  filters: Filter[]
  readonly allocated: Map<string, Share>
}

interface AgentShare {
  total: Resources
  available: Resources
  /** In another region than the master: only for frameworks that are REGION_AWARE (S30). */
  readonly region: 'own' | 'remote'
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

  addFramework(
    id: string,
    roles: readonly string[],
    suppressed: Iterable<string>,
    capabilities: ReadonlySet<CapabilityName> = new Set(),
  ): void {
    this.#frameworks.set(id, {
      roles,
      suppressed: new Set(suppressed),
      capabilities,
      state: 'active',
      filters: [],
      allocated: new Map(),
    })
  }

  /** New roles, suppression and capabilities of a known framework. */
  updateFramework(
    id: string,
    roles: readonly string[],
    suppressed: Iterable<string>,
    capabilities: ReadonlySet<CapabilityName>,
  ): void {
    const framework = this.#frameworks.get(id)
    if (framework === undefined) return
    framework.roles = roles
    framework.suppressed = new Set(suppressed)
    framework.capabilities = capabilities
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

  addAgent(id: string, total: Resources, region: AgentShare['region'] = 'own'): void {
    this.#agents.set(id, { total, available: total, region, state: 'active' })
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

  /** What is free on the agent now, not allocated and not offered. */
  available(agentId: string): Resources | undefined {
    return this.#agents.get(agentId)?.available
  }

  /** A reservation made or ended: the same amounts in another shape, of what is free or of what is allocated. */
  convert(agentId: string, from: Resources, to: Resources, of: 'available' | 'allocated'): void {
    const agent = this.#agents.get(agentId)
    if (agent === undefined) return
    agent.total = agent.total.minus(from.unallocated()).plus(to.unallocated())
    if (of === 'available') agent.available = agent.available.minus(from).plus(to)
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

  /**
   * Allocates whatever is free: on each agent the poorest takes all that it may have, which leaves the others what is
   * reserved for them. The caller must offer it or recover it.
   */
  allocate(nowMs: number): Allocation[] {
    for (const framework of this.#frameworks.values()) {
      framework.filters = framework.filters.filter(filter => filter.untilMs > nowMs)
    }
    const allocations: Allocation[] = []
    for (const [agentId, agent] of this.#agents) {
      if (agent.state !== 'active' || !isAllocatable(agent.available)) continue
      for (const { frameworkId, framework, role } of this.#candidates()) {
        if (!isAllocatable(agent.available)) break
        const offered = offerable(agent, framework, role)
        if (!isAllocatable(offered) || isFiltered(framework, agentId, role, offered)) continue
        const resources = offered.allocatedTo(role)
        this.take(frameworkId, agentId, resources)
        allocations.push({ frameworkId, role, agentId, resources })
      }
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

/** What is free on an agent and fit for this framework in this role. */
function offerable(agent: AgentShare, { capabilities }: FrameworkShare, role: string): Resources {
  if (agent.region === 'remote' && !capabilities.has('REGION_AWARE')) return Resources.none
  const own = agent.available.allocatableTo(role)
  return capabilities.has('RESERVATION_REFINEMENT') ? own : own.withoutRefinements()
}

function isFiltered(framework: FrameworkShare, agentId: string, role: string, offered: Resources): boolean {
  return framework.filters.some(
    filter => filter.agentId === agentId && filter.role === role && filter.resources.contains(offered),
  )
}

function isAllocatable(resources: Resources): boolean {
  return resources.millis('cpus') >= leastCpuMillis || resources.millis('mem') >= leastMemMillis
}
