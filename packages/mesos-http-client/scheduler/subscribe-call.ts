// The SUBSCRIBE of a scheduler. Pure.
import type { FrameworkInfo, SchedulerCall } from '../generated/messages.ts'

/** With an id it is said twice, at top level and in `framework_info` (S4). */
export function subscribeCall(
  info: FrameworkInfo,
  frameworkId: string | undefined,
  suppressedRoles: readonly string[],
): SchedulerCall {
  if (frameworkId === undefined) {
    return { type: 'SUBSCRIBE', subscribe: { framework_info: info, suppressed_roles: suppressedRoles } }
  }
  const id = { value: frameworkId }
  return {
    type: 'SUBSCRIBE',
    framework_id: id,
    subscribe: { framework_info: { ...info, id }, suppressed_roles: suppressedRoles },
  }
}
