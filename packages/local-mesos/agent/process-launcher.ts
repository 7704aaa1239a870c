// Starts custom executors as processes: sandbox, URIs, environment, user, session; destroys them with their trees.
import { chownSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { FrameworkInfo, TaskInfo } from 'mesos-http-client'
import { errorText, type Log } from '../core/log.ts'
import type { ContainerEnd, LaunchEvents, Launcher } from './context.ts'
import { executorEnvironment, type EnvironmentSource } from './environment.ts'
import type { Fetcher } from './fetcher.ts'
import type { Journal } from './journal.ts'
import type { ProcessHost } from './processes.ts'
import type { Container, Executor } from './state.ts'

export interface ProcessLauncherOptions {
  readonly host: ProcessHost
  readonly fetcher: Fetcher
  readonly journal: Journal
  /** Asked at each launch, since the agent's id comes with its registration. */
  readonly environment: () => EnvironmentSource
  readonly log: Log
}

type Stage =
  | { readonly name: 'preparing'; readonly abort: AbortController }
  | { readonly name: 'running'; readonly pid: number }
  | { readonly name: 'ended' }

export class ProcessLauncher implements Launcher {
  readonly #o: ProcessLauncherOptions

  constructor(o: ProcessLauncherOptions) {
    this.#o = o
  }

  launch(executor: Executor, framework: FrameworkInfo, _task: TaskInfo, events: LaunchEvents): Container {
    const abort = new AbortController()
    let stage: Stage = { name: 'preparing', abort }
    const { host, journal } = this.#o
    const run = async (): Promise<void> => {
      let pid: number
      try {
        pid = await this.#start(executor, framework, abort.signal)
      } catch (error) {
        stage = { name: 'ended' }
        events.exited(launchFailure(executor, error, abort.signal.aborted))
        return
      }
      if (abort.signal.aborted) {
        // Destroyed while it was being started.
        host.killTree(pid)
        stage = { name: 'ended' }
        host.onExit(pid, undefined, status => events.exited({ status }))
        return
      }
      stage = { name: 'running', pid }
      journal.append(executor, { type: 'started', pid, startTime: host.startTime(pid) })
      events.started(pid)
      host.onExit(pid, undefined, status => {
        stage = { name: 'ended' }
        host.killTree(pid)
        events.exited({ status })
      })
    }
    void run()
    return {
      get pid() {
        return stage.name === 'running' ? stage.pid : undefined
      },
      destroy: () => {
        if (stage.name === 'preparing') abort.abort()
        if (stage.name === 'running') host.killTree(stage.pid)
      },
      abandon: () => abort.abort(),
    }
  }

  recover(
    _executor: Executor,
    pid: number,
    startTime: string | undefined,
    exited: (end: ContainerEnd) => void,
  ): Container {
    const { host } = this.#o
    let stage: Stage = { name: 'running', pid }
    host.onExit(pid, startTime, status => {
      stage = { name: 'ended' }
      host.killTree(pid)
      exited({ status })
    })
    return {
      get pid() {
        return stage.name === 'running' ? stage.pid : undefined
      },
      destroy: () => {
        if (stage.name === 'running') host.killTree(pid)
      },
      abandon: () => undefined,
    }
  }

  async #start(executor: Executor, framework: FrameworkInfo, signal: AbortSignal): Promise<number> {
    const { directory } = executor
    const user = process.getuid?.() === 0 ? accountOf(executor.user) : undefined
    mkdirSync(directory, { recursive: true })
    linkLatest(directory)
    for (const file of ['stdout', 'stderr']) {
      writeFileSync(join(directory, file), '', { flag: 'a' })
      if (user !== undefined) chownSync(join(directory, file), user.uid, user.gid)
    }
    if (user !== undefined) chownSync(directory, user.uid, user.gid)
    const command = executor.info.command
    await this.#o.fetcher.fetch(command?.uris ?? [], directory, signal)
    signal.throwIfAborted()
    const shell = command?.shell !== false
    const value = command?.value ?? ''
    return this.#o.host.start({
      file: shell ? '/bin/sh' : value,
      args: shell ? ['-c', value] : (command.arguments ?? []).slice(1),
      ...(!shell && { argv0: command.arguments?.[0] ?? value }),
      environment: executorEnvironment(executor, framework, this.#o.environment()),
      directory,
      stdout: join(directory, 'stdout'),
      stderr: join(directory, 'stderr'),
      ...(user !== undefined && { user }),
    })
  }
}

/** A fetch that failed is told to the tasks; a program that can't be run ends as a process with status 1 would. */
function launchFailure(executor: Executor, error: unknown, destroyed: boolean): ContainerEnd {
  if (destroyed) return { status: 9 }
  if (error instanceof Error && 'syscall' in error && String(error.syscall).startsWith('spawn')) {
    return { status: 256 }
  }
  const text =
    (executor.info.command?.uris ?? []).length > 0
      ? `Failed to fetch all URIs for container '${executor.containerId}': exited with status 1`
      : errorText(error)
  return {
    status: 256,
    termination: {
      state: 'TASK_FAILED',
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
      message: `Failed to launch container: ${text}`,
    },
  }
}

/** `runs/latest` points at the newest run. */
function linkLatest(directory: string): void {
  const latest = join(dirname(directory), 'latest')
  rmSync(latest, { force: true })
  symlinkSync(directory, latest)
}

/** Looks the user up; throws where there is none of that name. */
function accountOf(name: string): { uid: number; gid: number } {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [account, , uid, gid] = line.split(':')
    if (account === name) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error(`Failed to get user information for '${name}'`)
}
