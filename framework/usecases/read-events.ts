// The event log, for whoever resumes from a cursor: each change of state once, in order, none missed (invariant 5).
import { isFuture, selectEvents } from '../store/queries/select-events.ts'
import type { Deps } from './deps.ts'
import { UseCaseError } from './errors.ts'
import type { EventRecord } from './types.ts'

/**
 * What happened after `after` (from the log's begin where absent), oldest first. Throws UseCaseError `invalid_cursor`, also
 * for a cursor from before the database was restored from a dump.
 */
export async function readEvents(
  deps: Deps,
  args: { readonly tenant?: string; readonly after?: string; readonly limit: number },
): Promise<readonly EventRecord[]> {
  const { tenant, after, limit } = args
  const place = after === undefined ? { xid: '0', id: 0 } : placeOf(after)
  const rows = await selectEvents(deps.pool, { tenant, after: place, limit })
  if (rows.length === 0 && (await isFuture(deps.pool, place.xid))) throw invalidCursor()
  return rows.map(row => ({
    cursor: `${row.xid}-${row.id}`,
    at: row.at,
    tenant: row.tenant,
    taskId: row.task_id,
    name: row.name,
    type: row.type,
    state: row.state,
    attempt: row.attempt,
    ...(row.message === null ? {} : { message: row.message }),
  }))
}

function placeOf(cursor: string): { readonly xid: string; readonly id: number } {
  const [, xid, id] = /^(\d{1,18})-(\d{1,15})$/.exec(cursor) ?? []
  if (xid === undefined || id === undefined) throw invalidCursor()
  return { xid, id: Number(id) }
}

function invalidCursor(): UseCaseError {
  return new UseCaseError('invalid_cursor', 'This cursor is not one of this event log')
}
