// The master's old JSON pages: /state, /slaves, /frameworks, /tasks, /metrics/snapshot. Made from its books when asked.
import { cpus, freemem, loadavg, totalmem } from 'node:os'
import type { Clock } from '../core/clock.ts'
import type { Master } from '../master/master.ts'
import { mesosVersion } from '../master/info.ts'
import { agentState } from '../master/offers.ts'
import type { Agent, Framework, MasterExecutor, MasterTask } from '../master/state.ts'
import { Resources } from '../model/resources.ts'
import { isTerminal } from '../model/states.ts'
import {
  agentCapabilities,
  agentPid,
  attributesPage,
  byRole,
  executorPage,
  fullResources,
  resourcesPage,
  taskPage,
  versionPage,
} from './page-parts.ts'

const sum = (all: Iterable<Resources>): Resources =>
  [...all].reduce((total, one) => total.plus(one), Resources.none)

/** What the agent's running tasks and executors take. */
export function usedOf(agent: Agent): Resources {
  const tasks = [...agent.tasks].filter(task => !isTerminal(task.state)).map(task => task.resources)
  const executors = [...agent.executors.values()].flatMap(each =>
    [...each.values()].map(one => one.resources),
  )
  return sum([...tasks, ...executors])
}

export function offeredOf(master: Master, agent: Agent): Resources {
  return sum([...agent.offers].flatMap(id => master.state.offers.get(id)?.resources ?? []))
}

function task(each: MasterTask): unknown {
  return taskPage({ ...each, info: each.info })
}

function agentPage(master: Master, agent: Agent): Record<string, unknown> {
  return {
    id: agent.id,
    hostname: agent.info.hostname,
    port: agent.info.port,
    attributes: attributesPage(agent.info.attributes),
    pid: agentPid(agent.info, master.context.settings.ip),
    registered_time: agent.registeredAtMs / 1000,
    ...(agent.reregisteredAtMs !== undefined && { reregistered_time: agent.reregisteredAtMs / 1000 }),
    resources: resourcesPage(agent.total),
    used_resources: resourcesPage(usedOf(agent)),
    offered_resources: resourcesPage(offeredOf(master, agent)),
    reserved_resources: byRole(agent.total, resourcesPage),
    unreserved_resources: resourcesPage(agent.total.unreserved()),
    ...(agent.info.domain !== undefined && { domain: agent.info.domain }),
    active: agentState(master.context, agent) === 'active',
    deactivated: master.context.registry.isDeactivated(agent.id),
    ...drainOf(master, agent),
    version: mesosVersion,
    capabilities: agentCapabilities,
  }
}

function drainOf(master: Master, agent: Agent): Record<string, unknown> {
  const info = master.context.registry.drainInfo(agent.id)
  if (info === undefined) return {}
  const start = agent.drainStartMs
  return {
    drain_info: info,
    ...(start !== undefined && { estimated_drain_start_time_seconds: Math.floor(start / 1000) }),
  }
}

function executorsOf(master: Master, framework: Framework): { agent: Agent; executor: MasterExecutor }[] {
  return [...master.state.agents.values()].flatMap(agent =>
    [...(agent.executors.get(framework.id)?.values() ?? [])].map(executor => ({ agent, executor })),
  )
}

/** What the framework's running tasks and executors take. */
export function usedByFramework(master: Master, framework: Framework): Resources {
  const running = [...framework.tasks.values()].filter(each => !isTerminal(each.state))
  const executors = executorsOf(master, framework).map(({ executor }) => executor)
  return sum([...running, ...executors].map(each => each.resources))
}

function frameworkPage(master: Master, framework: Framework): Record<string, unknown> {
  const { info } = framework
  const offers = [...master.state.offers.values()].filter(offer => offer.frameworkId === framework.id)
  const running = [...framework.tasks.values()].filter(each => !isTerminal(each.state))
  const ended = [...framework.tasks.values()].filter(each => isTerminal(each.state))
  const executors = executorsOf(master, framework)
  const used = usedByFramework(master, framework)
  const offered = sum(offers.map(offer => offer.resources))
  return {
    id: framework.id,
    name: info.name,
    used_resources: resourcesPage(used),
    offered_resources: resourcesPage(offered),
    capabilities: [...framework.capabilities],
    hostname: info.hostname ?? '',
    webui_url: info.webui_url ?? '',
    active: framework.phase.name === 'connected',
    connected: framework.phase.name === 'connected',
    recovered: framework.phase.name === 'recovered',
    user: info.user,
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    registered_time: framework.registeredAtMs / 1000,
    unregistered_time: 0,
    ...(framework.reregisteredAtMs !== undefined && { reregistered_time: framework.reregisteredAtMs / 1000 }),
    ...(info.principal !== undefined && { principal: info.principal }),
    resources: resourcesPage(used.plus(offered)),
    ...(framework.capabilities.has('MULTI_ROLE') ? { roles: framework.roles } : { role: framework.roles[0] }),
    tasks: running.map(task),
    unreachable_tasks: [...framework.unreachableTasks.values()].map(task),
    completed_tasks: [...ended, ...framework.completedTasks].map(task),
    offers: offers.map(offer => ({
      id: offer.message.id.value,
      framework_id: framework.id,
      allocation_info: { role: offer.role },
      slave_id: offer.agentId,
      resources: resourcesPage(offer.resources),
    })),
    executors: executors.map(({ agent, executor }) => executorPage(executor.info, agent.id)),
    ...(info.labels?.labels !== undefined && { labels: info.labels.labels }),
    offer_constraints: {},
  }
}

export function slavesPage(master: Master): Record<string, unknown> {
  const agents = [...master.state.agents.values()]
  return {
    slaves: agents.map(agent => ({
      ...agentPage(master, agent),
      reserved_resources_full: byRole(agent.total, fullResources),
      unreserved_resources_full: fullResources(agent.total.unreserved()),
      used_resources_full: fullResources(usedOf(agent)),
      offered_resources_full: fullResources(offeredOf(master, agent)),
    })),
    recovered_slaves: recoveredPage(master),
  }
}

function recoveredPage(master: Master): unknown[] {
  return [...master.state.recovering].map(([id, { info }]) => ({
    id,
    hostname: info.hostname,
    port: info.port,
    attributes: attributesPage(info.attributes),
    resources: resourcesPage(Resources.of(info.resources)),
  }))
}

export function frameworksPage(master: Master): Record<string, unknown> {
  const { frameworks, completedFrameworks } = master.state
  return {
    frameworks: [...frameworks.values()].map(each => frameworkPage(master, each)),
    completed_frameworks: completedFrameworks.map(each => frameworkPage(master, each)),
    unregistered_frameworks: [],
  }
}

export function statePage(master: Master): Record<string, unknown> {
  const { info, startedAtMs, agents } = master.state
  const active = [...agents.values()].filter(agent => agentState(master.context, agent) === 'active').length
  return {
    ...versionPage,
    start_time: startedAtMs / 1000,
    elected_time: startedAtMs / 1000,
    id: info.id,
    pid: info.pid,
    hostname: info.hostname,
    capabilities: (info.capabilities ?? []).map(capability => capability.type),
    activated_slaves: active,
    deactivated_slaves: agents.size - active,
    unreachable_slaves: master.context.registry.unreachable.length,
    leader: info.pid,
    leader_info: { id: info.id, pid: info.pid, port: info.port, hostname: info.hostname },
    flags: {},
    ...(info.domain !== undefined && { domain: info.domain }),
    slaves: [...agents.values()].map(agent => agentPage(master, agent)),
    recovered_slaves: recoveredPage(master),
    frameworks: [...master.state.frameworks.values()].map(each => frameworkPage(master, each)),
    completed_frameworks: master.state.completedFrameworks.map(each => frameworkPage(master, each)),
    orphan_tasks: [],
    unregistered_frameworks: [],
  }
}

/** `?framework_id=&task_id=&limit=&offset=&order=asc|desc` */
export function tasksPage(master: Master, query: URLSearchParams): unknown {
  const frameworkId = query.get('framework_id')
  const taskId = query.get('task_id')
  const all = [...master.state.frameworks.values(), ...master.state.completedFrameworks]
    .filter(framework => frameworkId === null || framework.id === frameworkId)
    .flatMap(framework => [
      ...framework.tasks.values(),
      ...framework.unreachableTasks.values(),
      ...framework.completedTasks,
    ])
    .filter(each => taskId === null || each.info.task_id.value === taskId)
    .sort((a, b) => startOf(a) - startOf(b))
  if (query.get('order') !== 'asc') all.reverse()
  const offset = Number(query.get('offset') ?? 0)
  return { tasks: all.slice(offset, offset + Number(query.get('limit') ?? 100)).map(task) }
}

function startOf(each: MasterTask): number {
  return each.statuses[0]?.timestamp ?? 0
}

/** The numbers that a monitor would look at; the operations of resource providers and the like are left out. */
export function metricsPage(master: Master, clock: Clock): Record<string, number> {
  const { state, metrics, registry } = master.context
  const agents = [...state.agents.values()]
  const frameworks = [...state.frameworks.values()]
  const tasks = frameworks.flatMap(framework => [...framework.tasks.values()])
  const total = sum(agents.map(agent => agent.total))
  const used = sum(agents.map(usedOf))
  const count = <T>(all: readonly T[], holds: (one: T) => boolean): number => all.filter(holds).length
  const page: Record<string, number> = {
    ...metrics.snapshot(),
    'master/elected': 1,
    'master/uptime_secs': (clock.now() - state.startedAtMs) / 1000,
    'master/frameworks_active': count(frameworks, each => each.phase.name === 'connected'),
    'master/frameworks_connected': count(frameworks, each => each.phase.name === 'connected'),
    'master/frameworks_disconnected': count(frameworks, each => each.phase.name !== 'connected'),
    'master/frameworks_inactive': count(frameworks, each => each.phase.name !== 'connected'),
    'master/outstanding_offers': state.offers.size,
    'master/slaves_active': count(agents, each => agentState(master.context, each) === 'active'),
    'master/slaves_connected': count(agents, each => each.phase.name === 'active'),
    'master/slaves_disconnected': count(agents, each => each.phase.name !== 'active'),
    'master/slaves_inactive': count(agents, each => agentState(master.context, each) === 'inactive'),
    'master/slaves_unreachable': registry.unreachable.length,
    'master/tasks_unreachable': frameworks.reduce((all, each) => all + each.unreachableTasks.size, 0),
    'system/cpus_total': cpus().length,
    'system/load_1min': loadavg()[0] ?? 0,
    'system/load_5min': loadavg()[1] ?? 0,
    'system/load_15min': loadavg()[2] ?? 0,
    'system/mem_free_bytes': freemem(),
    'system/mem_total_bytes': totalmem(),
  }
  for (const name of ['cpus', 'mem', 'disk', 'gpus']) {
    const [all, taken] = [total.millis(name) / 1000, used.millis(name) / 1000]
    page[`master/${name}_total`] = all
    page[`master/${name}_used`] = taken
    page[`master/${name}_percent`] = all === 0 ? 0 : taken / all
  }
  for (const live of ['staging', 'starting', 'running', 'killing']) {
    page[`master/tasks_${live}`] = count(tasks, each => each.state === `TASK_${live.toUpperCase()}`)
  }
  return page
}
