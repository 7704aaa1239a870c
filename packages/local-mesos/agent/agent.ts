// An agent between one start and one stop: its books, its link to the master, what executors call.
// It knows no HTTP; executors reach it as streams. A restart makes a new object on the same folder.
import type { AgentInfo, ExecutorCall, ExecutorCallSubscribe, Task } from 'mesos-http-client'
import type { Clock, Timer } from '../core/clock.ts'
import type { Link, ToAgent, ToMaster } from '../core/cluster.ts'
import type { Log } from '../core/log.ts'
import { Mailbox } from '../core/mailbox.ts'
import { Attachments } from './attachments.ts'
import type { AgentContext, AgentPhase, AgentSettings, Launcher } from './context.ts'
import { drain } from './draining.ts'
import { Isolation } from './isolation.ts'
import { TreeMemory } from './memory.ts'
import { endReregistration, streamEnded, subscribeExecutor } from './executors.ts'
import { shutdownExecutor, shutdownFramework } from './removal.ts'
import type { Journal } from './journal.ts'
import { recover } from './recovery.ts'
import type { AgentFramework, AgentTask, Executor, ExecutorStream } from './state.ts'
import { latestState, onAcknowledged, onExecutorStatus } from './status.ts'
import { killTask, runTask } from './tasks.ts'
import { UpdateStreams } from './update-streams.ts'

export interface AgentOptions {
  readonly info: AgentInfo
  readonly workDir: string
  readonly journal: Journal
  readonly settings: AgentSettings
  readonly clock: Clock
  readonly log: Log
  readonly launcher: Launcher
  readonly newUuid: () => string
  /** Told whenever something that an observer could see has changed. */
  readonly onChanged: () => void
  /** The master has told it that its id is not good any more. */
  readonly onGone: () => void
}

export class Agent {
  readonly mailbox: Mailbox
  readonly #context: AgentContext
  readonly #o: AgentOptions
  #link: { readonly link: Link; readonly state: 'connecting' | 'registered' } | undefined
  #window: Timer | undefined
  /** Shut down: it says no more to any master. */
  #leaving = false
  #isolation: Isolation | undefined

  constructor(o: AgentOptions) {
    this.#o = o
    this.mailbox = new Mailbox(error => o.log('fault in the agent', { error }))
    const streams = new UpdateStreams({
      clock: o.clock,
      retryMs: o.settings.updateRetryMs,
      forward: (frameworkId, status) =>
        this.#send({
          type: 'STATUS_UPDATE',
          frameworkId,
          status,
          latestState: latestState(this.#context, frameworkId, status),
        }),
    })
    const known = o.journal.readAgent()
    this.#context = {
      ...o,
      phase: 'recovering',
      info: known?.id === undefined ? o.info : { ...o.info, id: known.id },
      total: o.journal.readResources(o.info.resources ?? []) ?? o.info.resources ?? [],
      drain: o.journal.readDrain(),
      frameworks: new Map(),
      completedFrameworks: [],
      streams,
      attachments: new Attachments(),
      send: message => this.#send(message),
      changed: o.onChanged,
    }
  }

  get phase(): AgentPhase {
    return this.#context.phase
  }

  get id(): string {
    return this.#context.info.id?.value ?? ''
  }

  get context(): AgentContext {
    return this.#context
  }

  /** Reads the journal; `ready` is called when the agent may register, after the window for its executors (E34). */
  start(ready: () => void): void {
    const { clock, settings } = this.#o
    if (settings.isolation !== undefined)
      this.#isolation = new Isolation({
        context: this.#context,
        settings: settings.isolation,
        newTree: pid => new TreeMemory(pid),
      })
    const done = (): void => {
      if (this.#context.phase !== 'recovering') return
      endReregistration(this.#context)
      this.#context.phase = 'disconnected'
      ready()
    }
    if (recover(this.#context)) this.#window = clock.after(settings.executorReregistrationTimeoutMs, done)
    else done()
  }

  /** Ends as a killed process does: streams break, nothing is said, executors go on. */
  stop(): void {
    const context = this.#context
    context.phase = 'stopped'
    this.#isolation?.close()
    this.mailbox.close()
    this.#window?.cancel()
    context.streams.close()
    const link = this.#link?.link
    this.#link = undefined
    link?.cut()
    for (const framework of context.frameworks.values()) {
      for (const { phase, stream, container } of framework.executors.values()) {
        if (phase.name === 'registering') phase.timeout?.cancel()
        if (phase.name === 'terminating') phase.grace?.cancel()
        stream?.abandon()
        container?.abandon()
      }
    }
  }

  /** A way to the master is there: register, with everything that runs here if the agent has an id. */
  connect(link: Link): void {
    if (this.#leaving) return
    const { info, total, frameworks } = this.#context
    this.#link = { link, state: 'connecting' }
    if (info.id === undefined) {
      link.toMaster({ type: 'REGISTER', info })
      return
    }
    const all = [...frameworks.values()]
    const executors = all.flatMap(framework => [...framework.executors.values()])
    link.toMaster({
      type: 'REREGISTER',
      info,
      total,
      frameworks: all.map(framework => framework.info),
      tasks: executors.flatMap(tasksOf),
      executors: executors
        .filter(executor => executor.kind === 'custom' && executor.phase.name !== 'terminated')
        .map(executor => executor.info),
    })
  }

  onLinkCut(link: Link): void {
    if (this.#link?.link !== link) return
    this.#link = undefined
    this.#context.streams.pause()
    if (this.#context.phase === 'running') this.#context.phase = 'disconnected'
  }

  onMasterMessage(message: ToAgent, link: Link): void {
    if (this.#link?.link !== link) return
    const context = this.#context
    switch (message.type) {
      case 'REGISTERED':
        context.info = { ...context.info, id: { value: message.agentId } }
        context.journal.writeAgent(context.info)
        this.#registered(link)
        break
      case 'REREGISTERED':
        this.#registered(link)
        break
      case 'RUN_TASK':
        runTask(context, message)
        break
      case 'KILL_TASK':
        killTask(context, message.frameworkId, message.taskId, message.killPolicy)
        break
      case 'ACKNOWLEDGE':
        onAcknowledged(context, message.frameworkId, message.taskId, message.uuid)
        break
      case 'FRAMEWORK_MESSAGE': {
        const executor = context.frameworks.get(message.frameworkId)?.executors.get(message.executorId)
        if (executor?.phase.name === 'running') {
          executor.stream?.send({ type: 'MESSAGE', message: { data: message.data } })
        }
        break
      }
      case 'SHUTDOWN_EXECUTOR': {
        const framework = context.frameworks.get(message.frameworkId)
        const executor = framework?.executors.get(message.executorId)
        if (framework?.state === 'running' && executor !== undefined) {
          shutdownExecutor(context, framework, executor)
        }
        break
      }
      case 'SHUTDOWN_FRAMEWORK': {
        const framework = context.frameworks.get(message.frameworkId)
        if (framework !== undefined) shutdownFramework(context, framework)
        break
      }
      case 'UPDATE_FRAMEWORK':
        this.#updateFramework(message.framework)
        break
      case 'DRAIN':
        drain(context, message.config)
        break
      case 'CHECKPOINT_RESOURCES':
        context.total = message.total
        context.journal.writeResources({ declared: this.#o.info.resources ?? [], total: message.total })
        break
      case 'SHUTDOWN':
        this.shutdown()
        if (message.gone) this.#o.onGone()
        break
    }
  }

  /** All executors are shut down, and the agent says no more: told to end, or leaving by itself. */
  shutdown(): void {
    this.#leaving = true
    for (const framework of this.#context.frameworks.values()) shutdownFramework(this.#context, framework)
  }

  /** Takes leave of the master before a shutdown. */
  unregister(): void {
    this.#send({ type: 'UNREGISTER' })
    this.shutdown()
  }

  framework(id: string): AgentFramework | undefined {
    return this.#context.frameworks.get(id)
  }

  subscribe(
    framework: AgentFramework,
    executor: Executor,
    call: ExecutorCallSubscribe,
    stream: ExecutorStream,
  ): void {
    subscribeExecutor(this.#context, framework, executor, call, stream)
  }

  streamEnded(executor: Executor, stream: ExecutorStream): void {
    streamEnded(executor, stream)
  }

  /** UPDATE and MESSAGE of an executor that may speak. */
  executorCall(framework: AgentFramework, executor: Executor, call: ExecutorCall): void {
    if (call.type === 'UPDATE' && call.update !== undefined) {
      onExecutorStatus(this.#context, framework, call.update.status)
    }
    if (call.type === 'MESSAGE' && call.message !== undefined && framework.state === 'running') {
      this.#send({
        type: 'EXECUTOR_MESSAGE',
        frameworkId: framework.id,
        executorId: executor.id,
        data: call.message.data,
      })
    }
  }

  #registered(link: Link): void {
    this.#link = { link, state: 'registered' }
    this.#context.phase = 'running'
    this.#context.streams.resume()
    this.#o.onChanged()
  }

  #updateFramework(info: AgentFramework['info']): void {
    const framework = this.#context.frameworks.get(info.id?.value ?? '')
    if (framework?.state !== 'running') return
    framework.info = info
    for (const executor of framework.executors.values()) {
      this.#context.journal.append(executor, { type: 'framework', framework: info })
    }
    // A scheduler has (re)subscribed: what it has not acknowledged goes out again at once.
    this.#context.streams.resume()
  }

  #send(message: ToMaster): void {
    if (this.#link?.state === 'registered') this.#link.link.toMaster(message)
  }
}

/** The tasks that are not over yet, as a re-registration reports them. */
function tasksOf(executor: Executor): Task[] {
  const describe = (task: AgentTask): Task => ({
    name: task.info.name,
    task_id: task.info.task_id,
    framework_id: { value: executor.frameworkId },
    agent_id: task.info.agent_id,
    state: task.state,
    ...(task.info.resources !== undefined && { resources: task.info.resources }),
    ...(executor.kind === 'custom' && { executor_id: { value: executor.id } }),
    ...(task.info.labels !== undefined && { labels: task.info.labels }),
    statuses: task.statuses,
  })
  return [
    ...[...executor.launched.values()].map(describe),
    ...[...executor.terminated.values()].map(describe),
    ...[...executor.queued.values()].map(info => describe({ info, state: 'TASK_STAGING', statuses: [] })),
  ]
}
