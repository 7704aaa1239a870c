// How executors and frameworks leave an agent: shutdown with grace, removal, the end of an idle framework.
import type { AgentContext } from './context.ts'
import {
  completedExecutorsLimit,
  completedFrameworksLimit,
  type AgentFramework,
  type Executor,
} from './state.ts'

/** SHUTDOWN, and after the grace the end of the whole tree (E37, E38). */
export function shutdownExecutor(context: AgentContext, framework: AgentFramework, executor: Executor): void {
  if (executor.phase.name === 'terminating' || executor.phase.name === 'terminated') return
  if (executor.phase.name === 'registering') executor.phase.timeout?.cancel()
  const asked = executor.info.shutdown_grace_period?.nanoseconds
  const graceMs = asked === undefined ? context.settings.executorShutdownGraceMs : Number(asked) / 1_000_000
  const grace = context.clock.after(graceMs, () => {
    if (executor.phase.name === 'terminating') executor.container?.destroy()
  })
  executor.phase = { name: 'terminating', grace }
  executor.stream?.send({ type: 'SHUTDOWN' })
  context.log('executor is shut down', { executorId: executor.id, frameworkId: framework.id, graceMs })
}

/** Its place is free; the same id may start again. */
export function removeExecutor(context: AgentContext, framework: AgentFramework, executor: Executor): void {
  if (framework.executors.get(executor.id) !== executor) return
  framework.executors.delete(executor.id)
  framework.completedExecutors.push(executor)
  if (framework.completedExecutors.length > completedExecutorsLimit) framework.completedExecutors.shift()
  context.journal.remove(executor)
}

/** A framework without executors is over for this agent, with all updates of it. */
export function removeIfIdle(context: AgentContext, framework: AgentFramework): void {
  if (framework.executors.size > 0 || context.frameworks.get(framework.id) !== framework) return
  context.frameworks.delete(framework.id)
  if (context.frameworks.size === 0) endDraining(context)
  context.streams.forget(framework.id)
  const former = context.completedFrameworks.find(completed => completed.id === framework.id)
  if (former !== undefined) {
    framework.completedExecutors.unshift(...former.completedExecutors)
    context.completedFrameworks = context.completedFrameworks.filter(completed => completed !== former)
  }
  context.completedFrameworks.push(framework)
  if (context.completedFrameworks.length > completedFrameworksLimit) context.completedFrameworks.shift()
}

/** Nothing runs here any more. */
export function endDraining(context: AgentContext): void {
  if (context.drain === undefined) return
  context.drain = undefined
  context.journal.writeDrain(undefined)
}

/** TEARDOWN and the like: every executor of the framework is shut down, no update leaves any more. */
export function shutdownFramework(context: AgentContext, framework: AgentFramework): void {
  if (framework.state === 'terminating') return
  framework.state = 'terminating'
  for (const executor of framework.executors.values()) {
    if (executor.phase.name === 'terminated') removeExecutor(context, framework, executor)
    else shutdownExecutor(context, framework, executor)
  }
  removeIfIdle(context, framework)
}
