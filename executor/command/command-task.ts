// A command task: `sh -c command` as a process group in a session of its own, with the task's user and nothing of the
// executor's environment. Ends only when all of its processes are gone. Signals only what belongs to the task.
import { spawn, type ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { pause, within } from '../clock.ts'
import { reasonOf } from '../logger.ts'
import { ownerVariable, taskVariable } from '../types.ts'
import type { RunningTask, TaskContext, TaskEnd, TaskStart } from '../types.ts'
import type { MemoryWatch } from './memory.ts'
import { TaskOutput } from './output.ts'
import type { PipePool } from './pipes.ts'
import { sendSignal } from './proc.ts'
import type { ProcessTable, TaskProcesses } from './processes.ts'
import type { Self, UnixUser } from './users.ts'

export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** How long output is still read once the task's last process is gone. */
const drainMs = 2000
const groupPollMs = 50
const mib = 1024 * 1024

export interface CommandTools {
  /** The executor's owner id (JUICE_OWNER). */
  readonly owner: string
  readonly self: Self
  readonly table: ProcessTable
  readonly memory: MemoryWatch
  readonly pipes: PipePool
  /** Path of util-linux' `setpriv`; without it a user's supplementary groups are left out. */
  readonly setpriv?: string
}

/** Starts at once, as `user`, who must be ourselves where we are not root (Users.resolve sees to that). */
export function startCommandTask(context: TaskContext, user: UnixUser, tools: CommandTools): RunningTask {
  return new CommandTask(context, user, tools)
}

type Phase =
  | { readonly name: 'preparing' }
  | { readonly name: 'running'; readonly pid: number; readonly processes: TaskProcesses }
  | { readonly name: 'over' }

interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

class CommandTask implements RunningTask {
  readonly started: Promise<TaskStart>
  readonly ended: Promise<TaskEnd>

  readonly #context: TaskContext
  readonly #user: UnixUser
  readonly #tools: CommandTools
  readonly #start = Promise.withResolvers<TaskStart>()
  #phase: Phase = { name: 'preparing' }
  #startedAtMs: number | undefined
  /** When KILL follows TERM, monotonic; Infinity until the first kill(). */
  #killAtMs = Infinity
  #cancelKill: () => void = () => undefined
  /** Memory in use when the task was ended for it. */
  #usedBytes: number | undefined

  constructor(context: TaskContext, user: UnixUser, tools: CommandTools) {
    this.#context = context
    this.#user = user
    this.#tools = tools
    this.started = this.#start.promise
    this.ended = this.#run().catch(error =>
      this.#end({
        failure: 'FAILURE_START',
        message: `The command could not be started: ${reasonOf(error)}`,
      }),
    )
  }

  kill(graceMs: number): void {
    const { clock } = this.#context
    const first = this.#killAtMs === Infinity
    this.#killAtMs = Math.min(this.#killAtMs, clock.monotonicMs() + graceMs)
    const phase = this.#phase
    if (phase.name !== 'running') return
    if (first) sendSignal(-phase.pid, 'SIGTERM')
    this.#cancelKill()
    this.#cancelKill = clock.after(this.#killAtMs - clock.monotonicMs(), () => this.#killNow(phase.processes))
  }

  async dispose(): Promise<void> {
    // Nothing is left: `ended` waited for the last process.
  }

  async #run(): Promise<TaskEnd> {
    const { clock, logs, logger, mesosTaskId } = this.#context
    using output = await TaskOutput.open(this.#tools.pipes, this.#user, logs)
    if (this.#killAtMs !== Infinity) return this.#end({})
    const child = this.#spawn(output.writerFds)
    output.closeWriters()
    const exited = exitOf(child)
    if (child.pid === undefined) await exited
    const processes = this.#follow(child.pid!)
    using _watch = disposable(this.#watchMemory(processes))
    const exit = await exited
    const finishedAtMs = clock.wallMs()
    // A shell dies of TERM at once, what it started may still be at its own orderly end: the grace is theirs too.
    while (clock.monotonicMs() < this.#graceEndMs() && (await this.#tools.table.isAlive(processes)))
      await pause(clock, groupPollMs)
    this.#phase = { name: 'over' }
    this.#cancelKill()
    if (!(await this.#tools.table.killAll(processes)))
      logger.error('processes of a task survive SIGKILL', {
        task: mesosTaskId,
        pids: [...processes.known.keys()],
      })
    this.#tools.table.remove(processes)
    await within(clock, drainMs, output.drained, undefined)
    return this.#end({ ...this.#explain(exit), finishedAtMs })
  }

  #spawn(writerFds: [number, number]): ChildProcess {
    const { payload, sandboxDir, mesosTaskId } = this.#context
    const { self, owner, setpriv } = this.#tools
    const { uid, gid, groups, name } = this.#user
    const isSelf = uid === self.uid && gid === self.gid
    const shell = ['/bin/sh', '-c', payload.command ?? '']
    // Node (libuv) drops every supplementary group with the uid; a user that has some of its own gets them by setpriv.
    const bySetpriv = !isSelf && groups.length > 0 && setpriv !== undefined
    const ids = [`--reuid=${uid}`, `--regid=${gid}`, `--groups=${groups.join(',')}`, '--']
    const [file, ...args] = bySetpriv ? [setpriv, ...ids, ...shell] : shell
    return spawn(file!, args, {
      ...(isSelf || bySetpriv ? {} : { uid, gid }),
      cwd: sandboxDir,
      detached: true,
      stdio: ['ignore', ...writerFds],
      env: {
        PATH: defaultPath,
        HOME: sandboxDir,
        USER: name,
        LOGNAME: name,
        PWD: sandboxDir,
        ...this.#context.env,
        [ownerVariable]: owner,
        [taskVariable]: mesosTaskId,
      },
    })
  }

  #follow(pid: number): TaskProcesses {
    const processes = this.#tools.table.add(this.#context.mesosTaskId, pid)
    this.#phase = { name: 'running', pid, processes }
    this.#startedAtMs = this.#context.clock.wallMs()
    this.#start.resolve({ startedAtMs: this.#startedAtMs })
    return processes
  }

  #watchMemory(processes: TaskProcesses): () => void {
    const limitBytes = (this.#context.payload.memMb ?? 0) * mib
    if (limitBytes === 0) return () => undefined
    return this.#tools.memory.watch(processes, limitBytes, usedBytes => {
      this.#usedBytes = usedBytes
      this.#killAtMs = this.#context.clock.monotonicMs()
      this.#killNow(processes)
    })
  }

  /** Only a task that was told to end has a grace. */
  #graceEndMs(): number {
    return this.#killAtMs === Infinity ? 0 : this.#killAtMs
  }

  #killNow(processes: TaskProcesses): void {
    if (this.#phase.name === 'running') sendSignal(-this.#phase.pid, 'SIGKILL')
    void this.#tools.table.killAll(processes)
  }

  #explain(exit: Exit): Partial<TaskEnd> {
    const how = {
      ...(exit.code === null ? {} : { exitCode: exit.code }),
      ...(exit.signal === null ? {} : { signal: constants.signals[exit.signal] }),
    }
    if (this.#usedBytes === undefined) return how
    const usedMb = Math.ceil(this.#usedBytes / mib)
    const message = `Out of memory: the task used ${usedMb} MB, its limit is ${this.#context.payload.memMb} MB`
    return { ...how, oom: true, failure: 'FAILURE_OOM', message }
  }

  #end(end: Partial<TaskEnd>): TaskEnd {
    this.#phase = { name: 'over' }
    return {
      oom: false,
      finishedAtMs: this.#context.clock.wallMs(),
      ...(this.#startedAtMs === undefined ? {} : { startedAtMs: this.#startedAtMs }),
      ...end,
    }
  }
}

/** Rejects where the program could not be executed at all. */
function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
}

function disposable(end: () => void): Disposable {
  return { [Symbol.dispose]: end }
}
