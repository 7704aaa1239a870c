// Operating-system processes: starting an executor in a session of its own, watching it, killing its whole tree.
// One ProcessHost outlives its agents' restarts, as a machine does.
import { spawn } from 'node:child_process'
import { openSync, closeSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { Clock, Timer } from '../core/clock.ts'

export interface ProcessSpec {
  readonly file: string
  readonly args: readonly string[]
  readonly argv0?: string
  readonly environment: Readonly<Record<string, string>>
  readonly directory: string
  readonly stdout: string
  readonly stderr: string
  /** Switched to only where this process runs as root. */
  readonly user?: { readonly uid: number; readonly gid: number }
}

interface Watched {
  readonly pid: number
  readonly startTime: string
  status: number | undefined
  poll: Timer | undefined
  listeners: ((status: number) => void)[]
}

interface Stat {
  readonly pid: number
  readonly state: string
  readonly parent: number
  readonly group: number
  readonly session: number
  readonly startTime: string
}

/** How often a process that is not our child is looked at. */
const pollMs = 100
/** The same at the very end. */
const killPollMs = 5

export class ProcessHost {
  readonly #clock: Clock
  readonly #watched = new Map<number, Watched>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Starts a process as leader of a new session. Throws where it cannot be started. */
  async start(spec: ProcessSpec): Promise<number> {
    const stdout = openSync(spec.stdout, 'a')
    const stderr = openSync(spec.stderr, 'a')
    try {
      const child = spawn(spec.file, [...spec.args], {
        cwd: spec.directory,
        env: spec.environment,
        detached: true,
        stdio: ['ignore', stdout, stderr],
        ...(spec.argv0 !== undefined && { argv0: spec.argv0 }),
        ...(process.getuid?.() === 0 && spec.user !== undefined && spec.user),
      })
      const { promise, resolve, reject } = Promise.withResolvers<number>()
      child.once('error', reject)
      child.once('spawn', () => resolve(child.pid ?? 0))
      child.once('exit', (code, signal) => this.#exited(child.pid ?? 0, rawStatus(code, signal)))
      child.unref()
      const pid = await promise
      this.#watch(pid)
      return pid
    } finally {
      closeSync(stdout)
      closeSync(stderr)
    }
  }

  /**
   * Calls back once with the raw wait status, at once if the process has ended. A pid of an earlier life of this
   * program is polled; its status is then 0, since nobody can know it.
   */
  onExit(pid: number, startTime: string | undefined, listener: (status: number) => void): void {
    const watched = this.#watched.get(pid) ?? this.#adopt(pid, startTime)
    if (watched.status !== undefined) listener(watched.status)
    else watched.listeners.push(listener)
  }

  /** When the kernel says that it started: tells a process from a later one with the same pid. */
  startTime(pid: number): string | undefined {
    return this.#watched.get(pid)?.startTime ?? stat(pid)?.startTime
  }

  /**
   * Kills a process, everything in its session and groups, and all their descendants, also when the leader itself
   * has gone already. Stops them first, so that none escapes by forking.
   */
  killTree(leader: number): void {
    const found = new Set<number>()
    const startTime = this.#watched.get(leader)?.startTime ?? ''
    for (;;) {
      // A process that has the pid of an ended leader by now is none of ours.
      const fresh = family(leader, found).filter(pid => pid !== leader || lives(pid, startTime, undefined))
      if (fresh.length === 0) break
      for (const pid of fresh) {
        found.add(pid)
        signal(pid, 'SIGSTOP')
      }
    }
    for (const pid of found) signal(pid, 'SIGKILL')
    for (const pid of found) signal(pid, 'SIGCONT')
  }

  /** A signal for the leader's whole process group; one that has gone is fine. */
  signalGroup(leader: number, name: NodeJS.Signals): void {
    signal(-leader, name)
  }

  /** Kills every tree that was started or taken up here and still lives; resolves when the leaders have ended. */
  async killAll(): Promise<void> {
    for (const { pid, status } of this.#watched.values()) if (status === undefined) this.killTree(pid)
    // A reference, unlike the timers of a clock: the program must not end before its executors have.
    while ([...this.#watched.values()].some(({ pid, startTime, status }) => lives(pid, startTime, status))) {
      await setTimeout(killPollMs)
    }
    for (const { poll } of this.#watched.values()) poll?.cancel()
  }

  #watch(pid: number): void {
    const known = this.#watched.get(pid)
    if (known !== undefined) return
    this.#watched.set(pid, {
      pid,
      startTime: stat(pid)?.startTime ?? '',
      status: undefined,
      poll: undefined,
      listeners: [],
    })
  }

  #adopt(pid: number, startTime: string | undefined): Watched {
    const watched: Watched = {
      pid,
      startTime: startTime ?? '',
      status: undefined,
      poll: undefined,
      listeners: [],
    }
    this.#watched.set(pid, watched)
    const look = (): void => {
      if (lives(pid, watched.startTime, watched.status)) {
        watched.poll = this.#clock.after(pollMs, look)
      } else this.#exited(pid, 0)
    }
    look()
    return watched
  }

  #exited(pid: number, status: number): void {
    this.#watch(pid)
    const watched = this.#watched.get(pid)
    if (watched === undefined || watched.status !== undefined) return
    watched.status = status
    watched.poll?.cancel()
    const listeners = watched.listeners
    watched.listeners = []
    for (const listener of listeners) listener(status)
  }
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
}

/** As waitpid(2) gives it: exit code in the second byte, or the signal. */
function rawStatus(code: number | null, signalName: NodeJS.Signals | null): number {
  if (signalName !== null) return signalNumbers[signalName] ?? 1
  return (code ?? 0) << 8
}

function lives(pid: number, startTime: string, status: number | undefined): boolean {
  const now = status === undefined ? stat(pid) : undefined
  return now !== undefined && now.state !== 'Z' && (startTime === '' || now.startTime === startTime)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It is gone already.
  }
}

function stat(pid: number): Stat | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return undefined
  }
  // The name in parentheses may hold anything, so fields count from the last closing one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return {
    pid,
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTime: fields[19] ?? '',
  }
}

/** When the kernel says that a process started; undefined once it is gone. */
export function startTimeOf(pid: number): string | undefined {
  return stat(pid)?.startTime
}

/** Processes that belong to the leader's session, groups or descendants and are not in `known` yet. */
export function family(leader: number, known: ReadonlySet<number>): number[] {
  const all = readdirSync('/proc').flatMap(name => (/^\d+$/.test(name) ? (stat(Number(name)) ?? []) : []))
  const members = new Set([leader, ...known])
  const groups = new Set([leader])
  for (let grown = true; grown;) {
    grown = false
    for (const one of all) {
      if (members.has(one.pid) && one.pid !== leader) groups.add(one.group)
      if (members.has(one.pid)) continue
      if (one.session === leader || groups.has(one.group) || members.has(one.parent)) {
        members.add(one.pid)
        grown = true
      }
    }
  }
  return all
    .filter(one => members.has(one.pid) && !known.has(one.pid) && one.state !== 'Z')
    .map(one => one.pid)
}
