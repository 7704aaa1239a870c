// Which kinds of events there are, as far as we know (S11, E11). Pure.
import { messageTable } from './schema.ts'

/** True for a `type` that our contract of these events has, UNKNOWN excepted. */
export function isKnownEvent(
  message: 'scheduler.Event' | 'executor.Event' | 'master.Event',
  type: string | undefined,
): boolean {
  const kind = messageTable(`mesos.v1.${message}`).byName.get('type')?.kind
  return type !== undefined && type !== 'UNKNOWN' && kind?.name === 'enum' && kind.table.numbers.has(type)
}
