// Why a shape waits, in words for people that also say what would make it run. Pure.
import { regionField } from '../domain/spec.ts'
import type { AttributeValue, No, Noes, ScalarName } from './types.ts'

/** From what will change by itself to what only another request, or another cluster, changes. */
const nearness: Readonly<Record<No['kind'], number>> = {
  'message-full': 0,
  cold: 1,
  avoid: 2,
  ports: 3,
  'fixed-port': 3,
  resource: 3,
  executor: 4,
  maintenance: 5,
  constraint: 6,
  region: 7,
  gpu: 8,
}

/** What stands for an agent that offers to several roles: the nearest, and of two lacks the smaller. */
function nearest(noes: readonly No[]): No | undefined {
  let best: No | undefined
  for (const no of noes) {
    if (!best || nearness[no.kind] < nearness[best.kind]) best = no
    else if (nearness[no.kind] === nearness[best.kind] && freeOf(no) > freeOf(best)) best = no
  }
  return best
}

function freeOf(no: No): number {
  if (no.kind === 'resource' || no.kind === 'executor') return no.freeMillis
  return no.kind === 'ports' ? no.free : 0
}

function kindKey(no: No): string {
  switch (no.kind) {
    case 'resource':
    case 'executor':
      return `${no.kind} ${no.name}`
    case 'constraint':
      return `constraint ${no.constraint.field}`
    case 'fixed-port':
      return `port ${no.port}`
    case 'avoid':
      return `avoid ${no.why}`
    case 'maintenance':
      return `maintenance ${no.on}`
    default:
      return no.kind
  }
}

const units: Record<ScalarName, string> = { cpus: '', mem: ' MB', disk: ' MB' }

const executorSettings: Record<ScalarName, string> = {
  cpus: 'as JUICE_EXECUTOR_CPUS says',
  mem: 'as JUICE_EXECUTOR_MEM_MB says',
  // Of a small agent it wants less than that says.
  disk: 'none with JUICE_EXECUTOR_DISK_MB=0',
}

/** `inRoles`: that many at one of these agents at most. */
function largest(noes: readonly No[], inRoles: number): string {
  let free = 0
  let wanted = 0
  let unit = ''
  for (const no of noes) {
    if (no.kind === 'resource' || no.kind === 'executor') {
      free = Math.max(free, no.freeMillis / 1000)
      wanted = no.wantedMillis / 1000
      unit = units[no.name]
    } else if (no.kind === 'ports') {
      free = Math.max(free, no.free)
      wanted = no.wanted
    }
  }
  return `largest free ${free} of ${wanted}${unit}${inRoles > 1 ? ' in one role' : ''}`
}

/** A few of them, each once. */
function listed(texts: Iterable<string>): string {
  const shown = 5
  const all = [...new Set(texts)].sort()
  const few = all.slice(0, shown).join(', ')
  return all.length > shown ? `${few}, …` : few
}

function shown(value: AttributeValue): string {
  return typeof value === 'object' ? `${value[0]}-${value[1]}` : String(value)
}

function constraintPhrase(no: No & { kind: 'constraint' }, noes: readonly No[]): string {
  const { field, operator, values } = no.constraint
  const found = noes.flatMap(other => {
    if (other.kind !== 'constraint') return []
    return other.found.length === 0 ? ['none'] : other.found.map(shown)
  })
  return `constraint ${field} ${operator} ${listed(values)} (found: ${listed(found)})`
}

/** The noes are of one kind. */
function phrase(no: No, noes: readonly No[], inRoles: number): string {
  const time = (ms: number): string => new Date(ms).toISOString()
  switch (no.kind) {
    case 'resource':
      return `not enough ${no.name} (${largest(noes, inRoles)})`
    case 'executor':
      return `not enough ${no.name} for the executor that must run there first (${largest(noes, inRoles)}, ${executorSettings[no.name]})`
    case 'ports':
      return `not enough ports (${largest(noes, inRoles)})`
    case 'fixed-port':
      return `host port ${no.port} is not offered`
    case 'constraint':
      return constraintPhrase(no, noes)
    case 'region': {
      const regions = noes.flatMap(other => (other.kind === 'region' ? [other.region] : []))
      return `in another region (${listed(regions)}), which a constraint on ${regionField} permits`
    }
    case 'maintenance': {
      const until = no.untilMs === undefined ? '' : ` until ${time(no.untilMs)}`
      return no.on
        ? `in maintenance (since ${time(no.fromMs)}${until})`
        : `maintenance planned (from ${time(no.fromMs)}${until}, a maxRuntimeSeconds that ends before permits it)`
    }
    case 'gpu':
      return 'kept for tasks that need a GPU (only agents without GPUs are used)'
    case 'avoid':
      return no.why === 'draining'
        ? `being drained by the operator (next try at ${time(no.untilMs)})`
        : `the executor failed there (next try at ${time(no.untilMs)})`
    case 'cold':
      return 'its turn to start the executor has not come'
    case 'message-full':
      return 'next in turn'
  }
}

interface Group {
  readonly noes: No[]
  inRoles: number
}

/**
 * For example "3 agents: not enough mem (largest free 512 of 1024 MB); 1 agent: in another region (us), which a
 * constraint on @region permits". `roles`: those whose offers are used.
 */
export function explain(noesByRole: Noes, roles: readonly string[] = []): string {
  const agents = new Map<string, No[]>()
  for (const byAgent of noesByRole.values()) {
    for (const [agentId, no] of byAgent) agents.set(agentId, [...(agents.get(agentId) ?? []), no])
  }
  const groups = new Map<string, Group>()
  for (const noes of agents.values()) {
    const no = nearest(noes)
    if (!no) continue
    const group = groups.get(kindKey(no)) ?? { noes: [], inRoles: 1 }
    group.noes.push(no)
    group.inRoles = Math.max(group.inRoles, noes.length)
    groups.set(kindKey(no), group)
  }
  if (groups.size === 0) {
    const to = roles.length === 0 ? '' : ` to the role${roles.length === 1 ? '' : 's'} ${roles.join(', ')}`
    return `no agent has offered resources${to} yet`
  }
  return [...groups]
    .sort(([keyA, a], [keyB, b]) => b.noes.length - a.noes.length || (keyA < keyB ? -1 : 1))
    .map(([, { noes, inRoles }]) => {
      const [first] = noes
      const count = `${noes.length} agent${noes.length === 1 ? '' : 's'}`
      return first ? `${count}: ${phrase(first, noes, inRoles)}` : ''
    })
    .join('; ')
}
