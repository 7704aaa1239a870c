// The processes that stand where the recorder's stub executors stood: a shell that ends when it is told to, with the
// status that the recorded one had. Their HTTP calls are the player's.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { LocalAgent } from '../local-agent.ts'
import type { LocalMesos } from '../local-mesos.ts'
import { fieldOf } from './live-stream.ts'
import type { Mapping } from './mapping.ts'
import type { TraceFile } from './trace.ts'

/** A shell around a shell, so that the status of a killed one is what sh makes of it, as in the recordings. */
export const stubCommand = [
  `sh -c 'trap "exit 0" USR1; trap "exit 1" USR2; trap "exit 3" HUP; echo $$ > ready.new; mv ready.new ready;`,
  `while :; do sleep 1000 & wait $!; done'; exit $?`,
].join(' ')

/** Real time for a closed socket or an ended process to be seen by the cluster. */
export const noticeMs = 10

/** Files whose sizes are the recorder's own: its archive, what its fetcher and its stub said. */
const ownSize: ReadonlySet<string> = new Set(['a.tar.gz', 'stdout', 'stderr'])

interface Stub {
  readonly directory: string
  readonly pid: number
}

export class Stubs {
  readonly #cluster: LocalMesos
  readonly #known = new Map<string, Stub>()
  readonly #pids = new Map<string, number>()
  /** Those that were told to end. */
  readonly #told = new Set<string>()
  #state: 'open' | 'closed' = 'open'
  #lastLaunched = ''

  constructor(cluster: LocalMesos) {
    this.#cluster = cluster
  }

  /** Ends all waiting. */
  close(): void {
    this.#state = 'closed'
  }

  /** Which executor a launch is for; `gone?` without a name asks about the last one. */
  launched(executorId: string): void {
    this.#lastLaunched = executorId
  }

  /** Remembers the process of the executor launched last, which may be gone when it is asked for. */
  note(): void {
    const executorId = this.#lastLaunched
    const agent = this.#agentOf(executorId)
    if (agent === undefined || this.#pids.has(executorId)) return
    agent.waitForExecutor(executorId).then(
      ({ pid = 0 }) => this.#pids.set(executorId, pid),
      () => undefined,
    )
  }

  /** Resolves when the executor's process can be told to end. */
  async ready(executorId: string): Promise<Stub> {
    const known = this.#known.get(executorId)
    if (known !== undefined) return known
    const agent = this.#agentOf(executorId)
    if (agent === undefined) throw new Error(`no executor ${executorId}`)
    const { directory, pid = 0 } = await agent.waitForExecutor(executorId)
    while (!existsSync(join(directory, 'ready'))) {
      if (this.#state === 'closed' || !existsSync(`/proc/${pid}`)) throw new Error(`${executorId} has ended`)
      await pause(2)
    }
    const stub = { directory, pid }
    this.#pids.set(executorId, pid)
    this.#known.set(executorId, stub)
    return stub
  }

  /** Ends an executor and waits until that is seen. */
  async signal(executorId: string, name: NodeJS.Signals): Promise<void> {
    const { directory, pid } = await this.ready(executorId)
    this.#told.add(executorId)
    try {
      process.kill(Number(readFileSync(join(directory, 'ready'), 'utf8')), name)
    } catch {
      // Its agent has destroyed it already, as the recorded one had.
    }
    while (existsSync(`/proc/${pid}`)) await pause(1)
    await pause(noticeMs)
  }

  /** Some of the recorder's stubs ended by themselves, on SHUTDOWN or with 3, which their FAILURE alone tells. */
  async endBefore(event: unknown): Promise<void> {
    const failure = fieldOf(event, 'failure')
    const executorId = fieldOf(fieldOf(failure, 'executor_id'), 'value')
    if (typeof executorId !== 'string' || this.#told.has(executorId)) return
    const status = fieldOf(failure, 'status')
    if (status === 0) await this.signal(executorId, 'SIGUSR1')
    if (status === 3 << 8) await this.signal(executorId, 'SIGHUP')
  }

  /** The whole environment of the process, and its folder. */
  async checkEnvironment(
    recorded: Readonly<Record<string, string>>,
    cwd: string,
    mapping: Mapping,
  ): Promise<void> {
    const { pid, directory } = await this.ready(recorded['MESOS_EXECUTOR_ID'] ?? '')
    const live = Object.fromEntries(
      readFileSync(`/proc/${pid}/environ`, 'utf8')
        .split('\0')
        .filter(entry => entry !== '')
        .map(entry => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
    )
    const difference = mapping.match(recorded, live, '.environment') ?? mapping.match(cwd, directory, '.cwd')
    if (difference !== undefined) throw new Error(`differs: ${JSON.stringify(difference)}`)
  }

  /** What the fetcher has brought to the sandbox of the executor launched last. */
  async checkFiles(recorded: readonly TraceFile[]): Promise<void> {
    const { directory } = await this.ready(this.#lastLaunched)
    const found = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && !entry.name.startsWith('ready'))
      .map(entry => join(entry.parentPath, entry.name))
    const live = found.map(file => {
      const { mode, size } = statSync(file)
      return { path: relative(directory, file), mode: `0o${(mode & 0o777).toString(8)}`, size }
    })
    const text = (files: readonly TraceFile[]): string =>
      files
        .map(({ path, mode, size }) => `${path} ${mode} ${ownSize.has(path) ? '' : size}`)
        .sort()
        .join()
    if (text(live) !== text(recorded)) throw new Error(`the sandbox has ${text(live)}, not ${text(recorded)}`)
  }

  /** Whether the process has gone, as the recorder found it; it may take a moment. */
  async checkGone(gone: boolean, executorId = this.#lastLaunched): Promise<void> {
    // One that was destroyed before its process was there has none.
    const isThere = (): boolean =>
      existsSync(`/proc/${this.#pids.get(executorId) ?? 'none'}`) || this.#agentOf(executorId) !== undefined
    for (let tries = 0; tries < 200 && isThere() === gone; tries++) await pause(5)
    if (isThere() === gone) throw new Error(`the process ${gone ? 'is still there' : 'has gone'}`)
  }

  #agentOf(executorId: string): LocalAgent | undefined {
    return this.#cluster.agents.find(agent =>
      agent.executors.some(executor => executor.executorId === executorId),
    )
  }
}
