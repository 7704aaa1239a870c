// Delivery of updates: each is kept until the agent acknowledges it, those of one task leave one after another, and
// what is never acknowledged is not sent for ever. Pure.
import type { ExecutorCallUpdate, TaskInfo } from 'mesos-http-client'
import type { Action, Delivery, Event, MachineConfig, PendingUpdate, State, Task } from './state.ts'

/** What SUBSCRIBE lists: tasks of which the agent acknowledged nothing yet, and every unacknowledged update (E9, E19). */
export function unacknowledged(state: State): {
  readonly tasks: readonly TaskInfo[]
  readonly updates: readonly ExecutorCallUpdate[]
} {
  const tasks = [...state.tasks.values()]
  return {
    tasks: tasks.flatMap(task => (task.info && !task.confirmed ? [task.info] : [])),
    updates: tasks.flatMap(task => task.updates.map(({ status }) => ({ status }))),
  }
}

/** Whether the executor must stay for this task: it isn't over, or the agent has yet to hear of it. */
export function isOpen(task: Task): boolean {
  return task.phase.name !== 'ended' || task.updates.some(update => update.delivery.name !== 'unanswered')
}

/** The task after an event about its updates; the same object where nothing changed. */
export function hear(task: Task, event: Event, config: MachineConfig, nowMs: number): Task {
  switch (event.type) {
    case 'subscribing':
      return mapUpdates(task, update => ({ ...update, delivery: { name: 'listed' } }))
    case 'subscribed':
      return mapUpdates(task, update =>
        update.delivery.name === 'listed' ? taken(update, config, nowMs) : update,
      )
    case 'updateTaken':
      return mapSending(task, event.uuid, update => taken(update, config, nowMs))
    case 'updateFailed':
      return mapSending(task, event.uuid, update => ({
        ...update,
        // A call that is wrong by itself will not become right: it counts, so that its resends are bounded too.
        taken: update.taken + (event.retryable ? 0 : 1),
        delivery:
          update.taken >= config.resendLimit
            ? { name: 'unanswered' }
            : { name: 'failed', retryAtMs: nowMs + config.retryMs },
      }))
    case 'acknowledged': {
      const updates = task.updates.filter(update => update.uuid !== event.uuid)
      return updates.length === task.updates.length ? task : { ...task, updates, confirmed: true }
    }
    default:
      return task
  }
}

/** The task's next update to be sent, if it is due; one at a time, so that they arrive in their order (E21). */
export function deliver(task: Task, nowMs: number): { readonly task: Task; readonly send?: Action } {
  for (const update of task.updates) {
    const { delivery } = update
    if (delivery.name === 'taken' && nowMs < delivery.resendAtMs) continue
    if (delivery.name === 'unanswered') continue
    if (delivery.name === 'sending' || delivery.name === 'listed') return { task }
    if (delivery.name === 'failed' && nowMs < delivery.retryAtMs) return { task }
    const { uuid, status } = update
    return {
      task: mapUpdates(task, other =>
        other === update ? { ...other, delivery: { name: 'sending' } } : other,
      ),
      send: { type: 'send', taskId: task.id, uuid, update: { status } },
    }
  }
  return { task }
}

/** When deliver() could have something to do by the passing of time alone. */
export function nextDeliveryMs(task: Task): number {
  return Math.min(
    ...task.updates.map(({ delivery }) => {
      if (delivery.name === 'taken') return delivery.resendAtMs
      return delivery.name === 'failed' ? delivery.retryAtMs : Infinity
    }),
  )
}

function taken(update: PendingUpdate, config: MachineConfig, nowMs: number): PendingUpdate {
  const delivery: Delivery =
    update.taken >= config.resendLimit
      ? { name: 'unanswered' }
      : {
          name: 'taken',
          resendAtMs: nowMs + Math.min(config.resendMs * 2 ** update.taken, config.resendMaxMs),
        }
  return { ...update, taken: update.taken + 1, delivery }
}

function mapSending(task: Task, uuid: string, change: (update: PendingUpdate) => PendingUpdate): Task {
  return mapUpdates(task, update =>
    update.uuid === uuid && update.delivery.name === 'sending' ? change(update) : update,
  )
}

function mapUpdates(task: Task, change: (update: PendingUpdate) => PendingUpdate): Task {
  const updates = task.updates.map(change)
  return updates.every((update, index) => update === task.updates[index]) ? task : { ...task, updates }
}
