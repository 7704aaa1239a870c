// A client submits a task: one commit, and the same task again for the same idempotency key (invariant 1).
import { createHash } from 'node:crypto'
import type { TaskSpec } from '../domain/spec.ts'
import type { Task, TaskPolicy } from '../domain/task.ts'
import { nextTimer } from '../domain/timers.ts'
import { findIdempotencyKey } from '../store/queries/find-idempotency-key.ts'
import { insertTask } from '../store/queries/insert-task.ts'
import { selectView } from '../store/queries/select-view.ts'
import type { Deps } from './deps.ts'
import { UseCaseError } from './errors.ts'
import type { TaskView } from './types.ts'

const noWaits = { orphanWaitMs: 0, unreachableWaitMs: 0 }

/**
 * `spec` is complete and valid (no NUL in its strings). Throws UseCaseError `idempotency_key_reused` where the key came with
 * another spec before (→ 422).
 */
export async function submitTask(
  deps: Deps,
  args: { readonly tenant: string; readonly spec: TaskSpec; readonly idempotencyKey?: string },
): Promise<{ readonly task: TaskView; readonly created: boolean }> {
  const { tenant, spec, idempotencyKey: key } = args
  const now = deps.now()
  const specSha256 = hashOf(spec)
  const draft: Task = {
    id: 0,
    tenant,
    name: spec.name,
    state: 'QUEUED',
    spec,
    attempt: 0,
    failures: 0,
    faults: {},
    waitedMs: 0,
    queuedAt: now,
    submittedAt: now,
  }
  const id = await insertTask(deps.pool, {
    tenant,
    name: spec.name,
    specJson: JSON.stringify(spec),
    policyJson: JSON.stringify(policyOf(spec)),
    submittedAt: now,
    timerAt: nextTimer(draft, undefined, noWaits)?.at,
    idempotency: key === undefined ? undefined : { key, specSha256 },
  })
  if (id !== undefined) {
    deps.notifier.notify('pending')
    deps.notifier.notify('events')
    return { task: { ...draft, id, attempts: [] }, created: true }
  }
  const task = key === undefined ? undefined : await repeated(deps, tenant, key, specSha256)
  if (!task) throw new Error(`the task of idempotency key ${key} is gone`)
  return { task, created: false }
}

async function repeated(
  deps: Deps,
  tenant: string,
  key: string,
  specSha256: Uint8Array,
): Promise<TaskView | undefined> {
  const found = await findIdempotencyKey(deps.pool, { tenant, key })
  if (!found) return undefined
  if (Buffer.compare(found.specSha256, specSha256) !== 0) {
    throw new UseCaseError(
      'idempotency_key_reused',
      `This Idempotency-Key was used for task ${found.taskId}, which is another one`,
    )
  }
  return await selectView(deps.pool, { tenant, id: found.taskId })
}

function policyOf(spec: TaskSpec): TaskPolicy {
  const { retry, callback, maxRuntimeSeconds, maxQueueSeconds, killGraceSeconds } = spec
  return {
    retry,
    killGraceSeconds,
    ...(callback === undefined ? {} : { callback }),
    ...(maxRuntimeSeconds === undefined ? {} : { maxRuntimeSeconds }),
    ...(maxQueueSeconds === undefined ? {} : { maxQueueSeconds }),
  }
}

/** Of what the spec says, whatever the order of its keys. */
function hashOf(spec: TaskSpec): Uint8Array {
  return createHash('sha256').update(JSON.stringify(spec, sortKeys)).digest()
}

function sortKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
