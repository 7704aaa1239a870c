// Builders for placement tests: offers and queues in few words.
import { shapeOf } from './shape.ts'
import type { Constraint, TaskSpec } from '../domain/spec.ts'
import type { Lump, OfferSnapshot, PlacementPolicy, PlanInput, PortRange, ShapeQueue } from './types.ts'

export const policy: PlacementPolicy = {
  executor: { cpuMillis: 100, memMb: 64, diskMb: 0 },
  coldAgents: 100,
  maxTasks: 1000,
  maxLaunchBytes: 3_500_000,
  assumedRuntimeMs: 3_600_000,
  refuse: { noFitSeconds: 60, soonSeconds: 1 },
}

interface OfferOptions {
  id?: string
  agent?: string
  cpus?: number
  memMb?: number
  diskMb?: number
  ports?: readonly PortRange[]
  reserved?: boolean
  hostname?: string
  attributes?: Record<string, string[]>
  gpus?: boolean
  unavailable?: { fromMs: number; untilMs?: number }
}

export function offer(o: OfferOptions = {}): OfferSnapshot {
  const reserved = o.reserved ?? false
  const agentId = o.agent ?? 'a1'
  const lumps: Lump[] = [
    { kind: 'scalar', name: 'cpus', index: 0, amountMillis: Math.round((o.cpus ?? 4) * 1000), reserved },
    { kind: 'scalar', name: 'mem', index: 1, amountMillis: (o.memMb ?? 4096) * 1000, reserved },
    { kind: 'scalar', name: 'disk', index: 2, amountMillis: (o.diskMb ?? 1024) * 1000, reserved },
    { kind: 'ports', index: 3, ranges: o.ports ?? [[31000, 31009]], reserved },
  ]
  return {
    offerId: o.id ?? `${agentId}-o1`,
    agentId,
    hostname: o.hostname ?? `${agentId}.example`,
    role: 'juice',
    attributes: new Map(Object.entries(o.attributes ?? {})),
    lumps,
    gpus: o.gpus ?? false,
    ...(o.unavailable ? { unavailable: o.unavailable } : {}),
  }
}

interface TaskOptions {
  cpus?: number
  memMb?: number
  diskMb?: number
  ports?: number
  hostPorts?: number[]
  priority?: number
  tenant?: string
  constraints?: Constraint[]
  maxRuntimeSeconds?: number
}

export function spec(o: TaskOptions = {}): TaskSpec {
  return {
    name: 'test',
    image: 'busybox',
    args: [],
    env: {},
    resources: {
      cpuMillis: Math.round((o.cpus ?? 1) * 1000),
      memMb: o.memMb ?? 512,
      diskMb: o.diskMb ?? 0,
      ports: o.ports ?? 0,
    },
    docker: {
      network: 'bridge',
      forcePull: false,
      privileged: false,
      volumes: [],
      portMappings: (o.hostPorts ?? []).map((hostPort, at) => ({
        containerPort: 80 + at,
        hostPort,
        protocol: 'tcp',
      })),
      parameters: [],
    },
    uris: [],
    constraints: o.constraints ?? [],
    priority: o.priority ?? 0,
    labels: {},
    killGraceSeconds: 10,
    retry: { max: 0, backoffSeconds: 1, backoffFactor: 2, maxBackoffSeconds: 300 },
    ...(o.maxRuntimeSeconds === undefined ? {} : { maxRuntimeSeconds: o.maxRuntimeSeconds }),
  }
}

/** A queue of tasks that share a shape; a task is as old as its id says. */
export function queue(taskIds: readonly number[], o: TaskOptions = {}): ShapeQueue {
  return {
    shape: shapeOf(o.tenant ?? 'default', spec(o)),
    tasks: taskIds.map(taskId => ({ taskId, queuedAtMs: taskId, launchBytes: 1000 })),
  }
}

export function input(o: Partial<PlanInput>): PlanInput {
  return { queue: [], offers: [], agents: new Map(), policy, nowMs: 1_000_000, ...o }
}
