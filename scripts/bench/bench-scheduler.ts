// A scheduler of the benchmark's own: launches one task at a time on Juice's executor and tells what it took there.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { SchedulerClient, type Offer, type SchedulerEvent, type TaskStatus } from 'mesos-http-client'
import { packExecutor } from '../../executor/pack.ts'
import { executorInfo } from '../../framework/scheduler/executor-info.ts'
import { taskOutcome, taskPayload, type TaskPayload } from '../../proto/payload.ts'

const role = 'bench'
const packDir = join(import.meta.dirname, '../../build/executor')

type Handler = (event: SchedulerEvent) => void

export class BenchScheduler {
  readonly #client: SchedulerClient
  readonly #uris: readonly string[]
  readonly #dockerHost: string
  readonly #handlers = new Set<Handler>()
  #offer = Promise.withResolvers<Offer>()

  /** Subscribes and waits for the first offer. */
  static async start(master: string, dockerHost: string): Promise<BenchScheduler> {
    const { runtime, bundle } = await packExecutor({ outDir: packDir })
    const scheduler = new BenchScheduler(master, dockerHost, [runtime.path, bundle.path])
    scheduler.#client.start()
    await scheduler.#offer.promise
    return scheduler
  }

  private constructor(master: string, dockerHost: string, uris: readonly string[]) {
    this.#uris = uris
    this.#dockerHost = dockerHost
    this.#client = new SchedulerClient({
      masters: [master],
      codec: 'protobuf',
      frameworkInfo: {
        user: 'root',
        name: 'juice-bench',
        roles: [role],
        checkpoint: true,
        capabilities: [
          { type: 'MULTI_ROLE' },
          { type: 'RESERVATION_REFINEMENT' },
          { type: 'PARTITION_AWARE' },
        ],
      },
      onPhase: () => {},
      onEvent: event => {
        const [offer] = event.offers?.offers ?? []
        if (offer !== undefined) this.#offer.resolve(offer)
        for (const handler of this.#handlers) handler(event)
      },
    })
  }

  /** Milliseconds at the executor from the LAUNCH (its STARTING) to the engine's time of the start; waits for the end. */
  async launch(taskId: string, payload: TaskPayload): Promise<number> {
    const offer = await this.#offer.promise
    this.#offer = Promise.withResolvers()
    const frameworkId = this.#client.frameworkId
    if (frameworkId === undefined) throw new Error('an offer came before a framework id')
    const allocated = (name: string, value: number) => ({
      name,
      type: 'SCALAR' as const,
      scalar: { value },
      allocation_info: { role },
    })
    const ended = this.#watch(taskId)
    await this.#client.accept({
      offer_ids: [offer.id],
      operations: [
        {
          type: 'LAUNCH',
          launch: {
            task_infos: [
              {
                name: taskId,
                task_id: { value: `${taskId}-${randomUUID()}` },
                agent_id: offer.agent_id,
                resources: [allocated('cpus', 0.1), allocated('mem', 32)],
                executor: executorInfo({
                  template: { uris: this.#uris, settings: { dockerHost: this.#dockerHost }, source: role },
                  frameworkId,
                  resources: [allocated('cpus', 0.1), allocated('mem', 160)],
                  generation: 0,
                }),
                data: taskPayload.encode({ taskId: 1, attempt: 1, service: role, ...payload }),
              },
            ],
          },
        },
      ],
      filters: { refuse_seconds: 0 },
    })
    return await ended
  }

  #watch(name: string): Promise<number> {
    return new Promise((resolve, reject) => {
      let receivedMs = 0
      let startedMs = 0
      const take = (status: TaskStatus): boolean => {
        if (status.state === 'TASK_STARTING') receivedMs = (status.timestamp ?? 0) * 1000
        if (status.state === 'TASK_RUNNING' && status.data)
          startedMs = taskOutcome.decode(status.data).startedAtMs ?? 0
        if (status.state === 'TASK_FINISHED') resolve(startedMs - receivedMs)
        else if (status.state === 'TASK_FAILED') reject(new Error(`${name} failed: ${status.message}`))
        else return false
        return true
      }
      const handler: Handler = event => {
        const status = event.update?.status
        if (!status?.task_id?.value.startsWith(`${name}-`)) return
        void this.#client.acknowledge(status)
        if (take(status)) this.#handlers.delete(handler)
      }
      this.#handlers.add(handler)
    })
  }

  async close(): Promise<void> {
    await this.#client.call({ type: 'TEARDOWN' })
    await this.#client.close()
  }
}
