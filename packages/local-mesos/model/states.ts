// What Mesos' task states mean. Pure tables.
import type { FrameworkInfo, TaskState } from 'mesos-http-client'

const terminal: ReadonlySet<TaskState> = new Set<TaskState>([
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
])

/** Whether a task in this state holds no resources any more. */
export function isTerminal(state: TaskState): boolean {
  return terminal.has(state)
}

export type CapabilityName = NonNullable<NonNullable<FrameworkInfo['capabilities']>[number]['type']>

export function capabilitiesOf(info: FrameworkInfo): ReadonlySet<CapabilityName> {
  return new Set((info.capabilities ?? []).flatMap(capability => capability.type ?? []))
}

export function isPartitionAware(info: FrameworkInfo): boolean {
  return capabilitiesOf(info).has('PARTITION_AWARE')
}

/** Roles of a framework: `roles` under MULTI_ROLE, else the single `role`, `*` by default. */
export function rolesOf(info: FrameworkInfo): readonly string[] {
  if (capabilitiesOf(info).has('MULTI_ROLE')) return info.roles ?? []
  return [info.role ?? '*']
}
