// What the master holds against a FrameworkInfo. Pure; the texts are those that a framework sees on the wire.
import type { FrameworkInfo } from 'mesos-http-client'
import { idError } from '../model/ids.ts'
import { capabilitiesOf, rolesOf } from '../model/states.ts'

/** Why a role name is refused, undefined when it is fine. */
export function roleError(role: string): string | undefined {
  if (role === '*') return undefined
  if (role.startsWith('/')) return `Role '${role}' cannot start with a slash`
  if (role.endsWith('/')) return `Role '${role}' cannot end with a slash`
  if (role.includes('//')) return `Role '${role}' cannot contain two adjacent slashes`
  if (role === '') return 'Role names cannot be the empty string'
  for (const part of role.split('/')) {
    if (part === '.' || part === '..' || part === '*') {
      return `Role '${role}' cannot include '${part}' as a component`
    }
    if (part.startsWith('-')) return `Role component '${part}' is invalid because it starts with a dash`
    // oxlint-disable-next-line no-control-regex -- backspace is one of the refused characters
    if (/[\u0008\s]/.test(part)) {
      return `Role component '${part}' is invalid because it contains backspace or whitespace`
    }
  }
  return undefined
}

function rolesError(info: FrameworkInfo): string | undefined {
  const multiRole = capabilitiesOf(info).has('MULTI_ROLE')
  if (!multiRole) {
    if ((info.roles ?? []).length > 0) {
      return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"
    }
    const wrong = roleError(info.role ?? '*')
    return wrong && `'FrameworkInfo.role' is not a valid role: ${wrong}`
  }
  if (info.role !== undefined) {
    return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
  }
  const roles = info.roles ?? []
  const doubled = new Set(roles.filter((role, index) => roles.indexOf(role) !== index))
  if (doubled.size > 0) return `'FrameworkInfo.roles' contains duplicate items: ${set(doubled)}`
  const wrong = roles.map(roleError).find(error => error !== undefined)
  return wrong && `'FrameworkInfo.roles' contains invalid role: ${wrong}`
}

/** The longest time that Mesos can hold: 63 bits of nanoseconds. */
const longestSeconds = 2 ** 63 / 1e9

/** Why a SUBSCRIBE or UPDATE_FRAMEWORK with this information is refused (S23). */
export function frameworkError(info: FrameworkInfo): string | undefined {
  const wrong = rolesError(info)
  if (wrong !== undefined) return wrong
  const id = info.id?.value ?? ''
  if (id !== '') {
    const wrongId = idError(id)
    if (wrongId !== undefined) return wrongId
  }
  const failover = info.failover_timeout ?? 0
  if (!(Math.abs(failover) < longestSeconds)) {
    return `The framework failover_timeout (${failover}) is invalid`
  }
  return undefined
}

export function suppressedError(info: FrameworkInfo, suppressed: readonly string[]): string | undefined {
  const roles = rolesOf(info)
  const foreign = suppressed.filter(role => !roles.includes(role))
  if (foreign.length === 0) return undefined
  return `Suppressed roles ${set(new Set(foreign))} are not contained in the set of roles`
}

/** Why an UPDATE_FRAMEWORK is refused: principal, user and checkpoint never change (S24, S25). */
export function updateError(from: FrameworkInfo, to: FrameworkInfo): string | undefined {
  if (from.principal !== to.principal) return "Changing framework's principal is not allowed."
  if (from.user !== to.user) return unsupported('user', from.user, to.user)
  const before = from.checkpoint ?? false
  const after = to.checkpoint ?? false
  if (before !== after) return unsupported('checkpoint', String(before), String(after))
  return undefined
}

function unsupported(field: string, from: string, to: string): string {
  return `Updating 'FrameworkInfo.${field}' is unsupported; attempted to update from '${from}' to '${to}'`
}

function set(items: ReadonlySet<string>): string {
  return `{ ${[...items].sort().join(', ')} }`
}
