// The moves of one task, as the table in machine.ts has them. Pure; each writes to the turn that it is given.
import type { TaskInfo } from 'mesos-http-client'
import type { TaskEnd, TaskStart } from '../types.ts'
import type { Findings, Kill, State, Task, TaskPhase, Work } from './state.ts'
import { endLabels, endOutcome, judge } from './status.ts'
import type { Turn } from './turn.ts'
import { durationMs, readPayload } from './work.ts'

export function launch(turn: Turn, info: TaskInfo): void {
  const id = info.task_id.value
  if (turn.knows(id)) return turn.log('warn', 'a repeated LAUNCH starts nothing', id)
  if (turn.rest.phase.name === 'stopping') return refuse(turn, info, 'The executor is leaving')
  const read = readPayload(info)
  if ('problem' in read) return refuse(turn, info, read.problem)
  const limitMs = durationMs(info.max_completion_time) ?? Infinity
  const work: Work = { payload: read.payload, limitMs, deadlineMs: turn.nowMs + limitMs }
  turn.put({ id, info, phase: { name: 'waiting', work }, updates: [], confirmed: false })
  if (turn.rest.phase.name !== 'sweeping') prepare(turn, id)
}

/** What can't be understood starts nothing, and is told so. */
export function refuse(turn: Turn, info: TaskInfo, problem: string): void {
  const id = info.task_id.value
  if (turn.knows(id)) return
  turn.log('error', `refused: ${problem}`, id)
  turn.put({ id, info, phase: { name: 'ended' }, updates: [], confirmed: false })
  turn.tell(id, { state: 'TASK_FAILED', message: problem, outcome: { failure: 'FAILURE_EXECUTOR' } })
}

/** STARTING says that the start sweep is over, too. */
export function prepare(turn: Turn, id: string): void {
  const task = turn.tasks.get(id)
  if (task?.phase.name !== 'waiting' || !task.info) return
  const { work } = task.phase
  turn.put({ ...task, phase: { name: 'preparing', work } })
  turn.tell(id, { state: 'TASK_STARTING' })
  turn.act({ type: 'start', task: task.info, payload: work.payload })
}

export function started(turn: Turn, id: string, start: TaskStart): void {
  const task = turn.tasks.get(id)
  // A kill is told already; RUNNING after KILLING would look like a way back.
  if (task?.phase.name === 'killing') return turn.put({ ...task, phase: { ...task.phase, start } })
  if (task?.phase.name !== 'preparing') return
  turn.put({ ...task, phase: { name: 'running', start, work: fromStart(turn, task.phase.work) } })
  const { containerId, startedAtMs } = start
  turn.tell(id, {
    state: 'TASK_RUNNING',
    outcome: { startedAtMs: Math.round(startedAtMs), ...(containerId ? { containerId } : {}) },
  })
}

/** Mesos' own limit counts from LAUNCH (E29), the task's from its start: the earlier one ends it. */
function fromStart(turn: Turn, work: Work): Work {
  const limitMs = work.payload.maxRuntimeMs || Infinity
  const deadlineMs = turn.nowMs + limitMs
  return deadlineMs < work.deadlineMs ? { ...work, limitMs, deadlineMs } : work
}

export function killRequested(turn: Turn, id: string, graceMs: number | undefined): void {
  const task = turn.tasks.get(id)
  if (task) return kill(turn, task, 'requested', graceMs)
  if (turn.knows(id)) return turn.log('info', 'KILL of a task that ended before', id)
  // Its LAUNCH was lost on the way (E36): the agent must hear an end, once (E28).
  turn.log('warn', 'KILL of a task that was never launched here', id)
  turn.put({ id, phase: { name: 'ended' }, updates: [], confirmed: false })
  turn.tell(id, { state: 'TASK_KILLED', message: 'Killed on request; it never started here' })
}

export function kill(turn: Turn, task: Task, cause: Kill['cause'], askedMs?: number): void {
  const { phase } = task
  if (phase.name === 'finishing' || phase.name === 'ended') return
  const graceMs = askedMs ?? killGraceMs(turn, task, phase.work)
  const graceEndsMs = turn.nowMs + graceMs
  if (phase.name === 'waiting') {
    turn.put({ ...task, phase: { name: 'killing', work: phase.work, kill: { cause, graceEndsMs } } })
    return finish(turn, task.id, { oom: false, finishedAtMs: turn.around.wallMs }, {})
  }
  if (phase.name === 'killing') {
    if (graceEndsMs >= phase.kill.graceEndsMs) return
    turn.put({ ...task, phase: { ...phase, kill: { ...phase.kill, graceEndsMs } } })
  } else {
    turn.put({ ...task, phase: { ...phase, name: 'killing', kill: { cause, graceEndsMs } } })
    // A task that ran too long fails: nobody asked for its kill. (E17 for the rest.)
    if (turn.rest.terms.killingState && cause !== 'max_runtime') turn.tell(task.id, { state: 'TASK_KILLING' })
  }
  turn.act({ type: 'kill', taskId: task.id, graceMs })
}

/** E27, but for what KILL itself names. */
export function killGraceMs(turn: Turn, task: Task, { payload }: Work): number {
  return (
    durationMs(task.info?.kill_policy?.grace_period) ?? payload.killGraceMs ?? turn.config.defaultKillGraceMs
  )
}

export function exited(turn: Turn, id: string, end: TaskEnd): void {
  const task = turn.tasks.get(id)
  const phase = task?.phase
  if (phase?.name !== 'preparing' && phase?.name !== 'running' && phase?.name !== 'killing') return
  const giveUpMs = turn.nowMs + turn.config.finishPatienceMs
  turn.put({ ...task!, phase: { ...phase, name: 'finishing', end, giveUpMs } })
}

/** The one place that makes the terminal update of a task that was started. */
export function finish(turn: Turn, id: string, end: TaskEnd, findings: Findings): void {
  const task = turn.tasks.get(id)
  if (task?.phase.name !== 'killing' && task?.phase.name !== 'finishing') return
  const { work, kill: killed, start } = task.phase
  const whole: TaskEnd = { ...start, ...end }
  const verdict = judge(whole, killed, work)
  turn.put({ ...task, phase: { name: 'ended' } })
  const { failure: _, ...told } = verdict
  turn.tell(id, { ...told, labels: endLabels(whole), outcome: endOutcome(whole, verdict, findings) })
}

export function taskDeadlineMs(phase: TaskPhase, { config }: Pick<State, 'config'>): number {
  switch (phase.name) {
    case 'waiting':
    case 'preparing':
    case 'running':
      return phase.work.deadlineMs
    case 'killing':
      return phase.kill.graceEndsMs + config.killPatienceMs
    case 'finishing':
      return phase.giveUpMs
    case 'ended':
      return Infinity
  }
}

export function deadlineReached(turn: Turn, task: Task): void {
  const { phase } = task
  if (phase.name === 'finishing') finish(turn, task.id, phase.end, {})
  else if (phase.name === 'killing') giveUp(turn, task.id, phase.work)
  else kill(turn, task, 'max_runtime')
}

/** Killed long ago and still not gone: said, never passed over in silence (E43). */
function giveUp(turn: Turn, id: string, { payload }: Work): void {
  turn.log('error', 'a killed task does not end; something of it may still run', id)
  turn.set({ abandoned: turn.rest.abandoned + 1 })
  const end: TaskEnd = {
    oom: false,
    finishedAtMs: turn.around.wallMs,
    failure: payload.image ? 'FAILURE_ENGINE' : 'FAILURE_EXECUTOR',
    message: 'It was killed but does not end; something of it may still run',
  }
  finish(turn, id, end, {})
}
