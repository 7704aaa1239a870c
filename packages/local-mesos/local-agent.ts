// One agent of a local cluster as a machine: its port, folder and identity, which outlive the agent process that
// `stop` kills and `start` brings back.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { AgentInfo } from 'mesos-http-client'
import { Agent } from './agent/agent.ts'
import type { AgentSettings } from './agent/context.ts'
import { Fetcher } from './agent/fetcher.ts'
import { Journal } from './agent/journal.ts'
import { Launchers } from './agent/launchers.ts'
import type { ProcessHost } from './agent/processes.ts'
import type { Simulation } from './agent/simulated.ts'
import type { Clock } from './core/clock.ts'
import type { Log } from './core/log.ts'
import { handleAgent, handleAgentSocket, type AgentRoutesOptions } from './http/agent-routes.ts'
import type { Credentials } from './http/authentication.ts'
import { ExecutorTokens } from './http/executor-token.ts'
import { HttpServer, type Handler } from './http/server.ts'

export interface RunningExecutor {
  readonly executorId: string
  readonly frameworkId: string
  /** Undefined until the process is there. */
  readonly pid: number | undefined
  readonly containerId: string
  /** The sandbox. */
  readonly directory: string
}

export interface LocalAgentOptions {
  readonly hostname: string
  readonly host: string
  /** Where others reach it. */
  readonly ip: string
  readonly port: number
  readonly workDir: string
  /** Without id and port. */
  readonly info: AgentInfo
  readonly settings: AgentSettings
  readonly clock: Clock
  readonly log: Log
  readonly newUuid: () => string
  readonly processes: ProcessHost
  readonly credentials: Credentials | undefined
  /** Executors get a token and must show it (E4). */
  readonly authenticateExecutors: boolean
  /** Executors speak to a unix socket (E5). */
  readonly domainSockets: boolean
  /** Tasks without processes. */
  readonly simulation: Simulation | undefined
  /** The process is stopped or goes on, see `suspend`. */
  readonly onSuspend: (agent: Agent) => void
  readonly onResume: (agent: Agent) => void
  /** Called when the agent may talk to the master. */
  readonly onReady: (agent: Agent) => void
}

export class LocalAgent {
  readonly hostname: string
  readonly workDir: string
  readonly #o: LocalAgentOptions
  readonly #journal: Journal
  readonly #launchers: Launchers
  readonly #tokens: ExecutorTokens | undefined
  readonly #socket: string | undefined
  #port: number
  #life: { readonly agent: Agent; readonly servers: readonly HttpServer[] } | undefined
  #observers = new Set<() => void>()
  /** While suspended: what requests wait for. */
  #suspended: PromiseWithResolvers<void> | undefined

  constructor(o: LocalAgentOptions) {
    this.#o = o
    this.hostname = o.hostname
    this.workDir = o.workDir
    this.#port = o.port
    this.#journal = new Journal(o.workDir)
    const tokens = o.authenticateExecutors ? new ExecutorTokens() : undefined
    this.#tokens = tokens
    this.#socket = o.domainSockets ? join(o.workDir, 'agent.sock') : undefined
    this.#launchers = new Launchers({
      host: o.processes,
      fetcher: new Fetcher(join(o.workDir, 'fetch')),
      journal: this.#journal,
      log: o.log,
      clock: o.clock,
      newUuid: o.newUuid,
      simulation: o.simulation,
      agent: () => this.#life?.agent,
      environment: () => ({
        agentId: this.id,
        endpoint: `${o.ip}:${this.#port}`,
        executorShutdownGraceMs: o.settings.executorShutdownGraceMs,
        recoveryTimeoutMs: o.settings.recoveryTimeoutMs,
        ...(this.#socket !== undefined && { domainSocket: this.#socket }),
        ...(tokens !== undefined && {
          token: executor =>
            tokens.issue({ fid: executor.frameworkId, eid: executor.id, cid: executor.containerId }),
        }),
      }),
    })
  }

  /** Mesos' id of the agent; empty before its first registration. */
  get id(): string {
    return this.#life?.agent.id ?? this.#journal.readAgent()?.id?.value ?? ''
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `http://${this.#o.ip}:${this.#port}`
  }

  /** `stopped`, `recovering` while executors may come back, `disconnected` from the master, or `running`. */
  get phase(): Agent['phase'] {
    return this.#life?.agent.phase ?? 'stopped'
  }

  /** The agent process of now; undefined while it is stopped. */
  get agent(): Agent | undefined {
    return this.#life?.agent
  }

  get executors(): readonly RunningExecutor[] {
    const frameworks = this.#life?.agent.context.frameworks.values() ?? []
    return [...frameworks].flatMap(framework =>
      [...framework.executors.values()]
        .filter(executor => executor.phase.name !== 'terminated')
        .map(({ id, frameworkId, container, containerId, directory }) => ({
          executorId: id,
          frameworkId,
          pid: container?.pid,
          containerId,
          directory,
        })),
    )
  }

  /** Starts the agent process on its port; executors of before may come back within the window (E34). */
  async start(): Promise<void> {
    if (this.#life !== undefined) return
    const o = this.#o
    const agent = this.#newAgent()
    const startedAtMs = o.clock.now()
    const routes = (): AgentRoutesOptions => ({
      agent: agent(),
      clock: o.clock,
      startedAtMs,
      credentials: o.credentials,
      tokens: this.#tokens,
    })
    const listen = (handler: Handler, socket?: string): Promise<HttpServer> =>
      HttpServer.listen({
        host: o.host,
        port: this.#port,
        ...(socket !== undefined && { socket }),
        handler: async (request, response) => {
          await this.#suspended?.promise
          return handler(request, response)
        },
        onFault: error => o.log('fault while answering', { error }),
      })
    const server = await listen((request, response) => handleAgent(request, response, routes()))
    this.#port = server.port
    const servers = [server]
    if (this.#socket !== undefined) {
      // One that was left by a killed agent is in the way.
      rmSync(this.#socket, { force: true })
      servers.push(
        await listen((request, response) => handleAgentSocket(request, response, routes()), this.#socket),
      )
    }
    this.#life = { agent: agent(), servers }
    this.#life.agent.start(() => o.onReady(agent()))
    this.#changed()
  }

  /** Ends the agent process as kill -9 does: no word to anybody, executors live on. */
  async stop(): Promise<void> {
    this.#suspended?.resolve()
    this.#suspended = undefined
    const life = this.#life
    if (life === undefined) return
    this.#life = undefined
    life.agent.stop()
    await Promise.all(life.servers.map(server => server.close()))
    this.#changed()
  }

  /** Stops it and what it runs inside this process; its processes are left to the host. */
  async close(): Promise<void> {
    await this.stop()
    this.#launchers.close()
  }

  /** As SIGSTOP: connections stand, nothing is answered, the master's pings fail. */
  suspend(): void {
    if (this.#life === undefined || this.#suspended !== undefined) return
    this.#suspended = Promise.withResolvers<void>()
    this.#o.onSuspend(this.#life.agent)
  }

  /** As SIGCONT. */
  resume(): void {
    this.#suspended?.resolve()
    this.#suspended = undefined
    if (this.#life !== undefined) this.#o.onResume(this.#life.agent)
  }

  get isSuspended(): boolean {
    return this.#suspended !== undefined
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** Resolves as soon as `holds` is true of this agent; looked at whenever something changes. */
  async waitUntil(holds: (agent: LocalAgent) => boolean): Promise<void> {
    if (holds(this)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = (): void => {
      if (!holds(this)) return
      this.#observers.delete(look)
      resolve()
    }
    this.#observers.add(look)
    await promise
  }

  /** Until it is registered with the master. */
  async waitUntilRegistered(): Promise<void> {
    await this.waitUntil(agent => agent.phase === 'running')
  }

  /** Until the executor's process is there. */
  async waitForExecutor(executorId?: string): Promise<RunningExecutor> {
    const find = (): RunningExecutor | undefined =>
      this.executors.find(
        executor => executor.pid !== undefined && (executorId ?? executor.executorId) === executor.executorId,
      )
    await this.waitUntil(() => find() !== undefined)
    const found = find()
    if (found === undefined) throw new Error('the executor has gone again')
    return found
  }

  /** The agent takes its leave: executors are shut down, its tasks are LOST. Started again it has the same id. */
  async leave(): Promise<void> {
    this.#life?.agent.unregister()
    await this.waitUntil(agent => agent.executors.length === 0)
    await this.stop()
  }

  /** A new agent object on the same folder; made at first use, which is after the port is known. */
  #newAgent(): () => Agent {
    const o = this.#o
    let made: Agent | undefined
    return () =>
      (made ??= new Agent({
        info: { ...o.info, port: this.#port },
        workDir: o.workDir,
        journal: this.#journal,
        settings: o.settings,
        clock: o.clock,
        log: o.log,
        launcher: this.#launchers,
        newUuid: o.newUuid,
        onChanged: () => this.#changed(),
        onGone: () => this.#journal.clear(),
      }))
  }

  #changed(): void {
    for (const look of this.#observers) look()
  }
}
