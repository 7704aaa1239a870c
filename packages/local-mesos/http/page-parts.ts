// Pieces that the old JSON pages of master and agents share: resources as an object, attributes, tasks, the version.
// Pure.
import type { AgentInfo, Attribute, ExecutorInfo, Resource, TaskInfo, TaskStatus } from 'mesos-http-client'
import { commandWithDefaults } from './json-defaults.ts'
import { mesosVersion } from '../master/info.ts'
import { Resources } from '../model/resources.ts'

export const versionPage = {
  build_date: '2026-11-22 05:20:05',
  build_time: 1_795_324_805,
  build_user: '',
  git_branch: 'refs/heads/master',
  git_sha: 'c1b42f79d157aa900be5cbb0c1023f1479962aa7',
  version: mesosVersion,
}

/** What an agent says it can do. */
export const agentCapabilities = [
  'MULTI_ROLE',
  'HIERARCHICAL_ROLE',
  'RESERVATION_REFINEMENT',
  'RESOURCE_PROVIDER',
  'RESIZE_VOLUME',
  'AGENT_OPERATION_FEEDBACK',
  'AGENT_DRAINING',
  'TASK_RESOURCE_LIMITS',
] as const

export function resourcesPage(resources: Resources): Record<string, number | string> {
  const ports = resources.ranges('ports')
  return {
    disk: resources.millis('disk') / 1000,
    mem: resources.millis('mem') / 1000,
    gpus: resources.millis('gpus') / 1000,
    cpus: resources.millis('cpus') / 1000,
    ...(ports.length > 0 && { ports: `[${ports.map(({ begin, end }) => `${begin}-${end}`).join(', ')}]` }),
  }
}

/** Messages with the old field `role` besides their reservations, as the pages show them. */
export function fullResources(resources: Resources): Resource[] {
  return resources.messages('endpoint')
}

/** Something of what is reserved, by role. */
export function byRole<T>(resources: Resources, show: (own: Resources) => T): Record<string, T> {
  return Object.fromEntries([...resources.reserved()].map(([role, own]) => [role, show(own)]))
}

export function attributesPage(attributes: readonly Attribute[] | undefined): Record<string, unknown> {
  return Object.fromEntries(
    (attributes ?? []).map(attribute => [
      attribute.name,
      attribute.scalar?.value ??
        attribute.text?.value ??
        `[${(attribute.ranges?.range ?? []).map(({ begin, end }) => `${begin}-${end}`).join(', ')}]`,
    ]),
  )
}

function statusPage(status: TaskStatus): unknown {
  const { container_id: id, network_infos: networks } = status.container_status ?? {}
  return {
    state: status.state,
    timestamp: status.timestamp,
    ...(status.labels?.labels !== undefined && { labels: status.labels.labels }),
    ...(status.container_status !== undefined && {
      container_status: { container_id: id, network_infos: networks },
    }),
    ...(status.healthy !== undefined && { healthy: status.healthy }),
  }
}

export function taskPage(o: {
  readonly info: Omit<TaskInfo, 'executor' | 'command'>
  readonly frameworkId: string
  readonly executorId: string | undefined
  readonly state: string
  readonly statuses: readonly TaskStatus[]
}): unknown {
  const { info } = o
  const resources = Resources.of(info.resources)
  return {
    id: info.task_id.value,
    name: info.name,
    framework_id: o.frameworkId,
    executor_id: o.executorId ?? '',
    slave_id: info.agent_id.value,
    state: o.state,
    resources: resourcesPage(resources),
    role: [...resources.allocationRoles()][0] ?? '*',
    statuses: o.statuses.map(statusPage),
    ...(info.labels?.labels !== undefined && { labels: info.labels.labels }),
    ...(info.discovery !== undefined && { discovery: info.discovery }),
  }
}

export function executorPage(info: ExecutorInfo, agentId: string): unknown {
  const resources = Resources.of(info.resources)
  const command = info.command && commandWithDefaults(info.command)
  return {
    executor_id: info.executor_id.value,
    name: info.name ?? '',
    framework_id: info.framework_id?.value ?? '',
    command: {
      shell: command?.shell ?? true,
      value: command?.value ?? '',
      argv: command?.arguments ?? [],
      ...(command?.environment !== undefined && { environment: command.environment }),
      uris: command?.uris ?? [],
    },
    resources: resourcesPage(resources),
    role: [...resources.allocationRoles()][0] ?? '*',
    type: info.type ?? 'UNKNOWN',
    slave_id: agentId,
  }
}

export function agentPid(info: AgentInfo, host: string): string {
  return `slave(1)@${host}:${info.port ?? 0}`
}
