// What a local cluster can be told, and what it does untold.
import type { AgentInfo, Attribute, DomainInfo } from 'mesos-http-client'
import type { Clock } from './core/clock.ts'
import type { LogEntry } from './core/log.ts'
import { Resources } from './model/resources.ts'
import { subtractRanges } from './model/values.ts'

export interface AgentResources {
  readonly cpus: number
  readonly memMb: number
  readonly diskMb: number
  /** Both ends included. */
  readonly ports?: readonly (readonly [number, number])[]
}

/** Where a machine stands; frameworks in another region than the master must be REGION_AWARE. */
export interface FaultDomain {
  readonly region: string
  readonly zone: string
}

export interface AgentOptions {
  /** `agent1`, `agent2` … by default. */
  readonly hostname?: string
  readonly port?: number
  /** What anybody may be offered. */
  readonly resources?: AgentResources
  /** Role → what is statically reserved for it, besides `resources`. */
  readonly reserved?: Readonly<Record<string, Partial<AgentResources>>>
  /** Only where the master has one too, as Mesos demands. */
  readonly domain?: FaultDomain
  /** Numbers become SCALAR attributes, `[1-3, 7-9]` RANGES, everything else TEXT. */
  readonly attributes?: Readonly<Record<string, string>>
}

export interface SimulationOptions {
  /** How long a task runs that says nothing itself; 0 by default. */
  readonly durationMs?: number
  /** How it ends; TASK_FINISHED by default. */
  readonly outcome?: 'TASK_FINISHED' | 'TASK_FAILED'
}

export interface IsolationOptions {
  /** The memory of an executor's processes, without containers, as `cgroups/mem`. */
  readonly memory?: boolean
  /** The disk of its sandbox, as `disk/du` with `--enforce_container_disk_quota`. */
  readonly disk?: boolean
  /** How often both are looked at; 200. */
  readonly intervalMs?: number
}

export interface LocalMesosOptions {
  /** The master's; 0, the default, takes a free one. */
  readonly port?: number
  /** So many masters more, which redirect to the leader and take over when it is dead; none by default. */
  readonly standbyMasters?: number
  /** Theirs, in order; free ones by default. */
  readonly standbyPorts?: readonly number[]
  /** `zk://host:port/path`: where the masters elect their leader; without it among themselves. */
  readonly zookeeper?: string
  /** A master that is dead is missed after this, as with `--zk_session_timeout`. */
  readonly electionTimeoutMs?: number
  /** How long a master that takes over is busy with the registry and answers 503. */
  readonly recoveryMs?: number
  readonly host?: string
  /** The master's own. */
  readonly domain?: FaultDomain
  /** How many agents, or what they are like; one by default. */
  readonly agents?: number | readonly AgentOptions[]
  /** Kept afterwards if given; a temporary one that goes with `close` if not. */
  readonly workDir?: string
  readonly allocationIntervalMs?: number
  /** Rounds of offers besides those that an event causes only by `master.allocate()`, for tests. */
  readonly allocation?: 'interval' | 'manual'
  readonly heartbeatMs?: number
  /** First pause before an unacknowledged update is sent again. */
  readonly updateRetryMs?: number
  /** An agent that is away longer is unreachable. */
  readonly agentTimeoutMs?: number
  /** After a start of the master its agents have this long to come back. */
  readonly agentReregisterTimeoutMs?: number
  readonly executorRegistrationTimeoutMs?: number
  readonly executorReregistrationTimeoutMs?: number
  readonly executorShutdownGraceMs?: number
  /** What executors are told as MESOS_RECOVERY_TIMEOUT. */
  readonly recoveryTimeoutMs?: number
  /** Credentials that schedulers and operators must show: principal → secret. Absent: nobody is asked. */
  readonly authenticate?: Readonly<Record<string, string>>
  /** The same for the agents' pages and files. */
  readonly authenticateAgents?: Readonly<Record<string, string>>
  /** Executors are given a token, and must show it (E4). */
  readonly authenticateExecutors?: boolean
  /** Executors are told to speak to a unix socket, `agent.sock` in the agent's folder (E5). */
  readonly domainSockets?: boolean
  /** What kills an executor that takes more than it and its tasks were given; nothing by default. */
  readonly isolation?: IsolationOptions
  /** Tasks without processes; `true` is the same as `{}`. */
  readonly simulated?: boolean | SimulationOptions
  /** `in_memory`: a master forgets its agents when it stops. */
  readonly registry?: 'persistent' | 'in_memory'
  readonly log?: (entry: LogEntry) => void
  readonly clock?: Clock
  readonly newUuid?: () => string
}

export const defaults = {
  host: '127.0.0.1',
  allocationIntervalMs: 1000,
  heartbeatMs: 15_000,
  electionTimeoutMs: 10_000,
  recoveryMs: 50,
  updateRetryMs: 10_000,
  agentTimeoutMs: 75_000,
  agentReregisterTimeoutMs: 600_000,
  executorRegistrationTimeoutMs: 60_000,
  executorReregistrationTimeoutMs: 2000,
  executorShutdownGraceMs: 5000,
  recoveryTimeoutMs: 15 * 60_000,
  isolationIntervalMs: 200,
} as const

export const defaultResources: Required<Omit<AgentResources, 'ports'>> = {
  cpus: 4,
  memMb: 4096,
  diskMb: 20_480,
}

/** A thousand ports for each agent: 31000-31999, 32000-32999 … */
export function defaultPorts(index: number): readonly [number, number] {
  const first = 31_000 + (index % 30) * 1000
  return [first, first + 999]
}

export function domainInfo({ region, zone }: FaultDomain): DomainInfo {
  return { fault_domain: { region: { name: region }, zone: { name: zone } } }
}

/** Unreserved resources, then each role's. Ports that a role has are taken out of the default range. */
export function resourcesOf({ resources, reserved = {} }: AgentOptions, index: number): Resources {
  const byRole = Object.entries(reserved).map(([role, own]) =>
    Resources.ofAgent({ cpus: 0, memMb: 0, diskMb: 0, ports: [], ...own }, role),
  )
  const [begin, end] = defaultPorts(index)
  const taken = byRole.flatMap(own => own.ranges('ports'))
  const ports = subtractRanges([{ begin, end }], taken).map(range => [range.begin, range.end] as const)
  const own = Resources.ofAgent({ ports, ...(resources ?? defaultResources) })
  return byRole.reduce((sum, more) => sum.plus(more), own)
}

/** Throws where the options contradict each other, before anything is started. */
export function checkOptions({ agents, domain }: LocalMesosOptions): void {
  if (agents === undefined || typeof agents === 'number' || domain !== undefined) return
  const index = agents.findIndex(agent => agent.domain !== undefined)
  if (index < 0) return
  throw new Error(
    `agents[${index}].domain: a master without a domain refuses agents that have one; give the option domain too`,
  )
}

/** What an agent tells the master about itself, but its id and port. */
export function agentInfo(options: AgentOptions, index: number): AgentInfo {
  return {
    hostname: options.hostname ?? `agent${index + 1}`,
    resources: resourcesOf(options, index).messages(),
    ...(options.attributes !== undefined && { attributes: attributesOf(options.attributes) }),
    ...(options.domain !== undefined && { domain: domainInfo(options.domain) }),
  }
}

export function attributesOf(given: Readonly<Record<string, string>>): Attribute[] {
  return Object.entries(given).map(([name, value]) => {
    if (/^-?\d+(\.\d+)?$/.test(value)) return { name, type: 'SCALAR', scalar: { value: Number(value) } }
    if (!/^\[\d+-\d+(, ?\d+-\d+)*\]$/.test(value)) return { name, type: 'TEXT', text: { value } }
    const range = [...value.matchAll(/(\d+)-(\d+)/g)].map(([, begin, end]) => ({
      begin: Number(begin),
      end: Number(end),
    }))
    return { name, type: 'RANGES', ranges: { range } }
  })
}
