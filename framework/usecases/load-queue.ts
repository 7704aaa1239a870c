// What the leader keeps in memory, read from the truth: what waits, what is at Mesos, what must end.
import { type CurrentAttempt, launchableAt, type LiveState } from '../domain/task.ts'
import { countTasks as countByState } from '../store/queries/count-tasks.ts'
import { selectActive } from '../store/queries/select-active.ts'
import { selectKills } from '../store/queries/select-kills.ts'
import { type PendingRow, selectPending } from '../store/queries/select-pending.ts'
import type { Deps } from './deps.ts'
import type { PendingTask, PendingTasks } from './types.ts'

/**
 * Everything that waits: pages by `afterId` (keep the FIRST page's horizon). Later, with `since`, only what was queued or
 * became launchable after that horizon; such a reading may be paged by `afterId` too.
 */
export async function loadPending(
  deps: Deps,
  args: { readonly since?: string; readonly afterId?: number; readonly limit: number },
): Promise<PendingTasks> {
  const { since, afterId, limit } = args
  const { rows, horizon } = await selectPending(deps.pool, { since, afterId: afterId ?? 0, limit })
  return { tasks: rows.map(pendingOf), horizon }
}

function pendingOf(row: PendingRow): PendingTask {
  const notBefore = launchableAt({
    ...(row.not_before ? { notBefore: row.not_before } : {}),
    ...(row.hold_until
      ? { hold: { agentId: '', executorId: '', generation: 0, until: row.hold_until } }
      : {}),
  })
  return {
    taskId: row.id,
    name: row.name,
    tenant: row.tenant,
    priority: row.spec.priority,
    queuedAt: row.queued_at,
    spec: row.spec,
    attempt: row.attempt,
    ...(notBefore ? { notBefore } : {}),
  }
}

/** All that Mesos has, or may have, of us. */
export async function loadActive(deps: Deps): Promise<readonly CurrentAttempt[]> {
  return await selectActive(deps.pool)
}

/** What must end: asked for by a client, or over its run time. To be read when `kills` is notified, and each second or so (S71). */
export async function loadKills(deps: Deps): Promise<readonly CurrentAttempt[]> {
  return await selectKills(deps.pool)
}

export async function countTasks(deps: Deps): Promise<Record<LiveState, number>> {
  const counts = await countByState(deps.pool)
  const count = (state: LiveState) => counts.get(state) ?? 0
  return {
    BLOCKED: count('BLOCKED'),
    QUEUED: count('QUEUED'),
    LAUNCHING: count('LAUNCHING'),
    RUNNING: count('RUNNING'),
  }
}
