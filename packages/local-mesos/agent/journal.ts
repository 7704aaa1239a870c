// What an agent remembers over its own death: its identity, and per executor run the launches, updates and
// acknowledgements, appended line by line as they happen. Only frameworks with `checkpoint` are journalled.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type {
  AgentInfo,
  DrainConfig,
  ExecutorInfo,
  FrameworkInfo,
  Resource,
  TaskInfo,
  TaskStatus,
} from 'mesos-http-client'
import { storedText, storedValue } from '../core/stored-json.ts'
import type { Executor } from './state.ts'

export type JournalEntry =
  | {
      readonly type: 'run'
      readonly framework: FrameworkInfo
      readonly executor: ExecutorInfo
      readonly containerId: string
      readonly directory: string
      readonly user: string
      readonly kind: Executor['kind']
    }
  | { readonly type: 'framework'; readonly framework: FrameworkInfo }
  | { readonly type: 'started'; readonly pid: number; readonly startTime: string | undefined }
  | { readonly type: 'task'; readonly task: TaskInfo }
  | { readonly type: 'update'; readonly status: TaskStatus }
  | { readonly type: 'acknowledged'; readonly taskId: string; readonly uuid: string }

interface KeptResources {
  readonly declared: readonly Resource[]
  readonly total: readonly Resource[]
}

export class Journal {
  readonly #directory: string

  /** `workDir` is the agent's; the journal lives in its `meta` folder. */
  constructor(workDir: string) {
    this.#directory = join(workDir, 'meta')
  }

  readAgent(): AgentInfo | undefined {
    const file = join(this.#directory, 'agent.json')
    return existsSync(file) ? (storedValue(readFileSync(file, 'utf8')) as AgentInfo) : undefined
  }

  writeAgent(info: AgentInfo): void {
    mkdirSync(this.#directory, { recursive: true })
    writeFileSync(join(this.#directory, 'agent.json'), storedText(info))
  }

  /**
   * The agent's resources with the dynamic reservations that were made of them; undefined where there never were any,
   * or where the agent has been given other resources since.
   */
  readResources(declared: readonly Resource[]): readonly Resource[] | undefined {
    const file = join(this.#directory, 'resources.json')
    if (!existsSync(file)) return undefined
    const kept = storedValue(readFileSync(file, 'utf8')) as KeptResources
    return storedText(kept.declared) === storedText(declared) ? kept.total : undefined
  }

  writeResources(kept: KeptResources): void {
    mkdirSync(this.#directory, { recursive: true })
    writeFileSync(join(this.#directory, 'resources.json'), storedText(kept))
  }

  /** What an operator drains the agent with, while that is not over. */
  readDrain(): DrainConfig | undefined {
    const file = join(this.#directory, 'drain.json')
    return existsSync(file) ? (storedValue(readFileSync(file, 'utf8')) as DrainConfig) : undefined
  }

  writeDrain(config: DrainConfig | undefined): void {
    const file = join(this.#directory, 'drain.json')
    if (config === undefined) {
      rmSync(file, { force: true })
      return
    }
    mkdirSync(this.#directory, { recursive: true })
    writeFileSync(file, storedText(config))
  }

  /** Forgets everything: the agent may not come back under this identity. */
  clear(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }

  open(executor: Executor, framework: FrameworkInfo): void {
    if (!executor.checkpoint) return
    const { info, containerId, directory, user, kind } = executor
    mkdirSync(dirname(this.#file(executor)), { recursive: true })
    this.append(executor, { type: 'run', framework, executor: info, containerId, directory, user, kind })
  }

  /** On disk when this returns, which is what ACKNOWLEDGED tells an executor. */
  append(executor: Executor, entry: JournalEntry): void {
    if (!executor.checkpoint) return
    appendFileSync(this.#file(executor), `${storedText(entry)}\n`)
  }

  remove(executor: Executor): void {
    if (executor.checkpoint) rmSync(dirname(this.#file(executor)), { recursive: true, force: true })
  }

  /** All runs that have not been removed, each with its entries in order. A torn last line is left out. */
  readRuns(): JournalEntry[][] {
    const runs = join(this.#directory, 'runs')
    if (!existsSync(runs)) return []
    return readdirSync(runs)
      .sort()
      .map(containerId => entries(join(runs, containerId, 'journal.jsonl')))
      .filter(run => run.length > 0)
  }

  #file(executor: Executor): string {
    return join(this.#directory, 'runs', executor.containerId, 'journal.jsonl')
  }
}

function entries(file: string): JournalEntry[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map(line => storedValue(line) as JournalEntry)
}
