// What can happen to a task, and what follows from it, as data: transitions decide, the store carries out. Types only.
import type { Verdict } from './blame.ts'
import type { Attempt, Task, TaskCore, TaskState } from './task.ts'
import type { MesosUpdate, UpdateKind } from './update.ts'

export interface LaunchIntent {
  /** Number of the attempt to be: the task's newest plus 1, or the intent is out of date. */
  readonly attempt: number
  readonly mesosTaskId: string
  readonly agentId: string
  readonly hostname: string
  readonly agentUrl: string
  readonly executorId: string
  readonly executorGeneration: number
}

interface Updates {
  readonly update: MesosUpdate
}

/** Everything that can happen to a task. Updates of Mesos are sorted by kind first. */
export interface TaskEvents extends Record<UpdateKind, Updates> {
  /** The leader wants to send it to Mesos. */
  readonly launch: { readonly intent: LaunchIntent }
  /** The leader knows that its ACCEPT never left. */
  readonly withdraw: { readonly message: string }
  /** A client asks for its end. */
  readonly kill: object
  /** It waited longer than `maxQueueSeconds`. `why`: what the leader last knew of why it waits. */
  readonly queueTimeout: { readonly why?: string }
  /** It ran longer than `maxRuntimeSeconds`, and its executor did nothing about it. */
  readonly overrun: object
  /** An unsettled attempt stayed so for its whole wait. */
  readonly settleTimeout: object
  /** Its framework id is given up, and with it what runs under that. `why` is for people, without a full stop. */
  readonly forsaken: { readonly why: string }
  /** The container that a hold waits for is known to be gone. */
  readonly released: object
}

export type EventType = keyof TaskEvents
export type TaskEvent<E extends EventType = EventType> = { [T in E]: { readonly type: T } & TaskEvents[T] }[E]

export interface Waits {
  readonly orphanWaitMs: number
  readonly unreachableWaitMs: number
}

/** One line for the event log. */
export interface DomainEvent {
  readonly type: 'submitted' | 'state' | 'kill_requested'
  readonly state: TaskState
  readonly attempt: number
  readonly message?: string
}

/** A callback to be made, with the task as it is at this moment. */
export interface OutboxEntry {
  readonly url: string
  readonly task: Omit<Task, 'spec'>
  readonly attempt?: Attempt
}

export type Hint = 'pending' | 'kills' | 'events' | 'outbox'

export type Effect = Update | Ignored | Rejected

export interface Update {
  readonly kind: 'update'
  readonly task: TaskCore
  /** The attempt that was changed or made. */
  readonly attempt?: Attempt
  readonly events: readonly DomainEvent[]
  readonly outbox: readonly OutboxEntry[]
  readonly hints: readonly Hint[]
  /** Where the attempt ended. */
  readonly verdict?: Verdict
}

/** Right to happen, and nothing follows. */
export interface Ignored {
  readonly kind: 'ignore'
  readonly why: string
  /** Something of it is alive that must not be (S51). */
  readonly kill: boolean
}

/** Must not happen to a task in this state. */
export interface Rejected {
  readonly kind: 'reject'
  readonly why: string
}
