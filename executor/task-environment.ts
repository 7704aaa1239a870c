// The environment that every task is promised, and how its host ports are dealt out. Pure.
import type { TaskPayload } from '../proto/payload.ts'
import type { TaskPorts } from './types.ts'

/** The first ports go to the port mappings that name none, the others become PORT0, PORT1, … */
export function dealPorts(payload: TaskPayload): TaskPorts {
  const offered = [...(payload.ports ?? [])]
  const mapped = (payload.docker?.portMappings ?? []).map(
    mapping => mapping.hostPort || (offered.shift() ?? 0),
  )
  return { mapped, free: offered }
}

/**
 * Complete environment of a task but for what a shell on the host needs (PATH, HOME). A task may name APP_NAME and
 * INSTANCE itself; identity and paths are ours, or a task couldn't trust them.
 */
export function taskEnvironment(o: {
  readonly payload: TaskPayload
  readonly hostname: string
  /** As the task sees it. */
  readonly sandbox: string
  readonly ports: TaskPorts
}): Record<string, string> {
  const { payload } = o
  const own = (payload.env ?? []).map(({ name = '', value = '' }) => [name, value] as const)
  return {
    APP_NAME: payload.service ?? '',
    INSTANCE: `${o.hostname}-${payload.attempt ?? 0}`,
    ...Object.fromEntries(own.filter(([name]) => name !== '')),
    TASK_ID: String(payload.taskId ?? ''),
    JUICE_TASK_ID: String(payload.taskId ?? ''),
    JUICE_ATTEMPT: String(payload.attempt ?? ''),
    JUICE_SERVICE: payload.service ?? '',
    MESOS_SANDBOX: o.sandbox,
    ...Object.fromEntries(o.ports.free.map((port, index) => [`PORT${index}`, String(port)])),
  }
}
