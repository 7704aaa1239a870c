// The words between the scheduler's loop and a placement: what is offered, what waits, what should happen. Pure data.
// Amounts of cpus, mem and disk are integers in thousandths (S41: Mesos computes with three decimals).
import type { Constraint, PortMapping } from '../domain/spec.ts'

export type ScalarName = 'cpus' | 'mem' | 'disk'

/** One scalar entry of an offer's resource list that tasks may use. Reserved and unreserved parts stay apart (S29). */
export interface ScalarLump {
  readonly kind: 'scalar'
  readonly name: ScalarName
  /** Place in the offer's resource list: the piece that is given back has that entry's exact shape. */
  readonly index: number
  readonly amountMillis: number
  readonly reserved: boolean
}

/** Inclusive at both ends. */
export type PortRange = readonly [begin: number, end: number]

export interface PortsLump {
  readonly kind: 'ports'
  readonly index: number
  readonly ranges: readonly PortRange[]
  readonly reserved: boolean
}

export type Lump = ScalarLump | PortsLump

/** Of an agent's attribute: TEXT and each of a SET; SCALAR; each of RANGES, inclusive at both ends. */
export type AttributeValue = string | number | readonly [begin: number, end: number]

export interface OfferSnapshot {
  readonly offerId: string
  readonly agentId: string
  readonly hostname: string
  /** Offers of different roles never go into one ACCEPT (S40). */
  readonly role: string
  /** Every value that an agent's attribute of that name has. */
  readonly attributes: ReadonlyMap<string, readonly AttributeValue[]>
  /** Where the agent stands (S30); absent where nobody said so. */
  readonly region?: string
  readonly zone?: string
  readonly lumps: readonly Lump[]
  /** The agent has GPUs: tasks that need none stay away (S28). */
  readonly gpus: boolean
  /** Planned maintenance (S44). */
  readonly unavailable?: { readonly fromMs: number; readonly untilMs?: number }
}

/** What tasks have in common that placement looks at: one decision serves them all. */
export interface Shape {
  readonly key: string
  readonly tenant: string
  readonly priority: number
  readonly cpuMillis: number
  readonly memMb: number
  readonly diskMb: number
  /** Host ports that must be exactly these. */
  readonly fixedPorts: readonly number[]
  /** How many host ports of any number. */
  readonly anyPorts: number
  readonly constraints: readonly Constraint[]
  /** Absent: no limit. */
  readonly maxRuntimeMs?: number
}

export interface QueuedTask {
  readonly taskId: number
  readonly queuedAtMs: number
  /** Size of its part of the ACCEPT, in bytes (at least; an upper estimate is fine). */
  readonly launchBytes: number
}

/** Tasks of one shape, oldest first. */
export interface ShapeQueue {
  readonly shape: Shape
  readonly tasks: readonly QueuedTask[]
}

/** `running`: it surely runs there, no room is left for it; `starting`: launched, not heard of yet. */
export type ExecutorState = 'running' | 'starting' | 'absent'

export interface AgentState {
  /** By role: each role has an executor of its own on an agent. A role that is not here has none. */
  readonly executors: ReadonlyMap<string, ExecutorState>
  /** Nothing is placed there before this moment: its executor failed lately, or the operator drains it. */
  readonly avoid?: { readonly untilMs: number; readonly why: 'failed' | 'draining' }
}

export interface PlacementPolicy {
  /** What the executor itself takes from the offer (S43). */
  readonly executor: { readonly cpuMillis: number; readonly memMb: number; readonly diskMb: number }
  /** How many further executors may be started now, one for each agent and role: fetching counts within its time-out. */
  readonly coldAgents: number
  /** At most so many tasks in one plan: one transaction carries their intents. */
  readonly maxTasks: number
  /** At most so many bytes of tasks for one agent in one plan: the size of an ACCEPT is limited. */
  readonly maxLaunchBytes: number
  /** How long a task without maxRuntime is taken to run, where maintenance is planned. */
  readonly assumedRuntimeMs: number
  readonly refuse: {
    /** Something waits, but nothing of it fits this offer. */
    readonly noFitSeconds: number
    /** It will fit shortly without any change of the offer. */
    readonly soonSeconds: number
  }
}

export interface PlanInput {
  readonly queue: readonly ShapeQueue[]
  readonly offers: readonly OfferSnapshot[]
  /** The region of the master (S30): tasks go elsewhere only where a constraint says so. Absent: no such rule. */
  readonly homeRegion?: string
  /** An agent that is not here has no executor of ours. */
  readonly agents: ReadonlyMap<string, AgentState>
  readonly policy: PlacementPolicy
  readonly nowMs: number
}

/** A part of one entry of one offer. */
export type Piece =
  | {
      readonly kind: 'scalar'
      readonly offerId: string
      readonly index: number
      readonly amountMillis: number
    }
  | {
      readonly kind: 'ports'
      readonly offerId: string
      readonly index: number
      readonly ranges: readonly PortRange[]
    }

export interface PlacedTask {
  readonly taskId: number
  readonly pieces: readonly Piece[]
  /** Host ports for mappings with host port 0 in their order, then the task's further ports. */
  readonly ports: readonly number[]
}

export interface Launch {
  readonly agentId: string
  readonly role: string
  /** The offers that the pieces come from, each used up by this launch (S39). */
  readonly offerIds: readonly string[]
  readonly tasks: readonly PlacedTask[]
  /** Room that was left for the executor; absent where it surely runs. */
  readonly executor?: readonly Piece[]
}

export interface Decline {
  readonly offerId: string
  readonly refuseSeconds: number
}

/** Why a shape does not go to an agent. */
export type No =
  | {
      readonly kind: 'resource'
      readonly name: ScalarName
      readonly freeMillis: number
      readonly wantedMillis: number
    }
  | { readonly kind: 'ports'; readonly free: number; readonly wanted: number }
  | { readonly kind: 'fixed-port'; readonly port: number }
  /** The task would fit, but the executor that must be started beside it does not fit at all. */
  | {
      readonly kind: 'executor'
      readonly name: ScalarName
      readonly freeMillis: number
      readonly wantedMillis: number
    }
  | {
      readonly kind: 'constraint'
      readonly constraint: Constraint
      readonly found: readonly AttributeValue[]
    }
  | { readonly kind: 'region'; readonly region: string }
  | { readonly kind: 'maintenance'; readonly fromMs: number; readonly untilMs?: number; readonly on: boolean }
  | { readonly kind: 'gpu' }
  | { readonly kind: 'avoid'; readonly untilMs: number; readonly why: 'failed' | 'draining' }
  | { readonly kind: 'cold' }
  | { readonly kind: 'message-full' }

/** What agents say to a shape: by the role that they offered resources to, then by agent. */
export type Noes = ReadonlyMap<string, ReadonlyMap<string, No>>

/** Tasks of a shape that found no place, and what each agent said. */
export interface Refusal {
  readonly shape: Shape
  readonly waiting: number
  readonly noes: Noes
}

export interface Plan {
  readonly launches: readonly Launch[]
  /** Offers that nothing that waits can use. */
  readonly declines: readonly Decline[]
  /** Offers left over while nothing waits any more: whether they are held a moment is the loop's business. */
  readonly unused: readonly string[]
  /** By shape key; only shapes with tasks left. */
  readonly refusals: ReadonlyMap<string, Refusal>
  /** maxTasks was reached: plan again with what is left. */
  readonly more: boolean
}

/** A placement. First fit is one; whoever does better takes its place here. */
export type Placement = (input: PlanInput) => Plan

export function wantedPorts(
  mappings: readonly PortMapping[],
  furtherPorts: number,
): { fixed: number[]; any: number } {
  const fixed = new Set<number>()
  let any = furtherPorts
  for (const mapping of mappings) {
    if (mapping.hostPort === 0) any += 1
    else fixed.add(mapping.hostPort)
  }
  return { fixed: [...fixed].sort((a, b) => a - b), any }
}
