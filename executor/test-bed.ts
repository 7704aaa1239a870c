// For tests: the executor as an agent runs it, on a local Mesos: the parent script, a real process, a scheduler that
// acknowledges. Only the two archives are missing: node and the sources are used where they are.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalMesos, type LocalMesosOptions } from 'local-mesos'
import type { CommandInfo, TaskInfo, TaskStatus } from 'mesos-http-client'
import { scalar, taskInfo, TestScheduler } from '../packages/local-mesos/testing/test-scheduler.ts'
import { executorSettings, taskOutcome, taskPayload } from '../proto/payload.ts'
import type { ExecutorSettings, TaskOutcome, TaskPayload } from '../proto/payload.ts'
import { pause, systemClock } from './clock.ts'
import { listProcesses, readVariables } from './command/proc.ts'

export const isRoot = process.getuid?.() === 0
const source = (name: string): string => join(import.meta.dirname, name)
/** `launcher` starts the executor's command, as an agent's own does with namespaces. */
function commandOf(launcher: string): CommandInfo {
  const lines = [
    `ln -s '${process.execPath}' node`,
    `echo 'import "${source('main.ts')}"' > executor.mjs`,
    `exec ${launcher} sh '${source('juice-executor')}'`,
  ]
  return { shell: true, value: lines.join(' && ') }
}

export class ExecutorBed {
  readonly mesos: LocalMesos
  readonly scheduler: TestScheduler
  /** What executors ask Mesos for. */
  executorResources: Readonly<Record<string, number>> = { cpus: 0.1, mem: 64 }
  /** A program, with its arguments, that starts executors. */
  launcher = ''
  readonly #dir: string
  readonly #settings: Uint8Array
  readonly #offersTaken = new Set<string>()
  #executors = 0

  static async start(settings: ExecutorSettings, options: LocalMesosOptions = {}): Promise<ExecutorBed> {
    const dir = await mkdtemp(join(tmpdir(), 'juice-executor-'))
    const mesos = await LocalMesos.start({
      agents: 1,
      workDir: join(dir, 'mesos'),
      allocationIntervalMs: 50,
      ...options,
    })
    return new ExecutorBed(dir, mesos, await TestScheduler.subscribe(mesos.url), settings)
  }

  private constructor(dir: string, mesos: LocalMesos, scheduler: TestScheduler, settings: ExecutorSettings) {
    this.#dir = dir
    this.mesos = mesos
    this.scheduler = scheduler
    this.#settings = executorSettings.encode({
      commandUser: isRoot ? '65534:65534' : String(process.getuid?.()),
      ...settings,
    })
  }

  async close(): Promise<void> {
    this.scheduler.close()
    await this.mesos.close()
    await rm(this.#dir, { recursive: true, force: true })
  }

  /**
   * Launches on a new executor, or on that of a task before; the task asks Mesos for `resources`.
   * @returns the executor's id.
   */
  async launch(
    id: string,
    payload: Partial<TaskPayload>,
    known?: string,
    resources: Readonly<Record<string, number>> = { cpus: 0.1, mem: 32 },
  ): Promise<string> {
    const executorId = known ?? `ex-${++this.#executors}`
    const offer = await this.scheduler.offer(
      ({ id: { value }, resources = [] }) =>
        !this.#offersTaken.has(value) &&
        resources.some(({ name, scalar: held }) => name === 'mem' && (held?.value ?? 0) > 1000),
    )
    this.#offersTaken.add(offer.id.value)
    const data = taskPayload.encode({ taskId: 7, attempt: 1, service: 'svc', ...payload })
    const info = taskInfo(offer, id, { executorId, command: commandOf(this.launcher), more: { data } })
    const task: TaskInfo = {
      ...info,
      resources: Object.entries(resources).map(([name, value]) => scalar(name, value)),
      executor: {
        ...info.executor!,
        data: this.#settings,
        resources: Object.entries(this.executorResources).map(([name, value]) => scalar(name, value)),
        shutdown_grace_period: { nanoseconds: 5_000_000_000 },
      },
    }
    await this.scheduler.launch(offer, [task])
    return executorId
  }

  async kill(id: string): Promise<void> {
    await this.scheduler.call({ type: 'KILL', kill: { task_id: { value: id } } })
  }

  async shutdown(executorId: string): Promise<void> {
    const agent_id = { value: this.mesos.agents[0]!.id }
    await this.scheduler.call({
      type: 'SHUTDOWN',
      shutdown: { executor_id: { value: executorId }, agent_id },
    })
  }

  /** Waits. @returns the raw wait status of the executor. */
  async failureOf(executorId: string): Promise<number | undefined> {
    const { failure } = await this.scheduler.event(
      'FAILURE',
      event => event.failure?.executor_id?.value === executorId,
    )
    return failure?.status
  }

  /** Each update once: an agent may tell one again until it is acknowledged. */
  statesOf(id: string): string {
    const byUuid = new Map(
      this.scheduler.updatesOf(id).map(({ uuid, state }) => [Buffer.from(uuid ?? []).toString('hex'), state]),
    )
    return [...byUuid.values()].map(state => state.slice('TASK_'.length)).join(' ')
  }

  /** Of the parent, and of the executor itself. */
  pidsOf(executorId: string): { readonly parent: number; readonly executor: number } {
    const found = this.mesos.agents[0]!.executors.find(each => each.executorId === executorId)
    const child = listProcesses().find(({ ppid }) => ppid === found?.pid)
    if (found?.pid === undefined || !child) throw new Error(`no executor ${executorId}`)
    return { parent: found.pid, executor: child.pid }
  }
}

export function outcomeOf(status: TaskStatus): TaskOutcome {
  return taskOutcome.decode(status.data ?? new Uint8Array())
}

/** Processes of a command task. */
export function processesOf(mesosTaskId: string): number[] {
  return listProcesses()
    .filter(({ pid }) => readVariables(pid, ['JUICE_MESOS_TASK_ID'])[0] === mesosTaskId)
    .map(({ pid }) => pid)
}

export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(systemClock, 10)
}
