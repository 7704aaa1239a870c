// One master of a local cluster as a machine: its port, which outlives the process that `stop` kills and `start` brings
// back, and whether it leads. Without an election it leads as soon as it is started.
import type { MasterInfo } from 'mesos-http-client'
import type { Clock, Timer } from './core/clock.ts'
import type { Log } from './core/log.ts'
import type { Candidate, Election } from './election/election.ts'
import { handleMaster } from './http/master-routes.ts'
import type { SchedulerEndpointOptions } from './http/scheduler-endpoint.ts'
import { HttpServer, type Handler } from './http/server.ts'
import { handleStandby } from './http/standby-routes.ts'
import type { Master } from './master/master.ts'

export interface LocalMasterOptions {
  readonly host: string
  /** Where others reach it. */
  readonly ip: string
  readonly port: number
  readonly clock: Clock
  readonly log: Log
  readonly election: Election | undefined
  /** How long a master that has been elected reads the registry of the one before. */
  readonly recoveryMs: number
  readonly endpoint: Omit<SchedulerEndpointOptions, 'master'>
  /** Of a new process. */
  readonly info: (port: number) => MasterInfo
  readonly newMaster: (info: MasterInfo) => Master
  /** It answers from now on. */
  readonly onLeading: (master: Master) => void
  /** Before a leading master ends. */
  readonly onEnding: (master: Master) => void
}

type Life =
  | { readonly name: 'stopped' }
  | { readonly name: 'standby'; readonly leader: MasterInfo | undefined }
  | { readonly name: 'recovering'; readonly timer: Timer }
  | { readonly name: 'leading'; readonly core: Master }

export class LocalMaster {
  readonly #o: LocalMasterOptions
  #port: number
  #life: Life = { name: 'stopped' }
  #server: HttpServer | undefined
  #candidate: Candidate | undefined
  #startedAtMs = 0
  #info: MasterInfo | undefined
  #isClosed = false

  constructor(options: LocalMasterOptions) {
    this.#o = options
    this.#port = options.port
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `http://${this.#o.ip}:${this.#port}`
  }

  /** What it says of itself; undefined while it is stopped. */
  get info(): MasterInfo | undefined {
    return this.#info
  }

  /** `stopped`, `standby`, `recovering` after its election, or `leading`. */
  get phase(): Life['name'] {
    return this.#life.name
  }

  /** While it leads. */
  get core(): Master | undefined {
    return this.#life.name === 'leading' ? this.#life.core : undefined
  }

  /** Starts the process on its port; settled when it leads, or takes part in the election. Throws where the port is taken. */
  async start(): Promise<void> {
    if (this.#server !== undefined || this.#isClosed) return
    const o = this.#o
    this.#startedAtMs = o.clock.now()
    this.#life = { name: 'standby', leader: undefined }
    const server = await HttpServer.listen({
      host: o.host,
      port: this.#port,
      onFault: error => o.log('fault while answering', { error }),
      handler: (request, response) => this.#answer(request, response),
    })
    this.#server = server
    this.#port = server.port
    const info = o.info(server.port)
    this.#info = info
    if (o.election === undefined) {
      this.#lead(info)
      return
    }
    let isStarting = true
    this.#candidate = o.election.join(info, {
      onLeader: leader => this.#server === server && this.#elected(info, leader, isStarting),
      onLost: () => this.#server === server && this.#restart(),
    })
    await this.#candidate.joined
    isStarting = false
  }

  /** Ends the process as kill -9 does: streams break, the election finds out later. */
  async stop(): Promise<void> {
    this.#candidate?.die()
    await this.#end()
  }

  /** The same, but the others know at once. */
  async close(): Promise<void> {
    this.#isClosed = true
    const candidate = this.#candidate
    await this.#end()
    await candidate?.leave()
  }

  readonly #answer: Handler = (request, response) => {
    const { clock, endpoint } = this.#o
    const life = this.#life
    if (life.name === 'leading') return handleMaster(request, response, { ...endpoint, master: life.core })
    return handleStandby(request, {
      leader: life.name === 'standby' ? life.leader : undefined,
      isTakingOver: life.name === 'recovering',
      uptimeMs: clock.now() - this.#startedAtMs,
    })
  }

  #elected(own: MasterInfo, leader: MasterInfo | undefined, atStart: boolean): void {
    if (leader?.id !== own.id) {
      if (this.#life.name === 'standby') this.#life = { name: 'standby', leader }
      // whoever led must not go on beside another one
      else if (leader !== undefined) this.#restart()
    } else if (this.#life.name === 'standby') {
      if (atStart) this.#lead(own)
      else {
        this.#o.log('elected, reads the registry')
        const timer = this.#o.clock.after(this.#o.recoveryMs, () => this.#lead(own))
        this.#life = { name: 'recovering', timer }
      }
    }
  }

  #lead(info: MasterInfo): void {
    const core = this.#o.newMaster(info)
    this.#life = { name: 'leading', core }
    this.#o.log('leads')
    this.#o.onLeading(core)
  }

  /** As a supervisor does with a master that has ended itself because it was left out of the election. */
  #restart(): void {
    this.#o.log('left out of the election: starts again')
    this.stop()
      .then(() => this.start())
      .catch((error: unknown) => this.#o.log('did not start again', { error }))
  }

  async #end(): Promise<void> {
    const [server, life] = [this.#server, this.#life]
    this.#server = undefined
    this.#candidate = undefined
    this.#info = undefined
    this.#life = { name: 'stopped' }
    if (life.name === 'recovering') life.timer.cancel()
    if (life.name === 'leading') {
      this.#o.onEnding(life.core)
      life.core.close()
    }
    await server?.close()
  }
}
