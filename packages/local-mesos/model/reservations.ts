// Reservations of single resources in Mesos' three formats: `reservations[]`, the older `role` and `reservation`, and
// that of endpoints, which has both. Pure; everything inside works on `reservations[]` (S29).
import type { Resource, ResourceReservationInfo } from 'mesos-http-client'

export type ResourceFormat = 'refined' | 'old' | 'endpoint'

/** Whether `role` lies below `ancestor` in the tree of roles. */
export function isSubroleOf(role: string, ancestor: string): boolean {
  return role.startsWith(`${ancestor}/`)
}

/** Fields in one order, so that equal reservations have equal text. */
function ordered({ type, role, principal, labels }: ResourceReservationInfo): ResourceReservationInfo {
  return {
    ...(type !== undefined && { type }),
    ...(role !== undefined && { role }),
    ...(principal !== undefined && { principal }),
    ...(labels !== undefined && { labels }),
  }
}

/** Any format → `reservations[]`; a resource that nobody has reserved has none. */
export function refined(resource: Resource): Resource {
  const { role, reservation, reservations = [], ...rest } = resource
  if (reservations.length > 0) return { ...rest, reservations: reservations.map(ordered) }
  if (role === undefined || role === '*') return rest
  const type = reservation === undefined ? 'STATIC' : 'DYNAMIC'
  return { ...rest, reservations: [ordered({ ...reservation, type, role })] }
}

/** `reservations[]` → what an older framework or an endpoint is shown. One that is refined has no older form. */
export function formatted(resource: Resource, format: ResourceFormat): Resource {
  if (format === 'refined') return resource
  const { reservations = [], ...rest } = resource
  const [first, ...more] = reservations
  if (first === undefined) return { ...rest, role: '*' }
  if (more.length > 0) return resource
  const { type, role, ...reservation } = first
  return {
    ...rest,
    ...(role !== undefined && { role }),
    ...(type === 'DYNAMIC' && { reservation }),
    ...(format === 'endpoint' && { reservations }),
  }
}

/** Whose it is: the role of the last refinement; undefined where it is anybody's. */
export function reservationRole(resource: Resource): string | undefined {
  return resource.reservations?.at(-1)?.role
}

/** Unreserved, or reserved for the role or one above it. */
export function isAllocatableTo(resource: Resource, role: string): boolean {
  const owner = reservationRole(resource)
  return owner === undefined || owner === role || isSubroleOf(role, owner)
}

/** The reservations as Mesos prints them: `(reservations: [(STATIC,web)])`. */
export function reservationsText(resource: Resource): string {
  const all = (resource.reservations ?? []).map(({ type, role, principal, labels }) => {
    const pairs = (labels?.labels ?? []).map(({ key, value }) => `${key}: ${value ?? ''}`)
    const parts = [type, role, principal, labels === undefined ? undefined : `{${pairs.join(', ')}}`]
    return `(${parts.filter(part => part !== undefined).join(',')})`
  })
  return all.length === 0 ? '' : `(reservations: [${all.join(', ')}])`
}
