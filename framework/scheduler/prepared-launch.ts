// From a plan's launch to the attempts it makes: their ids, their intents for the store, their messages for Mesos. Pure.
import type { ExecutorInfo, Offer } from 'mesos-http-client'
import { mesosTaskId } from '../domain/mesos-task-id.ts'
import type { Launch } from '../placement/types.ts'
import type { Intent, PendingTask } from '../usecases/index.ts'
import { agentUrl, giveBack, type AgentScheme } from './offer-snapshot.ts'
import type { AttemptToLaunch } from './task-info.ts'

export interface PreparedAttempt {
  readonly attempt: AttemptToLaunch
  readonly intent: Intent
  readonly task: PendingTask
}

/** What one ACCEPT will carry, as far as its intents come back. */
export interface PreparedLaunch {
  readonly agentId: string
  readonly role: string
  readonly offerIds: readonly string[]
  readonly offers: ReadonlyMap<string, Offer>
  readonly attempts: readonly PreparedAttempt[]
}

export function prepareLaunch(args: {
  launch: Launch
  /** The launch's own, at least one. */
  offers: ReadonlyMap<string, Offer>
  tasks: (taskId: number) => PendingTask | undefined
  executor: ExecutorInfo
  executorGeneration: number
  agentScheme: AgentScheme
  random: () => number
}): PreparedLaunch {
  const { launch, offers, tasks, executor, executorGeneration, agentScheme, random } = args
  const { agentId, role, offerIds } = launch
  const offer = offers.values().next().value
  if (!offer) throw new Error(`a launch on offers that are not held: ${offerIds.join(', ')}`)
  const attempts = launch.tasks.flatMap(({ taskId, pieces, ports }): PreparedAttempt[] => {
    const task = tasks(taskId)
    if (!task) return []
    const { tenant, spec, name } = task
    const number = task.attempt + 1
    const id = mesosTaskId({ name, taskId, attempt: number }, random)
    const resources = giveBack(pieces, offers)
    return [
      {
        task,
        attempt: {
          taskId,
          tenant,
          spec,
          attempt: number,
          mesosTaskId: id,
          agentId,
          resources,
          ports,
          executor,
        },
        intent: {
          taskId,
          attempt: number,
          mesosTaskId: id,
          agentId,
          hostname: offer.hostname,
          agentUrl: agentUrl(offer, agentScheme),
          executorId: executor.executor_id.value,
          executorGeneration,
        },
      },
    ]
  })
  return { agentId, role, offerIds, offers, attempts }
}
