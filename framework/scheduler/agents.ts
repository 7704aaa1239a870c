// What we know of our executors on each agent: which one the next task goes to, and whether it surely runs. In memory;
// generations come from the store and go back there through use cases. No I/O.
import type { ExecutorInfo, Resource } from 'mesos-http-client'
import type { AgentState, ExecutorState } from '../placement/types.ts'
import { maxExecutorAgeMs } from './executor-info.ts'

/**
 * The executor for tasks of one role; each role has its own. Mesos would let one that runs take tasks of other roles too,
 * but the room that it needs wherever it must be started (again) comes from offers of one role: an ACCEPT can't mix them
 * (S40, S42).
 */
interface Slot {
  /** Of the current generation, as it was sent: it must be the same for as long as the agent may have it (S47). */
  current?: { readonly info: ExecutorInfo; readonly sinceMs: number }
  /** When it was first launched without an answer yet. */
  startingSinceMs?: number
}

interface Entry {
  generation: number
  /** By role. */
  readonly slots: Map<string, Slot>
  /**
   * Executors that sent updates and have not failed since. `runs`: in this subscription; `likely`: in an earlier one, so
   * that it may have gone without a word to us.
   */
  readonly heard: Map<string, 'runs' | 'likely'>
  /** In a row, since an executor was heard of. */
  failures: number
  avoidUntilMs?: number
  drainingUntilMs?: number
}

export interface AgentsOptions {
  readonly roles: readonly string[]
  /** On how many agents an executor may be starting at once: fetching counts within its registration time-out. */
  readonly coldLimit: number
  readonly makeExecutor: (generation: number, resources: readonly Resource[]) => ExecutorInfo
}

/** Registration time-out of an agent (1 min by default) and some time for the news of it. */
const startingMs = 90_000
const avoidMs = { initial: 1000, factor: 4, max: 300_000 }
/** An agent that drains offers nothing, so this is only for what was under way; one that is back should not wait long. */
const drainingMs = 15_000

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
      const executors = new Map(
        this.#options.roles.map(role => [role, this.#executorState(entry, role, nowMs)]),
      )
      const avoid = avoidOf(entry)
      states.set(agentId, { executors, ...(avoid ? { avoid } : {}) })
    }
    return states
  }

  /** How many further executors may be started now. */
  coldFree(nowMs: number): number {
    let starting = 0
    for (const { slots } of this.#entries.values()) {
      for (const slot of slots.values()) if (isStarting(slot, nowMs)) starting += 1
    }
    return Math.max(0, this.#options.coldLimit - starting)
  }

  /**
   * The executor for a launch on this agent. `resources` are the room that was left for it: they count unless the agent
   * has one of this generation already, or is starting it.
   */
  executorFor(agentId: string, role: string, resources: readonly Resource[], nowMs: number): ExecutorInfo {
    const entry = this.#entry(agentId)
    const slot = slotOf(entry, role)
    const known = slot.current
    if (known && (entry.heard.has(known.info.executor_id.value) || isStarting(slot, nowMs))) return known.info
    const info = this.#options.makeExecutor(entry.generation, resources)
    slot.current = { info, sinceMs: nowMs }
    // It may be long over: the start that follows counts from its own moment.
    delete slot.startingSinceMs
    return info
  }

  /** A launch for its executor was sent. */
  launched(agentId: string, role: string, nowMs: number): void {
    const entry = this.#entry(agentId)
    const slot = slotOf(entry, role)
    const id = slot.current?.info.executor_id.value
    if (id !== undefined && entry.heard.get(id) !== 'runs') slot.startingSinceMs ??= nowMs
  }

  /** The master never passed a launch for this executor on: unless it was heard of, it does not start either. */
  dropped(agentId: string, executorId: string): void {
    const slot = this.#slotOfExecutor(agentId, executorId)
    if (slot) delete slot.startingSinceMs
  }

  generation(agentId: string): number {
    return this.#entries.get(agentId)?.generation ?? 0
  }

  /** The next executor there is of this generation, if it is newer than what we know. */
  setGeneration(agentId: string, generation: number): void {
    const entry = this.#entry(agentId)
    if (generation <= entry.generation) return
    entry.generation = generation
    entry.slots.clear()
  }

  /** An update by this executor: it runs. */
  heard(agentId: string, executorId: string): void {
    const entry = this.#entry(agentId)
    entry.heard.set(executorId, 'runs')
    const slot = this.#slotOfExecutor(agentId, executorId)
    if (!slot) return
    delete slot.startingSinceMs
    delete entry.avoidUntilMs
    entry.failures = 0
  }

  /** A FAILURE of this executor. `expected`: it left by itself, without fault. */
  lost(agentId: string, executorId: string, nowMs: number, expected: boolean): void {
    const entry = this.#entry(agentId)
    entry.heard.delete(executorId)
    const slot = this.#slotOfExecutor(agentId, executorId)
    if (!slot) return
    delete slot.startingSinceMs
    if (expected) return
    const { initial, factor, max } = avoidMs
    entry.avoidUntilMs = nowMs + Math.min(max, initial * factor ** entry.failures)
    entry.failures += 1
  }

  /** The operator drains the agent: a launch that is placed there now would be killed at once. */
  draining(agentId: string, nowMs: number): void {
    this.#entry(agentId).drainingUntilMs = nowMs + drainingMs
  }

  /** What may run there: executors that were heard of, and those that launches named. */
  executorsOn(agentId: string): string[] {
    const entry = this.#entries.get(agentId)
    if (!entry) return []
    const named = [...entry.slots.values()].flatMap(({ current }) => current?.info.executor_id.value ?? [])
    return [...new Set([...entry.heard.keys(), ...named])]
  }

  /** The agent is gone, with all that ran there. */
  agentLost(agentId: string): void {
    const entry = this.#entries.get(agentId)
    if (!entry) return
    entry.heard.clear()
    for (const slot of entry.slots.values()) delete slot.startingSinceMs
  }

  /** After a new subscription nothing is sure any more (S38). */
  forgetSubscription(): void {
    for (const { heard } of this.#entries.values()) for (const id of heard.keys()) heard.set(id, 'likely')
  }

  /** Agents whose executor is due for a successor by its age. */
  aged(nowMs: number): { agentId: string; generation: number }[] {
    return [...this.#entries].flatMap(([agentId, { generation, slots }]) =>
      [...slots.values()].some(({ current }) => current && current.sinceMs + maxExecutorAgeMs <= nowMs)
        ? [{ agentId, generation }]
        : [],
    )
  }

  #executorState(entry: Entry, role: string, nowMs: number): ExecutorState {
    const slot = entry.slots.get(role)
    const id = slot?.current?.info.executor_id.value
    if (id !== undefined && entry.heard.get(id) === 'runs') return 'running'
    // Where another one is, the agent has its archives already.
    return (slot && isStarting(slot, nowMs)) || entry.heard.size > 0 ? 'starting' : 'absent'
  }

  #slotOfExecutor(agentId: string, executorId: string): Slot | undefined {
    for (const slot of this.#entries.get(agentId)?.slots.values() ?? []) {
      if (slot.current?.info.executor_id.value === executorId) return slot
    }
    return undefined
  }

  #entry(agentId: string): Entry {
    const known = this.#entries.get(agentId)
    if (known) return known
    const entry: Entry = { generation: 0, slots: new Map(), heard: new Map(), failures: 0 }
    this.#entries.set(agentId, entry)
    return entry
  }
}

function slotOf({ slots }: Entry, role: string): Slot {
  const slot = slots.get(role) ?? {}
  slots.set(role, slot)
  return slot
}

function isStarting({ startingSinceMs }: Slot, nowMs: number): boolean {
  return startingSinceMs !== undefined && startingSinceMs + startingMs > nowMs
}

/** Of two reasons the one that lasts longer. */
function avoidOf({ avoidUntilMs = 0, drainingUntilMs = 0 }: Entry): AgentState['avoid'] {
  const untilMs = Math.max(avoidUntilMs, drainingUntilMs)
  if (untilMs === 0) return undefined
  return { untilMs, why: avoidUntilMs >= drainingUntilMs ? 'failed' : 'draining' }
}
