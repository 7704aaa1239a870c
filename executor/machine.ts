// The executor's state machine for all of its tasks: (state, event) → (state, actions). Pure: no I/O, no clock of its
// own; runner.ts carries the actions out and brings back what came of them.
//
// A task, whose updates are STARTING, RUNNING, KILLING and exactly one terminal one, in this order, some left out:
//
//   phase      what it waits for         KILL, SHUTDOWN, deadline     started    exited      finished    given up
//   waiting    the start sweep           → ended, KILLED              .          .           .           .
//   preparing  sandbox, URIs, image      → killing                    → running  → finishing → ended     .
//   running    its end                   → killing                    .          → finishing → ended     .
//   killing    its end, being killed     a shorter grace wins (E27)   .          → finishing → ended     → ended, FAILED
//   finishing  its result and logs       .                            .          .           → ended     → ended
//   ended      acknowledgements          .                            .          .           .           .
//
// The executor: sweeping → working ⇄ idle → stopped; from any of them by SHUTDOWN, or when the agent is lost, → stopping → stopped.
import type { Action, Event, State, Surroundings } from './machine/state.ts'
import {
  deadlineReached,
  exited,
  finish,
  kill,
  killGraceMs,
  killRequested,
  launch,
  prepare,
  refuse,
  started,
  taskDeadlineMs,
} from './machine/tasks.ts'
import { Turn } from './machine/turn.ts'
import { deliver, hear, isOpen, nextDeliveryMs } from './machine/updates.ts'

export * from './machine/state.ts'
export { unacknowledged } from './machine/updates.ts'

export interface Step {
  readonly state: State
  /** To be carried out in this order. */
  readonly actions: readonly Action[]
}

export function step(state: State, event: Event, surroundings: Surroundings): Step {
  if (state.phase.name === 'stopped') return { state, actions: [] }
  const turn = new Turn(state, surroundings)
  for (const task of turn.tasks.values()) turn.put(hear(task, event, turn.config, turn.nowMs))
  take(turn, event)
  flush(turn)
  settle(turn)
  return turn.result()
}

/** When a `tick` is due, if nothing else happens before; Infinity for never. */
export function nextWakeMs(state: State): number {
  if (state.phase.name === 'stopped') return Infinity
  const times = [...state.tasks.values()].flatMap(task => [
    taskDeadlineMs(task.phase, state),
    state.connection === 'up' ? nextDeliveryMs(task) : Infinity,
  ])
  if (state.phase.name === 'idle') times.push(state.phase.sinceMs + state.terms.idleTimeoutMs)
  if (state.phase.name === 'stopping') times.push(state.phase.deadlineMs)
  return times.reduce((earliest, time) => Math.min(earliest, time), Infinity)
}

function take(turn: Turn, event: Event): void {
  switch (event.type) {
    case 'subscribed': {
      const { killingState, idleTimeoutMs } = event
      return turn.set({ connection: 'up', terms: { killingState, idleTimeoutMs } })
    }
    case 'disconnected':
      return turn.set({ connection: 'down' })
    case 'lost':
      turn.set({ connection: 'lost' })
      return stop(turn, 'the agent is lost')
    case 'shutdown':
      return stop(turn, 'told to shut down')
    case 'swept':
      if (turn.rest.phase.name !== 'sweeping') return
      turn.set({ phase: { name: 'working' } })
      for (const id of turn.tasks.keys()) prepare(turn, id)
      return
    case 'launch':
      return launch(turn, event.task)
    case 'launchGroup':
      // None is the one way of all or none (E26) for an executor that knows no groups.
      for (const task of event.tasks) refuse(turn, task, 'This executor runs no task groups')
      return
    case 'kill':
      return killRequested(turn, event.taskId, event.graceMs)
    case 'taskStarted':
      return started(turn, event.taskId, event.start)
    case 'taskExited':
      return exited(turn, event.taskId, event.end)
    case 'taskFinished':
      exited(turn, event.taskId, event.end)
      return finish(turn, event.taskId, event.end, event.findings)
    case 'tick':
      for (const task of turn.tasks.values())
        if (turn.nowMs >= taskDeadlineMs(task.phase, turn)) deadlineReached(turn, task)
      return
    case 'subscribing':
    case 'acknowledged':
    case 'updateTaken':
    case 'updateFailed':
      return
  }
}

/** Every task's grace is cut to fit the executor's own, with a rest for the last updates; all at once (E37, E38). */
function stop(turn: Turn, why: string): void {
  if (turn.rest.phase.name === 'stopping') return
  turn.log('info', `stopping: ${why}`)
  const { shutdownGraceMs } = turn.config
  const reserveMs = Math.min(10_000, shutdownGraceMs / 2)
  const deadlineMs = turn.nowMs + shutdownGraceMs - reserveMs / 5
  turn.set({ phase: { name: 'stopping', deadlineMs } })
  for (const task of turn.tasks.values()) {
    if (task.phase.name === 'ended') continue
    const graceMs = killGraceMs(turn, task, task.phase.work)
    kill(turn, task, 'shutdown', Math.min(graceMs, shutdownGraceMs - reserveMs))
  }
}

/** After every event: what is over and acknowledged leaves, what is due is sent. */
function flush(turn: Turn): void {
  for (const task of turn.tasks.values()) {
    if (task.phase.name === 'ended' && task.updates.length === 0) turn.forget(task)
    else if (turn.rest.connection === 'up') {
      const { task: after, send } = deliver(task, turn.nowMs)
      turn.put(after)
      if (send) turn.act(send)
    }
  }
}

/** After every event: the executor leaves when nothing keeps it (E39, E40). */
function settle(turn: Turn): void {
  const { phase, connection, terms, abandoned } = turn.rest
  const open = [...turn.tasks.values()].filter(isOpen)
  switch (phase.name) {
    case 'working':
      if (open.length === 0) turn.set({ phase: { name: 'idle', sinceMs: turn.nowMs } })
      return
    case 'idle':
      if (open.length > 0) turn.set({ phase: { name: 'working' } })
      else if (turn.nowMs >= phase.sinceMs + terms.idleTimeoutMs) exit(turn, 0, 'idle')
      return
    case 'stopping': {
      const alive = open.filter(task => task.phase.name !== 'ended')
      // A lost agent acknowledges nothing any more.
      const over = connection === 'lost' ? alive.length === 0 : open.length === 0
      // Nor does one that itself ends us with our framework or with itself: it ignores what we say, and waits for us (E37).
      if (!over && alive.length === 0 && connection === 'up') {
        const deadlineMs = Math.min(phase.deadlineMs, turn.nowMs + turn.config.lastWordsMs)
        turn.set({ phase: { name: 'stopping', deadlineMs } })
      }
      if (over || turn.nowMs >= phase.deadlineMs)
        exit(turn, alive.length + abandoned === 0 ? 0 : 1, over ? 'all is ended' : 'the time is over')
      return
    }
    case 'sweeping':
    case 'stopped':
      return
  }
}

function exit(turn: Turn, code: number, why: string): void {
  turn.set({ phase: { name: 'stopped' } })
  turn.log('info', `leaving with code ${code}: ${why}`)
  turn.act({ type: 'exit', code })
}
