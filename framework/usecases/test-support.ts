// A world for tests of the use cases: a database of its own, a clock that a test moves, and a leader.
import { setTimeout as sleep } from 'node:timers/promises'
import type { TaskSpec } from '../domain/spec.ts'
import type { TaskState } from '../domain/task.ts'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import {
  applyStatusUpdates,
  commitIntents,
  getTask,
  type Intent,
  type LeaderDeps,
  type LeaseHold,
  type StatusUpdate,
  submitTask,
  type TaskView,
  type UpdateResult,
} from './index.ts'

export function spec(changes: Partial<TaskSpec> = {}): TaskSpec {
  return {
    name: 'transcode',
    command: 'true',
    args: [],
    env: {},
    resources: { cpuMillis: 1000, memMb: 512, diskMb: 0, ports: 0 },
    uris: [],
    constraints: [],
    priority: 0,
    labels: {},
    killGraceSeconds: 10,
    retry: { max: 0, backoffSeconds: 1, backoffFactor: 2, maxBackoffSeconds: 300 },
    ...changes,
  }
}

export function retries(max: number): Partial<TaskSpec> {
  return { retry: { max, backoffSeconds: 1, backoffFactor: 2, maxBackoffSeconds: 300 } }
}

export class World {
  readonly db: TestDatabase
  readonly deps: LeaderDeps
  readonly lease: LeaseHold = { name: 'juice', epoch: 1 }
  readonly hints: string[] = []
  now = new Date('2026-03-01T12:00:00Z')

  private constructor(db: TestDatabase) {
    this.db = db
    this.deps = {
      pool: db.pool,
      notifier: { notify: channel => this.hints.push(channel) },
      now: () => this.now,
      waits: { orphanWaitMs: 60_000, unreachableWaitMs: 60_000 },
    }
  }

  static async open(): Promise<World> {
    const db = await testDatabase()
    await db.pool.query("insert into scheduling.lease (name, epoch) values ('juice', 1)")
    return new World(db)
  }

  async close(): Promise<void> {
    await this.db.close()
  }

  pass(seconds: number): void {
    this.now = new Date(this.now.getTime() + seconds * 1000)
  }

  async submit(changes: Partial<TaskSpec> = {}): Promise<TaskView> {
    const { task } = await submitTask(this.deps, { tenant: 'default', spec: spec(changes) })
    return task
  }

  intent(taskId: number, changes: Partial<Intent> = {}): Intent {
    const attempt = changes.attempt ?? 1
    return {
      taskId,
      attempt,
      mesosTaskId: `transcode-${taskId}-${attempt}-test`,
      agentId: 'agent-1',
      hostname: 'host1',
      agentUrl: 'http://host1:5051',
      executorId: 'executor-1',
      executorGeneration: 0,
      ...changes,
    }
  }

  /** Commits an intent, which must succeed; returns its Mesos task id. */
  async launch(taskId: number, changes: Partial<Intent> = {}): Promise<string> {
    const intent = this.intent(taskId, changes)
    const committed = await commitIntents(this.deps, this.lease, [intent])
    if (!committed.has(intent.mesosTaskId)) throw new Error(`task ${taskId} was not launched`)
    return intent.mesosTaskId
  }

  async hear(mesosTaskId: string, state: string, changes: Partial<StatusUpdate> = {}): Promise<UpdateResult> {
    const [result] = await applyStatusUpdates(this.deps, this.lease, [
      this.update(mesosTaskId, state, changes),
    ])
    if (!result) throw new Error('no result')
    return result
  }

  update(mesosTaskId: string, state: string, changes: Partial<StatusUpdate> = {}): StatusUpdate {
    return { mesosTaskId, state, source: 'SOURCE_EXECUTOR', isReconciliation: false, ...changes }
  }

  async started(
    changes: Partial<TaskSpec> = {},
  ): Promise<{ readonly id: number; readonly mesosTaskId: string }> {
    const { id } = await this.submit(changes)
    const mesosTaskId = await this.launch(id)
    await this.hear(mesosTaskId, 'TASK_RUNNING', {
      outcome: { sandbox: '/box', startedAtMs: this.now.getTime() },
    })
    return { id, mesosTaskId }
  }

  async get(id: number): Promise<TaskView> {
    const task = await getTask(this.deps, { tenant: 'default', id })
    if (!task) throw new Error(`no task ${id}`)
    return task
  }

  async state(id: number): Promise<TaskState> {
    return (await this.get(id)).state
  }
}

/** Waits for what cannot be awaited, such as a session that waits for a lock. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await condition()) return
    await sleep(10)
  }
  throw new Error('it did not come about')
}

/** Is a session of this world's database waiting for a lock? */
export async function somebodyWaits(world: World): Promise<boolean> {
  const { rows } = await world.db.pool.query(
    "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  )
  return rows.length > 0
}
