// What the tests of the loop's parts share: recorded calls, offers, pending tasks, a clock that stands still.
import type { Offer, Resource, SchedulerCall } from 'mesos-http-client'
import type { TaskSpec } from '../../domain/spec.ts'
import type { PendingTask } from '../../usecases/index.ts'
import type { MesosCalls } from '../calls.ts'

/** Remembers every call; `fail` makes the next ones reject. */
export class RecordedCalls implements MesosCalls {
  readonly calls: SchedulerCall[] = []
  fail: ((call: SchedulerCall) => Error | undefined) | undefined
  #waiters: { enough: (calls: readonly SchedulerCall[]) => boolean; done: () => void }[] = []

  call(call: SchedulerCall): Promise<void> {
    this.calls.push(call)
    for (const { enough, done } of this.#waiters) if (enough(this.calls)) done()
    const error = this.fail?.(call)
    return error ? Promise.reject(error) : Promise.resolve()
  }

  of<T extends NonNullable<SchedulerCall['type']>>(type: T): SchedulerCall[] {
    return this.calls.filter(call => call.type === type)
  }

  /** Resolves once this many calls of the type were made. */
  async until(type: NonNullable<SchedulerCall['type']>, count = 1): Promise<void> {
    const enough = (): boolean => this.of(type).length >= count
    if (enough()) return
    await new Promise<void>(done => this.#waiters.push({ enough, done }))
  }
}

export function scalar(name: string, value: number, more: Partial<Resource> = {}): Resource {
  return { name, type: 'SCALAR', scalar: { value }, allocation_info: { role: 'juice' }, ...more }
}

export function ports(...ranges: [number, number][]): Resource {
  return {
    name: 'ports',
    type: 'RANGES',
    ranges: { range: ranges.map(([begin, end]) => ({ begin, end })) },
    allocation_info: { role: 'juice' },
  }
}

export function offer(id: string, agentId = 'agent-1', resources?: readonly Resource[]): Offer {
  return {
    id: { value: id },
    framework_id: { value: 'framework-1' },
    agent_id: { value: agentId },
    hostname: `${agentId}.example`,
    url: {
      scheme: 'http',
      address: { hostname: `${agentId}.example`, ip: '10.0.0.1', port: 5051 },
      path: '/slave(1)',
    },
    allocation_info: { role: 'juice' },
    resources: resources ?? [scalar('cpus', 4), scalar('mem', 4096), ports([31000, 31009])],
  }
}

export function taskSpec(more: Partial<TaskSpec> = {}): TaskSpec {
  return {
    name: 'demo',
    args: [],
    command: 'true',
    env: {},
    resources: { cpuMillis: 500, memMb: 64, diskMb: 0, ports: 0 },
    uris: [],
    constraints: [],
    priority: 0,
    labels: {},
    killGraceSeconds: 10,
    retry: { max: 0, backoffSeconds: 1, backoffFactor: 2, maxBackoffSeconds: 300 },
    ...more,
  }
}

export function pendingTask(taskId: number, more: Partial<PendingTask> = {}): PendingTask {
  const spec = more.spec ?? taskSpec()
  return {
    taskId,
    name: spec.name,
    tenant: 'default',
    priority: spec.priority,
    queuedAt: new Date(taskId),
    spec,
    attempt: 0,
    ...more,
  }
}

/** A clock that goes only when told. */
export class TestClock {
  nowMs: number

  constructor(nowMs = 1_000_000) {
    this.nowMs = nowMs
  }

  readonly now = (): number => this.nowMs

  pass(ms: number): void {
    this.nowMs += ms
  }
}

/** A moment between two looks at what changes elsewhere. */
export async function look(): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 5))
}

export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await look()
}
