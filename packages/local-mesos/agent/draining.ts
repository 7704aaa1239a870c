// Draining at the agent: every task is killed within the operator's grace.
import type { DrainConfig, KillPolicy, TaskInfo } from 'mesos-http-client'
import type { AgentContext } from './context.ts'
import { killTask } from './tasks.ts'

/** Kills all that is queued or runs; with nothing here there is nothing to do. */
export function drain(context: AgentContext, config: DrainConfig): void {
  if (context.frameworks.size === 0) return
  context.drain = config
  context.journal.writeDrain(config)
  const graceOf = config.max_grace_period
  const policy = ({ kill_policy: own }: TaskInfo): KillPolicy | undefined => {
    if (graceOf === undefined) return undefined
    const asked = own?.grace_period?.nanoseconds
    return asked === undefined || graceOf.nanoseconds < asked ? { grace_period: graceOf } : undefined
  }
  for (const framework of context.frameworks.values()) {
    for (const executor of framework.executors.values()) {
      const tasks = [...[...executor.launched.values()].map(({ info }) => info), ...executor.queued.values()]
      for (const task of tasks) killTask(context, framework.id, task.task_id.value, policy(task))
    }
  }
}
