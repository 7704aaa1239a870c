// One step's working copy of the state: what the moves in tasks.ts and machine.ts write to. Pure.
import type { TaskStatusReason, Labels, TaskState } from 'mesos-http-client'
import type { TaskOutcome } from '../../proto/payload.ts'
import type { Action, MachineConfig, State, Surroundings, Task } from './state.ts'
import { newUpdate } from './status.ts'

/** Ids of ended tasks that are remembered. */
const rememberedTasks = 4096

export interface Telling {
  readonly state: TaskState
  readonly message?: string
  readonly reason?: TaskStatusReason
  readonly labels?: Labels | undefined
  readonly outcome?: TaskOutcome
}

export class Turn {
  readonly around: Surroundings
  readonly config: MachineConfig
  readonly tasks: Map<string, Task>
  readonly actions: Action[] = []
  rest: Omit<State, 'tasks'>

  constructor(state: State, around: Surroundings) {
    this.around = around
    this.config = state.config
    this.tasks = new Map(state.tasks)
    this.rest = state
  }

  get nowMs(): number {
    return this.around.nowMs
  }

  set(change: Partial<Omit<State, 'tasks'>>): void {
    this.rest = { ...this.rest, ...change }
  }

  put(task: Task): void {
    this.tasks.set(task.id, task)
  }

  /** Appends an update to a task's. */
  tell(id: string, telling: Telling): void {
    const task = this.tasks.get(id)
    if (!task) return
    const made = newUpdate(this.around, this.config, { taskId: id, ...telling })
    this.put({ ...task, updates: [...task.updates, made] })
  }

  forget(task: Task): void {
    this.tasks.delete(task.id)
    this.set({ gone: [...this.rest.gone.slice(1 - rememberedTasks), task.id] })
  }

  knows(id: string): boolean {
    return this.tasks.has(id) || this.rest.gone.includes(id)
  }

  act(action: Action): void {
    this.actions.push(action)
  }

  log(level: 'info' | 'warn' | 'error', message: string, task?: string): void {
    this.act({ type: 'log', level, message, ...(task === undefined ? {} : { task }) })
  }

  result(): { readonly state: State; readonly actions: readonly Action[] } {
    return { state: { ...this.rest, tasks: this.tasks }, actions: this.actions }
  }
}
