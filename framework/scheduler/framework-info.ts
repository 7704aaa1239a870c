// Who we are to Mesos, and whether that may be said again to a master that knows us. Pure.
import type { FrameworkInfo, FrameworkInfoCapabilityType } from 'mesos-http-client'
import type { FrameworkRecord } from '../usecases/index.ts'

export interface FrameworkSettings {
  readonly name: string
  readonly user: string
  /** At least one, each once (S23). */
  readonly roles: readonly string[]
  readonly failoverTimeoutSeconds: number
  readonly principal?: string
  readonly webuiUrl: string
  readonly hostname: string
}

/** Each means that the code handles what it brings (S23, S26, S27, S29, S30). A capability once used is never dropped (S24). */
export const capabilities: readonly FrameworkInfoCapabilityType[] = [
  'MULTI_ROLE',
  'PARTITION_AWARE',
  'TASK_KILLING_STATE',
  'RESERVATION_REFINEMENT',
  'REGION_AWARE',
]

/** Without the id: the client adds it where one is known (S4). */
export function frameworkInfo(settings: FrameworkSettings): FrameworkInfo {
  return {
    name: settings.name,
    user: settings.user,
    roles: settings.roles,
    // Without checkpoint an agent's restart loses its tasks at once (S21).
    checkpoint: true,
    failover_timeout: settings.failoverTimeoutSeconds,
    webui_url: settings.webuiUrl,
    hostname: settings.hostname,
    capabilities: capabilities.map(type => ({ type })),
    ...(settings.principal === undefined ? {} : { principal: settings.principal }),
  }
}

/** What the store keeps about us beside the id. */
export function frameworkRecord(settings: FrameworkSettings, frameworkId: string): FrameworkRecord {
  return {
    name: settings.name,
    frameworkId,
    user: settings.user,
    checkpoint: true,
    capabilities,
    ...(settings.principal === undefined ? {} : { principal: settings.principal }),
  }
}

/**
 * What must not have changed since the framework was registered (S24), in words. The master accepts some of these
 * changes silently and then behaves by the old value, so we look ourselves.
 */
export function forbiddenChanges(known: FrameworkRecord, settings: FrameworkSettings): string[] {
  const now = frameworkRecord(settings, known.frameworkId)
  const problems: string[] = []
  const changed = (what: string, before: unknown, after: unknown): void => {
    if (before !== after) problems.push(`${what} was ${shown(before)} and is now ${shown(after)}`)
  }
  changed('the principal (JUICE_MESOS_PRINCIPAL)', known.principal, now.principal)
  changed('the user (JUICE_FRAMEWORK_USER)', known.user, now.user)
  changed('checkpointing', known.checkpoint, now.checkpoint)
  for (const capability of known.capabilities) {
    if (!now.capabilities.includes(capability)) problems.push(`the capability ${capability} is gone`)
  }
  return problems
}

/** For the operator: what was found by `forbiddenChanges`, and the two ways out. */
export function changesMessage(problems: readonly string[]): string {
  return (
    `Mesos would not notice, but a registered framework can't change this: ${problems.join(', ')}. Set it back, or ` +
    `register anew with: juice framework reset`
  )
}

function shown(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value)
}
