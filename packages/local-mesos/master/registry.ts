// What outlives a master: the agents it admitted, those unreachable, gone, deactivated or draining, and the maintenance
// schedule with its machines; the replicated log of a real one.
// Kept in one JSON file that is replaced as a whole; nothing else is stored about a cluster.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AgentInfo, DrainInfo, MachineInfo, MaintenanceSchedule } from 'mesos-http-client'
import { storedText, storedValue } from '../core/stored-json.ts'

interface Content {
  admitted: AgentInfo[]
  unreachable: { agentId: string; atMs: number }[]
  gone: { agentId: string; atMs: number }[]
  deactivated: string[]
  draining: { agentId: string; info: DrainInfo }[]
  maintenance: Maintenance
}

export interface Maintenance {
  readonly schedule: MaintenanceSchedule
  /** Those of the schedule, DRAINING or DOWN. */
  readonly machines: readonly MachineInfo[]
}

export class Registry {
  readonly #file: string | undefined
  #admitted: Map<string, AgentInfo>
  #unreachable: Map<string, number>
  #gone: Map<string, number>
  readonly #deactivated: Set<string>
  readonly #draining: Map<string, DrainInfo>
  #maintenance: Maintenance

  /** Without a file the registry lives and dies with this object, like `--registry=in_memory`. */
  constructor(file: string | undefined) {
    this.#file = file
    const content = read(file)
    this.#admitted = new Map(content.admitted.map(info => [info.id?.value ?? '', info]))
    this.#unreachable = new Map(content.unreachable.map(entry => [entry.agentId, entry.atMs]))
    this.#gone = new Map(content.gone.map(entry => [entry.agentId, entry.atMs]))
    this.#deactivated = new Set(content.deactivated)
    this.#draining = new Map(content.draining.map(entry => [entry.agentId, entry.info]))
    this.#maintenance = content.maintenance
  }

  get admitted(): readonly AgentInfo[] {
    return [...this.#admitted.values()]
  }

  get unreachable(): readonly string[] {
    return [...this.#unreachable.keys()]
  }

  /** When the agent became unreachable, in ms since the epoch. */
  unreachableSince(agentId: string): number | undefined {
    return this.#unreachable.get(agentId)
  }

  isGone(agentId: string): boolean {
    return this.#gone.has(agentId)
  }

  admit(info: AgentInfo): void {
    const agentId = info.id?.value ?? ''
    this.#admitted.set(agentId, info)
    this.#unreachable.delete(agentId)
    this.#write()
  }

  get maintenance(): Maintenance {
    return this.#maintenance
  }

  setMaintenance(maintenance: Maintenance): void {
    this.#maintenance = maintenance
    this.#write()
  }

  isDeactivated(agentId: string): boolean {
    return this.#deactivated.has(agentId)
  }

  /** Of an agent that drains or has drained. */
  drainInfo(agentId: string): DrainInfo | undefined {
    return this.#draining.get(agentId)
  }

  get draining(): readonly string[] {
    return [...this.#draining].flatMap(([agentId, { state }]) => (state === 'DRAINING' ? [agentId] : []))
  }

  /** Deactivated, and draining where there is something about that. */
  deactivate(agentId: string, drainInfo?: DrainInfo): void {
    this.#deactivated.add(agentId)
    if (drainInfo !== undefined) this.#draining.set(agentId, drainInfo)
    this.#write()
  }

  reactivate(agentId: string): void {
    this.#forget(agentId)
    this.#write()
  }

  markUnreachable(agentId: string, nowMs: number): void {
    this.#admitted.delete(agentId)
    this.#unreachable.set(agentId, nowMs)
    this.#write()
  }

  markGone(agentId: string, nowMs: number): void {
    this.#admitted.delete(agentId)
    this.#unreachable.delete(agentId)
    this.#gone.set(agentId, nowMs)
    this.#forget(agentId)
    this.#write()
  }

  remove(agentId: string): void {
    this.#admitted.delete(agentId)
    this.#forget(agentId)
    this.#write()
  }

  #forget(agentId: string): void {
    this.#deactivated.delete(agentId)
    this.#draining.delete(agentId)
  }

  #write(): void {
    if (this.#file === undefined) return
    const content: Content = {
      admitted: [...this.#admitted.values()],
      unreachable: [...this.#unreachable].map(([agentId, atMs]) => ({ agentId, atMs })),
      gone: [...this.#gone].map(([agentId, atMs]) => ({ agentId, atMs })),
      deactivated: [...this.#deactivated],
      draining: [...this.#draining].map(([agentId, info]) => ({ agentId, info })),
      maintenance: this.#maintenance,
    }
    mkdirSync(dirname(this.#file), { recursive: true })
    writeFileSync(`${this.#file}.new`, storedText(content))
    renameSync(`${this.#file}.new`, this.#file)
  }
}

function read(file: string | undefined): Content {
  const empty: Content = {
    admitted: [],
    unreachable: [],
    gone: [],
    deactivated: [],
    draining: [],
    maintenance: { schedule: {}, machines: [] },
  }
  if (file === undefined) return empty
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return empty
  }
  return { ...empty, ...(storedValue(text) as Partial<Content>) }
}
