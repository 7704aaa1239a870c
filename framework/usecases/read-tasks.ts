// Records as clients see them: one, a page of many, and the kept output.
import type { TaskState } from '../domain/task.ts'
import { listViews } from '../store/queries/list-views.ts'
import { selectLogTail } from '../store/queries/select-log-tail.ts'
import { selectView } from '../store/queries/select-view.ts'
import type { Deps } from './deps.ts'
import { UseCaseError } from './errors.ts'
import type { LogTails, TaskPage, TaskView } from './types.ts'

export async function getTask(
  deps: Deps,
  args: { readonly tenant: string; readonly id: number },
): Promise<TaskView | undefined> {
  return await selectView(deps.pool, args)
}

/** Newest first, live and history together. Throws UseCaseError `invalid_cursor`. */
export async function listTasks(
  deps: Deps,
  args: {
    readonly tenant: string
    readonly state?: TaskState
    readonly name?: string
    readonly cursor?: string
    readonly limit: number
  },
): Promise<TaskPage> {
  const { tenant, state, name, cursor, limit } = args
  const beforeId = cursor === undefined ? undefined : idOf(cursor)
  const found = await listViews(deps.pool, { tenant, state, name, beforeId, limit: limit + 1 })
  const items = found.slice(0, limit)
  const last = items.at(-1)
  return { items, nextCursor: found.length > limit && last ? String(last.id) : null }
}

function idOf(cursor: string): number {
  const id = /^[1-9]\d{0,15}$/.test(cursor) ? Number(cursor) : Number.NaN
  if (!Number.isSafeInteger(id)) throw new UseCaseError('invalid_cursor', 'This cursor is not one of ours')
  return id
}

/** The last bytes of an attempt's output, kept with the record for when the sandbox is gone; the newest attempt by default. */
export async function readLogTails(
  deps: Deps,
  args: { readonly tenant: string; readonly id: number; readonly attempt?: number },
): Promise<LogTails | undefined> {
  const task = await selectView(deps.pool, args)
  if (!task) return undefined
  const attempt = args.attempt ?? task.attempt
  const tail = await selectLogTail(deps.pool, { taskId: args.id, attempt })
  if (!tail) return undefined
  return {
    attempt,
    ...(tail.stdout ? { stdout: tail.stdout } : {}),
    ...(tail.stderr ? { stderr: tail.stderr } : {}),
  }
}
