// For tests: drives the state machine by hand, with a clock of its own, and keeps every update that it made.
import type { TaskInfo, TaskStatus } from 'mesos-http-client'
import { taskOutcome, taskPayload, type TaskOutcome, type TaskPayload } from '../../proto/payload.ts'
import { defaultConfig, initialState, step, unacknowledged } from '../machine.ts'
import type { Action, Event, State } from '../machine.ts'

export const terminalStates: readonly string[] = ['TASK_FINISHED', 'TASK_FAILED', 'TASK_KILLED']

export class Harness {
  state: State = initialState(
    { ...defaultConfig, executorId: 'ex', tasksDir: '/mesos/tasks', shutdownGraceMs: 60_000 },
    600_000,
  )
  nowMs = 1000
  /** Every update ever made, in the order of making. */
  readonly made: TaskStatus[] = []
  readonly actions: Action[] = []
  readonly acknowledged = new Set<string>()
  #uuids = 0

  /** Takes an event; returns the actions that it caused, without log lines. */
  take(event: Event): Action[] {
    const { state, actions } = step(this.state, event, {
      nowMs: this.nowMs,
      wallMs: 1_700_000_000_000 + this.nowMs,
      newUuid: () => uuidOf(++this.#uuids),
    })
    this.state = state
    const known = new Set(this.made)
    for (const { status } of unacknowledged(state).updates) if (!known.has(status)) this.made.push(status)
    const told = actions.filter(action => action.type !== 'log')
    this.actions.push(...told)
    return told
  }

  subscribe(killingState = true): void {
    this.take({ type: 'subscribing' })
    this.take({ type: 'subscribed', killingState, idleTimeoutMs: 600_000 })
  }

  /** Subscribed, swept, and ready for tasks. */
  static ready(killingState = true): Harness {
    const harness = new Harness()
    harness.subscribe(killingState)
    harness.take({ type: 'swept' })
    return harness
  }

  launch(id: string, payload: Partial<TaskPayload> = {}, info: Partial<TaskInfo> = {}): Action[] {
    return this.take({ type: 'launch', task: taskInfo(id, payload, info) })
  }

  /** Time passes; the machine is told. */
  pass(ms: number): Action[] {
    this.nowMs += ms
    return this.take({ type: 'tick' })
  }

  acknowledge(status: TaskStatus): Action[] {
    const uuid = hex(status)
    this.acknowledged.add(uuid)
    return this.take({ type: 'acknowledged', taskId: status.task_id.value, uuid })
  }

  /** The agent takes and acknowledges everything until nothing is left to send. */
  deliverAll(): void {
    for (let pending = this.pending(); pending.length > 0; pending = this.pending())
      for (const status of pending) this.acknowledge(status)
  }

  pending(): TaskStatus[] {
    return unacknowledged(this.state).updates.map(({ status }) => status)
  }

  updatesOf(id: string): TaskStatus[] {
    return this.made.filter(status => status.task_id.value === id)
  }

  statesOf(id: string): string[] {
    return this.updatesOf(id).map(({ state }) => state.replace('TASK_', ''))
  }

  last(id: string): TaskStatus & { readonly outcome: TaskOutcome } {
    const status = this.updatesOf(id).at(-1)
    if (!status?.data) throw new Error(`no update of ${id}`)
    return { ...status, outcome: taskOutcome.decode(status.data) }
  }
}

export function hex(status: TaskStatus): string {
  return Buffer.from(status.uuid ?? []).toString('hex')
}

export function taskInfo(
  id: string,
  payload: Partial<TaskPayload> = {},
  info: Partial<TaskInfo> = {},
): TaskInfo {
  const data = taskPayload.encode({ taskId: 1, attempt: 1, service: 'svc', command: 'true', ...payload })
  return { name: id, task_id: { value: id }, agent_id: { value: 'agent' }, data, ...info }
}

function uuidOf(number: number): Uint8Array {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt32BE(number, 12)
  return bytes
}
