// What we know of our executors on each agent: which one the next task goes to, and whether it surely runs. In memory;
// generations come from the store and go back there through use cases. No I/O.
import type { ExecutorInfo, Resource } from 'mesos-http-client'
import type { AgentState } from '../placement/types.ts'
import { maxExecutorAgeMs } from './executor-info.ts'

interface Entry {
  generation: number
  /** Of the current generation, as sent the first time: it must be the same for ever (S47). */
  current?: { readonly info: ExecutorInfo; readonly sinceMs: number }
  /** When it was first launched without an answer yet. */
  startingSinceMs?: number
  /**
   * Executors that sent updates and have not failed since. `runs`: in this subscription; `likely`: in an earlier one, so
   * that it may have gone without a word to us.
   */
  readonly heard: Map<string, 'runs' | 'likely'>
  /** In a row, since an executor was heard of. */
  failures: number
  avoidUntilMs?: number
}

export interface AgentsOptions {
  /** On how many agents an executor may be starting at once: fetching counts within its registration time-out. */
  readonly coldLimit: number
  readonly makeExecutor: (generation: number, resources: readonly Resource[]) => ExecutorInfo
}

/** Registration time-out of an agent (1 min by default) and some time for the news of it. */
const startingMs = 90_000
const avoidMs = { initial: 1000, factor: 4, max: 300_000 }

export class Agents {
  readonly #entries = new Map<string, Entry>()
  readonly #options: AgentsOptions

  constructor(options: AgentsOptions) {
    this.#options = options
  }

  /** What placement should know now. */
  states(nowMs: number): Map<string, AgentState> {
    const states = new Map<string, AgentState>()
    for (const [agentId, entry] of this.#entries) {
      const avoid = entry.avoidUntilMs === undefined ? {} : { avoidUntilMs: entry.avoidUntilMs }
      states.set(agentId, { executor: this.#executorState(entry, nowMs), ...avoid })
    }
    return states
  }

  /** How many further agents may start an executor now. */
  coldFree(nowMs: number): number {
    let starting = 0
    for (const { startingSinceMs } of this.#entries.values()) {
      if (startingSinceMs !== undefined && startingSinceMs + startingMs > nowMs) starting += 1
    }
    return Math.max(0, this.#options.coldLimit - starting)
  }

  /** The executor for a launch on this agent. `resources` count only where none of this generation was sent yet. */
  executorFor(agentId: string, resources: readonly Resource[], nowMs: number): ExecutorInfo {
    const entry = this.#entry(agentId)
    entry.current ??= {
      info: this.#options.makeExecutor(entry.generation, resources),
      sinceMs: nowMs,
    }
    return entry.current.info
  }

  /** A launch for its executor was sent. */
  launched(agentId: string, nowMs: number): void {
    const entry = this.#entry(agentId)
    const id = entry.current?.info.executor_id.value
    if (id !== undefined && entry.heard.get(id) !== 'runs') entry.startingSinceMs ??= nowMs
  }

  generation(agentId: string): number {
    return this.#entries.get(agentId)?.generation ?? 0
  }

  /** The next executor there is of this generation, if it is newer than what we know. */
  setGeneration(agentId: string, generation: number): void {
    const entry = this.#entry(agentId)
    if (generation <= entry.generation) return
    entry.generation = generation
    delete entry.current
    delete entry.startingSinceMs
  }

  /** An update by this executor: it runs. */
  heard(agentId: string, executorId: string): void {
    const entry = this.#entry(agentId)
    entry.heard.set(executorId, 'runs')
    if (entry.current?.info.executor_id.value !== executorId) return
    delete entry.startingSinceMs
    delete entry.avoidUntilMs
    entry.failures = 0
  }

  /** A FAILURE of this executor. `expected`: it left by itself, without fault. */
  lost(agentId: string, executorId: string, nowMs: number, expected: boolean): void {
    const entry = this.#entry(agentId)
    entry.heard.delete(executorId)
    if (entry.current?.info.executor_id.value !== executorId) return
    delete entry.startingSinceMs
    if (expected) return
    const { initial, factor, max } = avoidMs
    entry.avoidUntilMs = nowMs + Math.min(max, initial * factor ** entry.failures)
    entry.failures += 1
  }

  /** The agent is gone, with all that ran there. */
  agentLost(agentId: string): void {
    const entry = this.#entries.get(agentId)
    if (!entry) return
    entry.heard.clear()
    delete entry.startingSinceMs
  }

  /** After a new subscription nothing is sure any more (S38). */
  forgetSubscription(): void {
    for (const { heard } of this.#entries.values()) for (const id of heard.keys()) heard.set(id, 'likely')
  }

  /** Agents whose executor is due for a successor by its age. */
  aged(nowMs: number): { agentId: string; generation: number }[] {
    return [...this.#entries].flatMap(([agentId, { generation, current }]) =>
      current && current.sinceMs + maxExecutorAgeMs <= nowMs ? [{ agentId, generation }] : [],
    )
  }

  #executorState(entry: Entry, nowMs: number): AgentState['executor'] {
    const id = entry.current?.info.executor_id.value
    if (id !== undefined && entry.heard.get(id) === 'runs') return 'running'
    const starting = entry.startingSinceMs !== undefined && entry.startingSinceMs + startingMs > nowMs
    return starting || entry.heard.size > 0 ? 'starting' : 'absent'
  }

  #entry(agentId: string): Entry {
    const known = this.#entries.get(agentId)
    if (known) return known
    const entry: Entry = { generation: 0, heard: new Map(), failures: 0 }
    this.#entries.set(agentId, entry)
    return entry
  }
}
