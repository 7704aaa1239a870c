// A Mesos cluster in this process: its masters, of which one leads, its agents, one folder, one list of closers.
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseZooKeeperUrl, type MasterInfo } from 'mesos-http-client'
import type { Agent } from './agent/agent.ts'
import { ProcessHost } from './agent/processes.ts'
import type { Simulation } from './agent/simulated.ts'
import { systemClock, type Clock } from './core/clock.ts'
import { logger } from './core/log.ts'
import { LocalElection, type Election } from './election/election.ts'
import { ZooKeeperElection } from './election/zookeeper.ts'
import { Links } from './links.ts'
import { LocalAgent } from './local-agent.ts'
import { LocalMaster } from './local-master.ts'
import { masterInfo } from './master/info.ts'
import { Master } from './master/master.ts'
import { Registry } from './master/registry.ts'
import {
  agentInfo,
  checkOptions,
  defaults,
  domainInfo,
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
  readonly #links: Links
  #registry: Registry
  readonly #masters: readonly LocalMaster[]
  readonly #onLeading = new Set<() => void>()

  private constructor(o: LocalMesosOptions) {
    this.#o = o
    this.#clock = o.clock ?? systemClock
    this.#newUuid = o.newUuid ?? randomUUID
    this.#host = o.host ?? defaults.host
    this.#ip = this.#host === '0.0.0.0' ? defaults.host : this.#host
    // throws for a wrong URL: before there is a folder that would have to go again
    const election = this.#newElection()
    this.#workDir = o.workDir ?? mkdtempSync(join(tmpdir(), 'local-mesos-'))
    mkdirSync(this.#workDir, { recursive: true })
    // Executors may run as another user than ours.
    chmodSync(this.#workDir, 0o755)
    this.#processes = new ProcessHost(this.#clock)
    this.#links = new Links({
      clock: this.#clock,
      agentTimeoutMs: o.agentTimeoutMs ?? defaults.agentTimeoutMs,
      master: () => this.master,
      isSuspended: agent => this.#isSuspended(agent),
    })
    this.#registry = this.#openRegistry()
    const standby = o.standbyMasters ?? 0
    this.#masters = Array.from({ length: 1 + standby }, (_, index) => this.#newLocalMaster(index, election))
    const agents = o.agents ?? 1
    const wanted = typeof agents === 'number' ? Array.from({ length: agents }, () => ({})) : agents
    this.#agents = wanted.map((options, index) => this.#newAgent(options, index))
  }

  /** Starts the masters and the agents; resolves when all agents are registered. Throws where a port is taken. */
  static async start(o: LocalMesosOptions = {}): Promise<LocalMesos> {
    checkOptions(o)
    const cluster = new LocalMesos(o)
    try {
      await cluster.startMaster()
      await cluster.waitForLeader()
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

  /** Of the first master. */
  get port(): number {
    return this.#masters[0]?.port ?? 0
  }

  /** Of the first master. */
  get url(): string {
    return this.#masters[0]?.url ?? ''
  }

  /** The first one and those that stand by. */
  get masters(): readonly LocalMaster[] {
    return this.#masters
  }

  get workDir(): string {
    return this.#workDir
  }

  get agents(): readonly LocalAgent[] {
    return this.#agents
  }

  /** The leading master; undefined while there is none. */
  get master(): Master | undefined {
    return this.#leader?.core
  }

  /** Kills the leading master: streams break, agents go on and come back to the next one. */
  async stopMaster(): Promise<void> {
    await this.#leader?.stop()
  }

  /** Starts every master that is stopped, on its port; it knows the agents of the registry and nothing else. */
  async startMaster(): Promise<void> {
    for (const master of this.#masters) await master.start()
  }

  /** Until a master leads. */
  async waitForLeader(): Promise<LocalMaster> {
    for (;;) {
      const leader = this.#leader
      if (leader !== undefined) return leader
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#onLeading.add(resolve)
      await promise
      this.#onLeading.delete(resolve)
    }
  }

  async restartMaster(): Promise<void> {
    await this.stopMaster()
    await this.startMaster()
  }

  /** Kills every executor with its tree, frees all ports, removes a temporary folder. */
  async close(): Promise<void> {
    for (const agent of this.#agents) await agent.close()
    for (const master of this.#masters.toReversed()) await master.close()
    await this.#processes.killAll()
    if (this.#o.workDir === undefined) await rm(this.#workDir, { recursive: true, force: true })
  }

  get #leader(): LocalMaster | undefined {
    return this.#masters.find(master => master.phase === 'leading')
  }

  /** None where a single master needs none. */
  #newElection(): Election | undefined {
    const {
      zookeeper,
      standbyMasters = 0,
      electionTimeoutMs: sessionMs = defaults.electionTimeoutMs,
    } = this.#o
    if (zookeeper === undefined)
      return standbyMasters === 0 ? undefined : new LocalElection(this.#clock, sessionMs)
    const log = logger(this.#o.log, 'election', () => this.#clock.now())
    return new ZooKeeperElection({ url: parseZooKeeperUrl(zookeeper), sessionMs, log })
  }

  #newLocalMaster(index: number, election: Election | undefined): LocalMaster {
    const o = this.#o
    const [first = 0, ...others] = [o.port, ...(o.standbyPorts ?? [])]
    return new LocalMaster({
      host: this.#host,
      ip: this.#ip,
      port: index === 0 ? first : (others[index - 1] ?? 0),
      clock: this.#clock,
      log: logger(o.log, index === 0 ? 'master' : `master ${index + 1}`, () => this.#clock.now()),
      election,
      recoveryMs: o.recoveryMs ?? defaults.recoveryMs,
      endpoint: {
        clock: this.#clock,
        heartbeatMs: o.heartbeatMs ?? defaults.heartbeatMs,
        newUuid: this.#newUuid,
        credentials: o.authenticate,
      },
      info: port => masterInfo(this.#newUuid(), this.#ip, port, o.domain && domainInfo(o.domain)),
      newMaster: info => this.#newMaster(info),
      onLeading: () => this.#onLead(),
      onEnding: () => this.#links.cut(),
    })
  }

  #newMaster(info: MasterInfo): Master {
    const o = this.#o
    if (o.registry === 'in_memory') this.#registry = this.#openRegistry()
    return new Master({
      info,
      registry: this.#registry,
      clock: this.#clock,
      log: logger(o.log, 'master', () => this.#clock.now()),
      settings: {
        ip: this.#ip,
        heartbeatMs: o.heartbeatMs ?? defaults.heartbeatMs,
        allocationIntervalMs: o.allocationIntervalMs ?? defaults.allocationIntervalMs,
        allocation: o.allocation ?? 'interval',
        agentTimeoutMs: o.agentTimeoutMs ?? defaults.agentTimeoutMs,
        agentReregisterTimeoutMs: o.agentReregisterTimeoutMs ?? defaults.agentReregisterTimeoutMs,
      },
    })
  }

  #onLead(): void {
    for (const { agent } of this.#agents) if (agent?.phase === 'disconnected') this.#links.connect(agent)
    for (const resolve of this.#onLeading) resolve()
  }

  #openRegistry(): Registry {
    const inMemory = this.#o.registry === 'in_memory'
    return new Registry(inMemory ? undefined : join(this.#workDir, 'master', 'registry.json'))
  }

  #newAgent(options: AgentOptions, index: number): LocalAgent {
    const o = this.#o
    const info = agentInfo(options, index)
    const { hostname } = info
    const workDir = join(this.#workDir, `agent${index + 1}`)
    mkdirSync(workDir, { recursive: true })
    return new LocalAgent({
      hostname,
      host: this.#host,
      port: options.port ?? 0,
      workDir,
      info,
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
      onSuspend: agent => this.#links.suspend(agent),
      onResume: agent => this.#links.resume(agent),
      credentials: o.authenticateAgents,
      authenticateExecutors: o.authenticateExecutors ?? false,
      domainSockets: o.domainSockets ?? false,
      simulation: simulationOf(o.simulated),
      onReady: agent => this.#links.connect(agent),
    })
  }

  #isSuspended(agent: Agent): boolean {
    return this.#agents.some(machine => machine.agent === agent && machine.isSuspended)
  }
}

function simulationOf(asked: LocalMesosOptions['simulated']): Simulation | undefined {
  if (asked === undefined || asked === false) return undefined
  const { durationMs = 0, outcome = 'TASK_FINISHED' } = asked === true ? {} : asked
  return { durationMs, outcome }
}
