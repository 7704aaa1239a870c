// What a batch of status updates or a FAILURE leads to: committed first, only then acknowledged (S52, invariant 2).
import type { SchedulerEventFailure, TaskStatus } from 'mesos-http-client'
import type { UpdateResult } from '../usecases/index.ts'
import type { Agents } from './agents.ts'
import { acknowledge, kill, type MesosCalls } from './calls.ts'
import type { LeaderStore } from './leader-store.ts'
import { statusUpdate } from './status.ts'

export interface UpdateHandlerOptions {
  readonly store: Pick<LeaderStore, 'applyStatusUpdates' | 'recordExecutorLoss'>
  readonly calls: MesosCalls
  readonly agents: Agents
  readonly now: () => number
  /** For updates that don't name it: an executor may leave its id out, and the agent does not fill it in. */
  readonly executorOf: (mesosTaskId: string) => string | undefined
  /** Each update of which the store now knows, before it is acknowledged. */
  readonly onApplied: (result: UpdateResult, status: TaskStatus) => void
  /** A task waits again. */
  readonly onQueued: () => void
  /** An agent is gone. */
  readonly onAgentLost: (agentId: string) => void
  /** An agent that is drained kills a task, has ended it, or dropped it. */
  readonly onDrained: (agentId: string) => void
  /** A call failed: Mesos sends the update again, nothing is lost. */
  readonly onCallError: (error: unknown) => void
}

interface Executor {
  readonly agentId: string
  readonly executorId: string
}

/** Exit codes of the executor's parent process as FAILURE tells them, a raw wait status (S76). */
const exitStatus = { normal: 0, cleaned: 3 << 8 } as const
const remembered = 1000

export class UpdateHandler {
  readonly #options: UpdateHandlerOptions
  /** Executors that failed lately, and whether their containers are known to be gone. */
  readonly #losses = new Map<string, boolean>()

  constructor(options: UpdateHandlerOptions) {
    this.#options = options
  }

  async applyUpdates(statuses: readonly TaskStatus[]): Promise<void> {
    const { store } = this.#options
    const results = await store.applyStatusUpdates(
      statuses.map(status => statusUpdate(status, this.#isGone(status))),
    )
    let queued = false
    for (const [at, status] of statuses.entries()) {
      const result = results[at]
      if (!result) throw new Error('the store answered for fewer updates than it was given')
      this.#learn(result, status)
      this.#answer(result, status)
      queued ||= result.taskState === 'QUEUED'
    }
    if (queued) this.#options.onQueued()
  }

  async applyFailure(failure: SchedulerEventFailure): Promise<void> {
    const { store, agents, now } = this.#options
    const agentId = failure.agent_id?.value
    const executorId = failure.executor_id?.value
    if (agentId === undefined) return
    if (executorId === undefined) {
      agents.agentLost(agentId)
      this.#options.onAgentLost(agentId)
      return
    }
    const normal = failure.status === exitStatus.normal
    const clean = normal || failure.status === exitStatus.cleaned
    const { generation, released } = await store.recordExecutorLoss({ agentId, executorId, clean })
    this.#remember({ agentId, executorId }, clean)
    agents.lost(agentId, executorId, now(), normal)
    agents.setGeneration(agentId, generation)
    if (released.length > 0) this.#options.onQueued()
  }

  #learn(result: UpdateResult, status: TaskStatus): void {
    const { agents, now } = this.#options
    const executor = this.#executor(status)
    // Of an offer that was rescinded, for example (S39).
    if (status.source === 'SOURCE_MASTER' && status.state === 'TASK_DROPPED' && executor) {
      agents.dropped(executor.agentId, executor.executorId)
    }
    if (status.reason === 'REASON_AGENT_DRAINING' && status.agent_id) {
      agents.draining(status.agent_id.value, now())
      this.#options.onDrained(status.agent_id.value)
    }
    // What an executor said before it died may come after the news of its death.
    if (status.source === 'SOURCE_EXECUTOR' && executor && !this.#losses.has(key(executor))) {
      agents.heard(executor.agentId, executor.executorId)
    }
    const { executorGeneration } = result
    if (executorGeneration) agents.setGeneration(executorGeneration.agentId, executorGeneration.generation)
    this.#options.onApplied(result, status)
  }

  /** Every update with a uuid is acknowledged, also those of unknown tasks, or their stream would block (S52–S54). */
  #answer(result: UpdateResult, status: TaskStatus): void {
    const { calls, onCallError } = this.#options
    const agentId = status.agent_id?.value
    if (status.uuid && status.uuid.length > 0 && agentId !== undefined) {
      calls.call(acknowledge(status.task_id.value, agentId, status.uuid)).catch(onCallError)
    }
    if (result.kill) calls.call(kill(status.task_id.value, agentId)).catch(onCallError)
  }

  #executor(status: TaskStatus): Executor | undefined {
    const executorId = status.executor_id?.value ?? this.#options.executorOf(status.task_id.value)
    const agentId = status.agent_id?.value
    return executorId === undefined || agentId === undefined ? undefined : { agentId, executorId }
  }

  #isGone(status: TaskStatus): boolean {
    const executor = this.#executor(status)
    return (executor && this.#losses.get(key(executor))) ?? false
  }

  #remember(executor: Executor, clean: boolean): void {
    this.#losses.set(key(executor), clean)
    const oldest = this.#losses.keys().next()
    if (this.#losses.size > remembered && !oldest.done) this.#losses.delete(oldest.value)
  }
}

function key({ agentId, executorId }: Executor): string {
  return JSON.stringify([agentId, executorId])
}
