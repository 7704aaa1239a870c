// Mesos' command executor: one task with a command of its own, run as a process in the sandbox (trace 21's states and
// messages; no health checks). It ends once its last update is acknowledged.
import type { KillPolicy, TaskInfo } from 'mesos-http-client'
import type { Clock, Timer } from '../core/clock.ts'
import { capabilitiesOf } from '../model/states.ts'
import type { ContainerEnd, Launcher } from './context.ts'
import { InProcessExecutor, type InProcessOptions } from './in-process.ts'
import type { ProcessHost } from './processes.ts'
import type { Container } from './state.ts'

/** Between TERM and KILL where nobody said otherwise. */
const defaultGraceMs = 3000

const signalNames: Readonly<Record<number, string>> = {
  1: 'Hangup',
  2: 'Interrupt',
  6: 'Aborted',
  9: 'Killed',
  11: 'Segmentation fault',
  15: 'Terminated',
}

export interface CommandExecutorOptions extends InProcessOptions {
  readonly processes: ProcessHost
  readonly clock: Clock
  /** Starts the process as a custom executor's is started. */
  readonly start: Launcher
}

type Run =
  | { readonly name: 'idle' }
  | { readonly name: 'running'; readonly task: TaskInfo; readonly container: Container }
  | {
      readonly name: 'killing'
      readonly task: TaskInfo
      readonly container: Container
      readonly escalate: Timer
    }
  | { readonly name: 'ended' }

export class CommandExecutor extends InProcessExecutor {
  readonly #o: CommandExecutorOptions
  #run: Run = { name: 'idle' }
  /** Of the command, since there is no process of the executor's own; kept after its end. */
  #pid: number | undefined
  protected readonly endsWhenIdle = true

  constructor(o: CommandExecutorOptions) {
    super(o)
    this.#o = o
  }

  get pid(): number | undefined {
    return this.#pid
  }

  protected launch(task: TaskInfo): void {
    const taskId = task.task_id.value
    const { start, executor, framework } = this.#o
    const container = start.launch(executor, framework, task, {
      started: pid => {
        this.#pid = pid
        this.update(taskId, 'TASK_STARTING')
        this.update(taskId, 'TASK_RUNNING')
      },
      exited: end => this.#ended(task, end),
    })
    this.#run = { name: 'running', task, container }
  }

  protected kill(_taskId: string, policy: KillPolicy | undefined): void {
    if (this.#run.name !== 'running') return
    const { task, container } = this.#run
    const asked = (policy ?? task.kill_policy)?.grace_period?.nanoseconds
    const graceMs = asked === undefined ? defaultGraceMs : Number(asked) / 1_000_000
    if (capabilitiesOf(this.#o.framework).has('TASK_KILLING_STATE')) {
      this.update(task.task_id.value, 'TASK_KILLING')
    }
    const escalate = this.#o.clock.after(graceMs, () => container.destroy())
    this.#run = { name: 'killing', task, container, escalate }
    if (container.pid === undefined) container.destroy()
    else this.#o.processes.signalGroup(container.pid, 'SIGTERM')
  }

  protected abort(): void {
    const run = this.#run
    this.#run = { name: 'ended' }
    if (run.name === 'killing') run.escalate.cancel()
    if ('container' in run) run.container.destroy()
  }

  protected isBusy(): boolean {
    return this.#run.name === 'running' || this.#run.name === 'killing'
  }

  #ended(task: TaskInfo, { status, termination }: ContainerEnd): void {
    const run = this.#run
    if (run.name === 'ended') return
    if (run.name === 'killing') run.escalate.cancel()
    this.#run = { name: 'ended' }
    const taskId = task.task_id.value
    if (termination !== undefined) {
      // It never came up: that verdict is the agent's.
      this.o.executor.termination = termination
      this.end(status)
      return
    }
    const signal = status & 0x7f
    const message =
      signal === 0
        ? `Command exited with status ${status >> 8}`
        : `Command terminated with signal ${signalNames[signal] ?? String(signal)}`
    const state = run.name === 'killing' ? 'TASK_KILLED' : status === 0 ? 'TASK_FINISHED' : 'TASK_FAILED'
    this.update(taskId, state, { message })
  }
}
