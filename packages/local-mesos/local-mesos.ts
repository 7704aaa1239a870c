// A Mesos cluster in this process: one master, its agents, the links between them, one folder, one list of closers.
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Agent } from './agent/agent.ts'
import { ProcessHost } from './agent/processes.ts'
import type { Simulation } from './agent/simulated.ts'
import { systemClock, type Clock } from './core/clock.ts'
import { Link } from './core/cluster.ts'
import { logger } from './core/log.ts'
import { handleMaster } from './http/master-routes.ts'
import { HttpServer } from './http/server.ts'
import { LocalAgent } from './local-agent.ts'
import { masterInfo } from './master/info.ts'
import { Master } from './master/master.ts'
import { Registry } from './master/registry.ts'
import { Resources } from './model/resources.ts'
import {
  attributesOf,
  defaultPorts,
  defaultResources,
  defaults,
  type AgentOptions,
  type LocalMesosOptions,
} from './options.ts'

export class LocalMesos {
  readonly #o: LocalMesosOptions
  readonly #clock: Clock
  readonly #newUuid: () => string
  readonly #host: string
  /** How the host is told to others: one that listens everywhere is reached on loopback. */
  readonly #ip: string
  readonly #workDir: string
  readonly #processes: ProcessHost
  readonly #agents: LocalAgent[]
  readonly #links = new Map<Agent, Link>()
  #registry: Registry
  #port: number
  #master: { readonly core: Master; readonly server: HttpServer } | undefined

  private constructor(o: LocalMesosOptions) {
    this.#o = o
    this.#clock = o.clock ?? systemClock
    this.#newUuid = o.newUuid ?? randomUUID
    this.#host = o.host ?? defaults.host
    this.#port = o.port ?? 0
    this.#ip = this.#host === '0.0.0.0' ? defaults.host : this.#host
    this.#workDir = o.workDir ?? mkdtempSync(join(tmpdir(), 'local-mesos-'))
    mkdirSync(this.#workDir, { recursive: true })
    // Executors may run as another user than ours.
    chmodSync(this.#workDir, 0o755)
    this.#processes = new ProcessHost(this.#clock)
    this.#registry = this.#openRegistry()
    const agents = o.agents ?? 1
    const wanted = typeof agents === 'number' ? Array.from({ length: agents }, () => ({})) : agents
    this.#agents = wanted.map((options, index) => this.#newAgent(options, index))
  }

  /** Starts the master and the agents; resolves when all agents are registered. Throws where a port is taken. */
  static async start(o: LocalMesosOptions = {}): Promise<LocalMesos> {
    const cluster = new LocalMesos(o)
    try {
      await cluster.startMaster()
      for (const agent of cluster.#agents) {
        await agent.start()
        await agent.waitUntilRegistered()
      }
    } catch (error) {
      await cluster.close()
      throw error
    }
    return cluster
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `http://${this.#ip}:${this.#port}`
  }

  get workDir(): string {
    return this.#workDir
  }

  get agents(): readonly LocalAgent[] {
    return this.#agents
  }

  /** The master of now; undefined while it is stopped. */
  get master(): Master | undefined {
    return this.#master?.core
  }

  /** Kills the master: streams break, agents go on and come back to the next one. */
  async stopMaster(): Promise<void> {
    const master = this.#master
    if (master === undefined) return
    this.#master = undefined
    for (const link of this.#links.values()) link.cut()
    master.core.close()
    await master.server.close()
  }

  /** Starts a master on the same port; it knows the agents of the registry and nothing else. */
  async startMaster(): Promise<void> {
    if (this.#master !== undefined) return
    const o = this.#o
    const log = logger(o.log, 'master', () => this.#clock.now())
    if (o.registry === 'in_memory') this.#registry = this.#openRegistry()
    const heartbeatMs = o.heartbeatMs ?? defaults.heartbeatMs
    let core: Master | undefined
    const server = await HttpServer.listen({
      host: this.#host,
      port: this.#port,
      onFault: error => log('fault while answering', { error }),
      handler: (request, response) =>
        core === undefined
          ? { status: 503 }
          : handleMaster(request, response, {
              master: core,
              clock: this.#clock,
              heartbeatMs,
              newUuid: this.#newUuid,
              credentials: o.authenticate,
            }),
    })
    this.#port = server.port
    core = new Master({
      info: masterInfo(this.#newUuid(), this.#ip, this.#port),
      registry: this.#registry,
      clock: this.#clock,
      log,
      settings: {
        ip: this.#ip,
        heartbeatMs,
        allocationIntervalMs: o.allocationIntervalMs ?? defaults.allocationIntervalMs,
        allocation: o.allocation ?? 'interval',
        agentTimeoutMs: o.agentTimeoutMs ?? defaults.agentTimeoutMs,
        agentReregisterTimeoutMs: o.agentReregisterTimeoutMs ?? defaults.agentReregisterTimeoutMs,
      },
    })
    this.#master = { core, server }
    for (const { agent } of this.#agents) if (agent?.phase === 'disconnected') this.#connect(agent)
  }

  async restartMaster(): Promise<void> {
    await this.stopMaster()
    await this.startMaster()
  }

  /** Kills every executor with its tree, frees all ports, removes a temporary folder. */
  async close(): Promise<void> {
    for (const agent of this.#agents) await agent.close()
    await this.stopMaster()
    await this.#processes.killAll()
    if (this.#o.workDir === undefined) await rm(this.#workDir, { recursive: true, force: true })
  }

  #openRegistry(): Registry {
    const inMemory = this.#o.registry === 'in_memory'
    return new Registry(inMemory ? undefined : join(this.#workDir, 'master', 'registry.json'))
  }

  #newAgent(options: AgentOptions, index: number): LocalAgent {
    const o = this.#o
    const hostname = options.hostname ?? `agent${index + 1}`
    const resources = { ports: [defaultPorts(index)], ...(options.resources ?? defaultResources) }
    const workDir = join(this.#workDir, `agent${index + 1}`)
    mkdirSync(workDir, { recursive: true })
    return new LocalAgent({
      hostname,
      host: this.#host,
      port: options.port ?? 0,
      workDir,
      info: {
        hostname,
        resources: Resources.ofAgent(resources).messages(),
        ...(options.attributes !== undefined && { attributes: attributesOf(options.attributes) }),
      },
      ip: this.#ip,
      settings: {
        ip: this.#ip,
        updateRetryMs: o.updateRetryMs ?? defaults.updateRetryMs,
        executorRegistrationTimeoutMs:
          o.executorRegistrationTimeoutMs ?? defaults.executorRegistrationTimeoutMs,
        executorReregistrationTimeoutMs:
          o.executorReregistrationTimeoutMs ?? defaults.executorReregistrationTimeoutMs,
        executorShutdownGraceMs: o.executorShutdownGraceMs ?? defaults.executorShutdownGraceMs,
        recoveryTimeoutMs: o.recoveryTimeoutMs ?? defaults.recoveryTimeoutMs,
        ...(o.isolation !== undefined && {
          isolation: {
            memory: o.isolation.memory ?? false,
            disk: o.isolation.disk ?? false,
            intervalMs: o.isolation.intervalMs ?? defaults.isolationIntervalMs,
          },
        }),
      },
      clock: this.#clock,
      log: logger(o.log, `agent ${hostname}`, () => this.#clock.now()),
      newUuid: this.#newUuid,
      processes: this.#processes,
      onSuspend: agent => this.#suspend(agent),
      onResume: agent => this.#resume(agent),
      credentials: o.authenticateAgents,
      authenticateExecutors: o.authenticateExecutors ?? false,
      domainSockets: o.domainSockets ?? false,
      simulation: simulationOf(o.simulated),
      onReady: agent => this.#connect(agent),
    })
  }

  #isSuspended(agent: Agent): boolean {
    return this.#agents.some(machine => machine.agent === agent && machine.isSuspended)
  }

  /** The link stands but is silent; after the ping time-outs the master gives the agent up. */
  #suspend(agent: Agent): void {
    const link = this.#links.get(agent)
    link?.hold()
    this.#clock.after(this.#o.agentTimeoutMs ?? defaults.agentTimeoutMs, () => {
      if (link !== undefined && this.#links.get(agent) === link && this.#isSuspended(agent)) {
        this.#master?.core.pingsFailed(agent.id)
      }
    })
  }

  #resume(agent: Agent): void {
    const link = this.#links.get(agent)
    if (link !== undefined) link.release()
    else if (agent.phase === 'disconnected') this.#connect(agent)
  }

  /** Links an agent to the master of now, if there is one; else the next master's start does it. */
  #connect(agent: Agent): void {
    const master = this.#master?.core
    if (master === undefined || this.#links.has(agent) || this.#isSuspended(agent)) return
    const link = new Link({
      masterBox: master.mailbox,
      agentBox: agent.mailbox,
      onMaster: (message, own) => master.onAgentMessage(message, own),
      onAgent: (message, own) => agent.onMasterMessage(message, own),
      onCutAtMaster: own => {
        this.#links.delete(agent)
        master.onAgentCut(own)
      },
      onCutAtAgent: own => {
        this.#links.delete(agent)
        agent.onLinkCut(own)
        // The master broke the connection but lives: back to it, as an agent that is told it is unknown.
        if (this.#master?.core === master && agent.phase === 'disconnected') this.#connect(agent)
      },
    })
    this.#links.set(agent, link)
    agent.connect(link)
  }
}

function simulationOf(asked: LocalMesosOptions['simulated']): Simulation | undefined {
  if (asked === undefined || asked === false) return undefined
  const { durationMs = 0, outcome = 'TASK_FINISHED' } = asked === true ? {} : asked
  return { durationMs, outcome }
}
