// An agent's old JSON pages /state and /metrics/snapshot, made from its books when asked.
import { cpus, freemem, loadavg, totalmem } from 'node:os'
import type { AgentContext } from '../agent/context.ts'
import { agentId } from '../agent/context.ts'
import type { AgentFramework, AgentTask, Executor } from '../agent/state.ts'
import { Resources } from '../model/resources.ts'
import { rolesOf } from '../model/states.ts'
import {
  agentCapabilities,
  agentPid,
  attributesPage,
  byRole,
  fullResources,
  resourcesPage,
  taskPage,
  versionPage,
} from './page-parts.ts'

function usedBy(executor: Executor): Resources {
  const tasks = [...[...executor.launched.values()].map(task => task.info), ...executor.queued.values()]
  return tasks.reduce(
    (sum, task) => sum.plus(Resources.of(task.resources)),
    Resources.of(executor.info.resources),
  )
}

function page(executor: Executor, task: AgentTask): unknown {
  const executorId = executor.kind === 'custom' ? executor.id : undefined
  return taskPage({ ...task, frameworkId: executor.frameworkId, executorId })
}

function executorOf(executor: Executor): unknown {
  const resources = usedBy(executor)
  return {
    id: executor.id,
    name: executor.info.name ?? '',
    source: executor.info.source ?? '',
    container: executor.containerId,
    directory: executor.directory,
    resources: resourcesPage(resources),
    role: [...resources.allocationRoles()][0] ?? '*',
    ...(executor.info.type !== undefined && { type: executor.info.type }),
    tasks: [...executor.launched.values()].map(task => page(executor, task)),
    queued_tasks: [...executor.queued.values()].map(info =>
      page(executor, { info, state: 'TASK_STAGING', statuses: [] }),
    ),
    completed_tasks: [...executor.terminated.values(), ...executor.completed].map(task =>
      page(executor, task),
    ),
  }
}

function frameworkOf({ id, info, executors, completedExecutors }: AgentFramework): unknown {
  return {
    id,
    name: info.name,
    user: info.user,
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    hostname: info.hostname ?? '',
    ...(info.principal !== undefined && { principal: info.principal }),
    roles: rolesOf(info),
    executors: [...executors.values()].map(executorOf),
    completed_executors: completedExecutors.map(executorOf),
  }
}

export function agentStatePage(context: AgentContext, startedAtMs: number): unknown {
  const { info, frameworks } = context
  const total = Resources.of(context.total)
  const used = [...frameworks.values()]
    .flatMap(framework => [...framework.executors.values()])
    .reduce((sum, executor) => sum.plus(usedBy(executor)), Resources.none)
  return {
    ...versionPage,
    start_time: startedAtMs / 1000,
    id: agentId(context),
    pid: agentPid(info, context.settings.ip),
    hostname: info.hostname,
    capabilities: agentCapabilities,
    resources: resourcesPage(total),
    reserved_resources: byRole(total, resourcesPage),
    unreserved_resources: resourcesPage(total.unreserved()),
    reserved_resources_full: byRole(total, fullResources),
    unreserved_resources_full: fullResources(total.unreserved()),
    reserved_resources_allocated: byRole(used, resourcesPage),
    unreserved_resources_allocated: resourcesPage(used.unreserved()),
    ...(info.domain !== undefined && { domain: info.domain }),
    resource_providers: [],
    attributes: attributesPage(info.attributes),
    master_hostname: 'localhost',
    flags: {},
    frameworks: [...frameworks.values()].map(frameworkOf),
    completed_frameworks: context.completedFrameworks.map(frameworkOf),
  }
}

/** The flags that executors and their frameworks ask for; a real agent tells all of them. */
export function agentFlagsPage({ info, settings }: AgentContext): { readonly flags: Record<string, string> } {
  const isolation = [
    settings.isolation?.memory === true ? 'cgroups/mem' : 'posix/mem',
    ...(settings.isolation?.disk === true ? ['disk/du'] : []),
  ]
  return {
    flags: {
      hostname: info.hostname,
      isolation: isolation.join(','),
      enforce_container_disk_quota: String(settings.isolation?.disk === true),
    },
  }
}

export function agentMetricsPage(context: AgentContext, startedAtMs: number): Record<string, number> {
  const executors = [...context.frameworks.values()].flatMap(each => [...each.executors.values()])
  const tasks = executors.flatMap(executor => [...executor.launched.values()])
  const total = Resources.of(context.info.resources)
  const used = executors.reduce((sum, executor) => sum.plus(usedBy(executor)), Resources.none)
  const metrics: Record<string, number> = {
    'slave/registered': context.phase === 'running' ? 1 : 0,
    'slave/uptime_secs': (context.clock.now() - startedAtMs) / 1000,
    'slave/frameworks_active': context.frameworks.size,
    'system/cpus_total': cpus().length,
    'system/load_1min': loadavg()[0] ?? 0,
    'system/load_5min': loadavg()[1] ?? 0,
    'system/load_15min': loadavg()[2] ?? 0,
    'system/mem_free_bytes': freemem(),
    'system/mem_total_bytes': totalmem(),
  }
  for (const name of ['cpus', 'mem', 'disk', 'gpus']) {
    metrics[`slave/${name}_total`] = total.millis(name) / 1000
    metrics[`slave/${name}_used`] = used.millis(name) / 1000
  }
  for (const phase of ['registering', 'running', 'terminating', 'terminated']) {
    metrics[`slave/executors_${phase}`] = executors.filter(executor => executor.phase.name === phase).length
  }
  for (const state of ['staging', 'starting', 'running', 'killing']) {
    const name = `TASK_${state.toUpperCase()}`
    metrics[`slave/tasks_${state}`] = tasks.filter(task => task.state === name).length
  }
  return metrics
}
