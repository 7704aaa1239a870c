// The life of a task, as one table: state × event → what follows. Pure; time comes in; the store carries the effects out.
// Illegal pairs are rejected with a reason. What an attempt does that is not current changes nothing (invariant 3).
import {
  addCaveat,
  conclude,
  endWaiting,
  finish,
  update as change,
  verdictOn,
  waited,
  without,
} from './endings.ts'
import type { Effect, EventType, Ignored, Rejected, TaskEvent, Waits } from './effects.ts'
import { fold, settled } from './observe.ts'
import { outOfSight, returned, since } from './returned.ts'
import { type Attempt, isTerminal, launchableAt, type TaskCore, type TaskState } from './task.ts'
import { executorDied, isAlive, type MesosUpdate, type UpdateKind, updateKind } from './update.ts'

interface Situation {
  readonly task: TaskCore
  /** The one that the event is about: for the states LAUNCHING and RUNNING, the current one. */
  readonly attempt: Attempt | undefined
  readonly now: Date
  readonly waits: Waits
}

interface Launched extends Situation {
  readonly attempt: Attempt
}

interface UpdateEvent {
  readonly type: UpdateKind
  readonly update: MesosUpdate
}

type Cell<E extends EventType> = (situation: Launched, event: TaskEvent<E>) => Effect
type Row<E extends EventType> = Readonly<Record<TaskState, Cell<E>>>

function row<E extends EventType>(
  blocked: Cell<E>,
  queued: Cell<E>,
  launching: Cell<E>,
  running: Cell<E>,
): Row<E> {
  return {
    BLOCKED: blocked,
    QUEUED: queued,
    LAUNCHING: launching,
    RUNNING: running,
    FINISHED: final,
    FAILED: final,
    KILLED: final,
    EXPIRED: final,
    ERROR: final,
  }
}

// prettier-ignore
const table: { readonly [E in EventType]: Row<E> } = {
  //                   BLOCKED     QUEUED      LAUNCHING   RUNNING      (terminal states: final)
  launch:         row(illegal,    launch,     illegal,    illegal),
  withdraw:       row(illegal,    illegal,    withdraw,   illegal),
  kill:           row(killed,     killed,     askForEnd,  askForEnd),
  queueTimeout:   row(expire,     expire,     illegal,    illegal),
  overrun:        row(illegal,    illegal,    illegal,    overrun),
  settleTimeout:  row(illegal,    illegal,    settle,     settle),
  released:       row(illegal,    release,    illegal,    illegal),
  forsaken:       row(illegal,    illegal,    forsake,    forsake),
  // Updates of the current attempt
  alive:          row(illegal,    illegal,    observe,    observe),
  running:        row(illegal,    illegal,    start,      observe),
  finished:       row(illegal,    illegal,    succeed,    succeed),
  failed:         row(illegal,    illegal,    fail,       fail),
  killed:         row(illegal,    illegal,    fail,       fail),
  error:          row(illegal,    illegal,    fail,       fail),
  nothingRuns:    row(illegal,    illegal,    fail,       fail),
  goneByOperator: row(illegal,    illegal,    giveUp,     giveUp),
  away:           row(illegal,    illegal,    doubt,      doubt),
  unknown:        row(ignore,     ignore,     ignore,     ignore),
}

/**
 * What follows from an event. For updates, `attempt` is the one that they are about, for other events the current one.
 * Never throws for a task that is consistent; a LAUNCHING or RUNNING task without its current attempt is rejected.
 */
export function transition<E extends EventType>(
  task: TaskCore,
  attempt: Attempt | undefined,
  event: TaskEvent<E>,
  now: Date,
  waits: Waits,
): Effect {
  const type: E = event.type
  const current = attempt && attempt.number === task.attempt && !attempt.finishedAt
  const situation = { task, attempt, now, waits }
  if ('update' in event) {
    const kill = isAlive(updateKind(event.update))
    if (isTerminal(task.state)) return ignored(`${task.state} is final`, kill)
    if (!current) {
      const back = attempt && returned(task, attempt, event.update, now)
      return back
        ? since(task, transition(back.task, back.attempt, event, now, waits))
        : ignored('not the current attempt', kill)
    }
  } else if ((task.state === 'LAUNCHING' || task.state === 'RUNNING') && !current) {
    return rejected(`${task.state} without a current attempt`)
  }
  const cell: Cell<E> = table[type][task.state]
  // A cell reads the attempt only in the two states for which it was just checked.
  return cell(situation as Launched, event)
}

function illegal({ task }: Situation, event: TaskEvent): Rejected {
  return rejected(`${event.type} cannot happen to a task that is ${task.state}`)
}

function final({ task }: Situation): Ignored {
  return ignored(`${task.state} is final`, false)
}

function ignore(_: Situation, event: TaskEvent): Ignored {
  return ignored(`${event.type} means nothing to us`, false)
}

function launch({ task, now }: Situation, { intent }: TaskEvent<'launch'>): Effect {
  if (intent.attempt !== task.attempt + 1) return rejected(`attempt ${intent.attempt} is not the next one`)
  const notBefore = launchableAt(task)
  if (notBefore && notBefore > now) return rejected(`not before ${notBefore.toISOString()}`)
  const { attempt: number, ...place } = intent
  const attempt: Attempt = { number, ...place, state: 'INTENT', launchedAt: now }
  const doubt = `The container of attempt ${task.attempt} may have run on: a second run could not be excluded`
  const launched: TaskCore = {
    ...without(task, 'queuedAt', 'notBefore', 'hold'),
    state: 'LAUNCHING',
    attempt: number,
    waitedMs: waited(task, now),
    ...(task.hold ? { caveat: addCaveat(task.caveat, doubt) } : {}),
  }
  return change(task, launched, attempt)
}

function withdraw({ task, attempt, now }: Launched, { message }: TaskEvent<'withdraw'>): Effect {
  if (attempt.state !== 'INTENT') return rejected(`Mesos knows it: ${attempt.state}`)
  const fault = { name: 'NOT_SENT', cap: 20, beyond: 'counted' } as const
  const ending = { verdict: { blame: 'mesos', retry: 'free', fault }, cause: message } as const
  return conclude(task, { ...attempt, finishedAt: now }, ending, now)
}

function killed({ task, now }: Situation): Effect {
  const when = task.attempt === 0 ? 'before it ran' : `before attempt ${task.attempt + 1}`
  return endWaiting({ ...task, killRequestedAt: now }, 'KILLED', `Killed ${when}`, now)
}

function askForEnd({ task, now }: Situation): Effect {
  if (task.killRequestedAt) return ignored('already asked for', false)
  return change(task, { ...task, killRequestedAt: now }, undefined)
}

function expire({ task, now }: Situation, event: TaskEvent<'queueTimeout'>): Effect {
  const why = event.why === undefined ? '' : `: ${event.why}`
  const message = `Waited longer than maxQueueSeconds (${task.spec.maxQueueSeconds})${why}`
  return endWaiting(
    task,
    'EXPIRED',
    task.message === undefined ? message : `${message}. ${task.message}`,
    now,
  )
}

function overrun({ task, now }: Situation): Effect {
  if (task.overranAt) return ignored('being ended already', false)
  const message = `Ran longer than maxRuntimeSeconds (${task.spec.maxRuntimeSeconds}); being killed`
  return change(task, { ...task, overranAt: now, message }, undefined)
}

function release({ task }: Situation): Effect {
  if (!task.hold) return ignored('nothing holds it back', false)
  const message = `Attempt ${task.attempt} lost its executor; its container is known to be gone`
  return change(task, { ...without(task, 'hold'), message }, undefined)
}

/** Nothing more is heard of it, and it can't be killed: it may run on for as long as it likes (S16). */
function forsake({ task, attempt, now }: Launched, { why }: TaskEvent<'forsaken'>): Effect {
  const fault = { name: 'FRAMEWORK_FORSAKEN', cap: 20, beyond: 'counted' } as const
  const lost = { ...without(attempt, 'unsettledSince', 'reason'), state: 'TASK_LOST', lastUpdateAt: now }
  const ending = {
    verdict: { blame: 'mesos', retry: 'free', fault },
    cause: why,
    caveat: `Attempt ${attempt.number} was on ${attempt.hostname}, and was given up (${why}): a second run could not be excluded`,
    forsaken: true,
  } as const
  return conclude(task, { ...lost, finishedAt: now }, ending, now)
}

function observe({ task, attempt, now }: Launched, { update }: UpdateEvent): Effect {
  const seen = fold(attempt, update, now)
  if (!seen) return ignored('nothing new', false)
  const known = attempt.unsettledSince ? without(task, 'message') : task
  return change(task, { ...known, ...startOf(seen) }, seen)
}

function start({ task, attempt, now }: Launched, { update }: UpdateEvent): Effect {
  const seen = fold(attempt, update, now) ?? attempt
  return change(task, { ...task, state: 'RUNNING', startedAt: seen.startedAt ?? now }, seen)
}

function succeed(situation: Launched, event: UpdateEvent): Effect {
  const { update } = event
  if (update.isReconciliation) return doubt(situation, event)
  const { task, attempt, now } = situation
  const over = settled(attempt, update, now)
  return finish({ ...task, ...startOf(over) }, over, update.report, now)
}

function fail(situation: Launched, event: UpdateEvent): Effect {
  const { update } = event
  const reported = update.state === 'TASK_FAILED' || update.state === 'TASK_KILLED'
  if (update.isReconciliation && reported) return doubt(situation, event)
  const { task, attempt, now, waits } = situation
  const begun = attempt.state !== 'INTENT' && attempt.state !== 'TASK_STAGING'
  const lost = executorDied(update, begun) && !update.containersGone
  const over = settled(attempt, update, now)
  const hold = {
    agentId: attempt.agentId,
    executorId: attempt.executorId,
    generation: update.nextGeneration,
    until: new Date(now.getTime() + waits.orphanWaitMs),
  }
  const { resultJson } = update.report ?? {}
  return conclude(
    { ...task, ...startOf(over) },
    over,
    {
      verdict: verdictOn(task, update),
      cause: causeOf(task, update),
      ...(lost ? { hold } : {}),
      ...(resultJson === undefined ? {} : { resultJson }),
    },
    now,
  )
}

/** Somebody promised that the agent does not come back: no wait, but the record says what that rests on. */
function giveUp({ task, attempt, now }: Launched, { update }: UpdateEvent): Effect {
  const caveat = `Attempt ${attempt.number} was on ${attempt.hostname}, which the operator declared gone: a second run could not be excluded`
  const ending = { verdict: verdictOn(task, update), cause: causeOf(task, update), caveat }
  return conclude(task, settled(attempt, update, now), ending, now)
}

/** Not the last word: the attempt stays current until a better one comes, or its wait is over. */
function doubt({ task, attempt, now }: Launched, { update }: UpdateEvent): Effect {
  if (attempt.unsettledSince && attempt.state === update.state) return ignored('nothing new', false)
  const { reason } = update
  const unsettled: Attempt = {
    ...without(attempt, 'reason'),
    state: update.state,
    ...(reason === undefined ? {} : { reason }),
    unsettledSince: attempt.unsettledSince ?? now,
    lastUpdateAt: now,
  }
  return change(task, { ...task, message: causeOf(task, update) }, unsettled)
}

function settle(situation: Launched): Effect {
  const { task, attempt, now } = situation
  if (!attempt.unsettledSince) return rejected('its state is settled')
  const { state, reason } = attempt
  const last: MesosUpdate = {
    state,
    ...(reason === undefined ? {} : { reason }),
    isReconciliation: false,
    containersGone: false,
    aloneInExecutor: false,
    nextGeneration: attempt.executorGeneration + 1,
  }
  const over = { ...without(attempt, 'unsettledSince'), finishedAt: now }
  if (updateKind(last) === 'finished') return finish(task, over, undefined, now)
  const verdict = verdictOn(task, last)
  if (updateKind(last) !== 'away') {
    return conclude(task, over, { verdict, cause: `${causeOf(task, last)}, without details` }, now)
  }
  return conclude(task, over, { verdict, cause: causeOf(task, last), caveat: outOfSight(attempt) }, now)
}

function startOf(attempt: Attempt): { readonly startedAt?: Date } {
  return attempt.startedAt ? { startedAt: attempt.startedAt } : {}
}

/** Our executor's sentence stands alone; Mesos' own comes with its words, since people search for these. */
function causeOf(task: TaskCore, { state, reason, message, source }: MesosUpdate): string {
  if (task.overranAt && state === 'TASK_KILLED') {
    return `Ran longer than maxRuntimeSeconds (${task.spec.maxRuntimeSeconds})`
  }
  if (source === 'EXECUTOR' && message) return message
  return `${state}${reason === undefined ? '' : ` (${reason})`}${message ? `: ${message}` : ''}`
}

function ignored(why: string, kill: boolean): Ignored {
  return { kind: 'ignore', why, kill }
}

function rejected(why: string): Rejected {
  return { kind: 'reject', why }
}
