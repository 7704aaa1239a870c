// Which processes belong to which command task. A process may leave its parent, its group and its session, and may
// even overwrite its environment in memory; so it is known by any of: the marker variables that it inherited, a parent
// or a session that is known already. Sends signals to those processes only.
import { ownerVariable, taskVariable, type Clock } from '../types.ts'
import { pause } from '../clock.ts'
import {
  listProcesses,
  readChildren,
  readProcess,
  readVariables,
  sendSignal,
  type ProcessInfo,
} from './proc.ts'

/** Rounds of killing; what survives so many is beyond signals (uninterruptible sleep). */
const killRounds = 60
const killPauseMs = 50

const ownSession = readProcess(process.pid)?.session

export class TaskProcesses {
  readonly mesosTaskId: string
  /** pid → start ticks */
  readonly known = new Map<number, number>()
  readonly sessions = new Set<number>()

  constructor(mesosTaskId: string) {
    this.mesosTaskId = mesosTaskId
  }

  has(info: ProcessInfo): boolean {
    return this.known.get(info.pid) === info.startTicks
  }

  add(info: ProcessInfo): void {
    this.known.set(info.pid, info.startTicks)
    // 0 is shown for every session of another pid namespace: it is nobody's.
    if (info.session !== 0 && info.session !== ownSession) this.sessions.add(info.session)
  }
}

export class ProcessTable {
  readonly #owner: string
  readonly #clock: Clock
  readonly #tasks = new Map<string, TaskProcesses>()
  /** Processes whose environment was looked at: pid → start ticks and the task that it names, if any. */
  #looked = new Map<number, { startTicks: number; task: string | undefined }>()
  #scan: Promise<void> | undefined
  #nextScanMs = 0

  constructor(o: { readonly owner: string; readonly clock: Clock }) {
    this.#owner = o.owner
    this.#clock = o.clock
  }

  /** Begins to follow a task whose first process leads a session of its own. */
  add(mesosTaskId: string, pid: number): TaskProcesses {
    const task = new TaskProcesses(mesosTaskId)
    const first = readProcess(pid)
    if (first) task.add({ ...first, session: pid })
    task.sessions.add(pid)
    this.#tasks.set(mesosTaskId, task)
    return task
  }

  remove(task: TaskProcesses): void {
    this.#tasks.delete(task.mesosTaskId)
  }

  /**
   * One look at all processes, for all who ask before it begins: many tasks that end together cost one. Looks take at most
   * a quarter of the time.
   */
  refresh(): Promise<void> {
    return (this.#scan ??= this.#scanSoon())
  }

  async #scanSoon(): Promise<void> {
    const waitMs = this.#nextScanMs - this.#clock.monotonicMs()
    if (waitMs > 0) await pause(this.#clock, waitMs)
    else await Promise.resolve()
    this.#scan = undefined
    this.refreshNow()
  }

  refreshNow(): void {
    const beganMs = this.#clock.monotonicMs()
    const processes = listProcesses()
    const children = Map.groupBy(processes, info => info.ppid)
    const marked = this.#readMarkers(processes)
    for (const task of this.#tasks.values()) spread(task, processes, children, marked)
    const endedMs = this.#clock.monotonicMs()
    this.#nextScanMs = endedMs + 3 * (endedMs - beganMs)
  }

  /** Adds what a task's known processes have begotten since. Cheap, and not all: the next look at all finds the rest. */
  descend(task: TaskProcesses): void {
    const parents = [...task.known.keys()]
    for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
      for (const pid of readChildren(parent)) {
        const info = task.known.has(pid) ? undefined : readProcess(pid)
        if (!info) continue
        task.add(info)
        parents.push(pid)
      }
    }
  }

  async isAlive(task: TaskProcesses): Promise<boolean> {
    await this.refresh()
    return task.known.size > 0
  }

  /** KILL to all of a task's processes until none is left; false where some can't be killed. */
  async killAll(task: TaskProcesses): Promise<boolean> {
    for (let round = 0; round < killRounds; round++) {
      if (!(await this.isAlive(task))) return true
      for (const pid of task.known.keys()) sendSignal(pid, 'SIGKILL')
      if (round > 0) await pause(this.#clock, killPauseMs)
    }
    return false
  }

  /** A process inherits its parent's environment before it has one of its own, so one look at each is enough. */
  #readMarkers(processes: readonly ProcessInfo[]): Map<number, string | undefined> {
    const looked = new Map<number, { startTicks: number; task: string | undefined }>()
    for (const { pid, startTicks } of processes) {
      const before = this.#looked.get(pid)
      looked.set(
        pid,
        before?.startTicks === startTicks ? before : { startTicks, task: markedTask(pid, this.#owner) },
      )
    }
    this.#looked = looked
    return new Map([...looked].map(([pid, { task }]) => [pid, task]))
  }
}

/** Brings `task.known` up to date: what is alive of it, and what it has begotten since. */
function spread(
  task: TaskProcesses,
  processes: readonly ProcessInfo[],
  children: ReadonlyMap<number, readonly ProcessInfo[]>,
  marked: ReadonlyMap<number, string | undefined>,
): void {
  const found = processes.filter(
    info => task.has(info) || task.sessions.has(info.session) || marked.get(info.pid) === task.mesosTaskId,
  )
  task.known.clear()
  for (let info = found.pop(); info; info = found.pop()) {
    if (task.has(info)) continue
    task.add(info)
    found.push(...(children.get(info.pid) ?? []))
  }
}

function markedTask(pid: number, owner: string): string | undefined {
  const [foundOwner, task] = readVariables(pid, [ownerVariable, taskVariable])
  return foundOwner === owner ? task : undefined
}

export interface MarkedProcess extends ProcessInfo {
  readonly owner: string
}

/**
 * Every process that belongs to a command task of any executor. Read again once it is known to be marked: one that was
 * just being started was still in the session of whoever starts it.
 */
function markedProcesses(processes: readonly ProcessInfo[]): MarkedProcess[] {
  return processes.flatMap(({ pid, startTicks }) => {
    const [owner, task] = readVariables(pid, [ownerVariable, taskVariable])
    if (owner === undefined || task === undefined) return []
    const info = readProcess(pid)
    return info?.startTicks === startTicks ? [{ ...info, owner }] : []
  })
}

/** Sessions whose leader lives and is none of `picked`: they are somebody else's, whatever else is in them. */
function ledByOthers(processes: readonly ProcessInfo[], picked: TaskProcesses): Set<number> {
  const leaders = processes.filter(info => info.pid === info.session && !picked.has(info))
  return new Set(leaders.map(({ pid }) => pid))
}

/**
 * KILL to every marked process that `isOurs` picks, and to what shares its session or descends from it, until none is
 * left. @returns how many were met, and whether all of them are gone.
 */
export async function killMarked(
  isOurs: (marked: MarkedProcess) => Promise<boolean>,
  clock: Clock,
): Promise<{ readonly met: number; readonly gone: boolean }> {
  const met = new Set<string>()
  for (let round = 0; round < killRounds; round++) {
    const processes = listProcesses()
    const task = new TaskProcesses('')
    for (const marked of markedProcesses(processes)) if (await isOurs(marked)) task.add(marked)
    for (const session of ledByOthers(processes, task)) task.sessions.delete(session)
    spread(
      task,
      processes,
      Map.groupBy(processes, info => info.ppid),
      new Map(),
    )
    task.known.delete(process.pid)
    if (task.known.size === 0) return { met: met.size, gone: true }
    for (const [pid, startTicks] of task.known) {
      met.add(`${pid} ${startTicks}`)
      sendSignal(pid, 'SIGKILL')
    }
    await pause(clock, killPauseMs)
  }
  return { met: met.size, gone: false }
}
