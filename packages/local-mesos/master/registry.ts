// What outlives a master: the agents it admitted, those unreachable and those gone; the replicated log of a real one.
// Kept in one JSON file that is replaced as a whole; nothing else is stored about a cluster.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AgentInfo } from 'mesos-http-client'

interface Content {
  admitted: AgentInfo[]
  unreachable: { agentId: string; atMs: number }[]
  gone: { agentId: string; atMs: number }[]
}

export class Registry {
  readonly #file: string | undefined
  #admitted: Map<string, AgentInfo>
  #unreachable: Map<string, number>
  #gone: Map<string, number>

  /** Without a file the registry lives and dies with this object, like `--registry=in_memory`. */
  constructor(file: string | undefined) {
    this.#file = file
    const content = read(file)
    this.#admitted = new Map(content.admitted.map(info => [info.id?.value ?? '', info]))
    this.#unreachable = new Map(content.unreachable.map(entry => [entry.agentId, entry.atMs]))
    this.#gone = new Map(content.gone.map(entry => [entry.agentId, entry.atMs]))
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

  markUnreachable(agentId: string, nowMs: number): void {
    this.#admitted.delete(agentId)
    this.#unreachable.set(agentId, nowMs)
    this.#write()
  }

  markGone(agentId: string, nowMs: number): void {
    this.#admitted.delete(agentId)
    this.#unreachable.delete(agentId)
    this.#gone.set(agentId, nowMs)
    this.#write()
  }

  remove(agentId: string): void {
    this.#admitted.delete(agentId)
    this.#write()
  }

  #write(): void {
    if (this.#file === undefined) return
    const content: Content = {
      admitted: [...this.#admitted.values()],
      unreachable: [...this.#unreachable].map(([agentId, atMs]) => ({ agentId, atMs })),
      gone: [...this.#gone].map(([agentId, atMs]) => ({ agentId, atMs })),
    }
    mkdirSync(dirname(this.#file), { recursive: true })
    writeFileSync(`${this.#file}.new`, JSON.stringify(content))
    renameSync(`${this.#file}.new`, this.#file)
  }
}

function read(file: string | undefined): Content {
  const empty: Content = { admitted: [], unreachable: [], gone: [] }
  if (file === undefined) return empty
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return empty
  }
  return JSON.parse(text) as Content
}
