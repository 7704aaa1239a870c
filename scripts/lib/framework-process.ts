// One framework process as a child, for the quickstart, the benchmarks and the whole-system tests.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync, closeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'

const entry = join(import.meta.dirname, '../../framework/main.ts')

export interface FrameworkOptions {
  /** Where its log goes. */
  readonly dir: string
  readonly databaseUrl: string
  readonly mesosMaster: string
  readonly port: number
  readonly dockerHost?: string
  /** More of the environment, for example JUICE_FRAMEWORK_NAME. */
  readonly env?: Readonly<Record<string, string>>
  /** Aborted while it starts: it is ended again, and the start throws. */
  readonly signal?: AbortSignal
}

export interface FrameworkProcess {
  readonly url: string
  readonly logFile: string
  readonly child: ChildProcess
  /** Resolves when the process has ended, with its exit code or signal. */
  readonly exited: Promise<number | NodeJS.Signals>
  /** SIGKILL, as when a machine dies. */
  kill(): Promise<void>
  /** SIGTERM, then SIGKILL after 15 s. */
  close(): Promise<void>
}

/** Only root may run executors and tasks as somebody else. */
function ordinaryUser(): Record<string, string> {
  if (process.getuid?.() === 0) return {}
  const { username } = userInfo()
  return { JUICE_FRAMEWORK_USER: username, JUICE_COMMAND_USER: username }
}

/** Starts a process and resolves once `/ready` answers 200; throws with the end of its log where it exits before. */
export async function startFramework(options: FrameworkOptions): Promise<FrameworkProcess> {
  options.signal?.throwIfAborted()
  const url = `http://127.0.0.1:${options.port}`
  const logFile = join(options.dir, `juice-${options.port}.log`)
  const log = openSync(logFile, 'a')
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(JUICE_|PORT\d|MARATHON_)/.test(name)),
  )
  const child = spawn(process.execPath, [entry], {
    // Its own session: Ctrl-C in a terminal reaches us alone, and we end it in order.
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      ...inherited,
      JUICE_DATABASE_URL: options.databaseUrl,
      JUICE_MESOS_MASTER: options.mesosMaster,
      JUICE_HTTP_PORT: String(options.port),
      ...ordinaryUser(),
      ...(options.dockerHost === undefined ? {} : { JUICE_EXECUTOR_DOCKER_HOST: options.dockerHost }),
      ...options.env,
    },
  })
  closeSync(log)
  const exited = once(child, 'exit').then(([code, signal]) => (signal ?? code) as number | NodeJS.Signals)
  const framework: FrameworkProcess = {
    url,
    logFile,
    child,
    exited,
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async close() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
      await exited
      clearTimeout(timer)
    },
  }
  const ended = exited.then(code => ({ code }))
  for (;;) {
    const answered = await Promise.race([
      fetch(`${url}/ready`).then(
        async response => {
          await response.arrayBuffer()
          return response.ok
        },
        () => false,
      ),
      ended,
    ])
    if (answered === true) return framework
    if (answered !== false) {
      const tail = (await readFile(logFile, 'utf8')).slice(-4000)
      throw new Error(
        `the framework ended (${answered.code}) before it was ready; the end of its log:\n${tail}`,
      )
    }
    if (options.signal?.aborted) {
      await framework.close()
      throw options.signal.reason
    }
    const retry = Promise.withResolvers<void>()
    setTimeout(retry.resolve, 50)
    await Promise.race([retry.promise, ended])
  }
}
