// What a client asked for, complete: every default filled in by the edge that accepted it. Pure data; imports nothing.

export interface Resources {
  /** Thousandths of a cpu. */
  readonly cpuMillis: number
  readonly memMb: number
  readonly diskMb: number
  /** How many host ports the task wants beside those of its port mappings. */
  readonly ports: number
}

export interface Volume {
  readonly hostPath: string
  readonly containerPath: string
  readonly readOnly: boolean
}

export interface PortMapping {
  readonly containerPort: number
  /** 0: any port of the offer. */
  readonly hostPort: number
  readonly protocol: 'tcp' | 'udp'
}

export interface DockerSpec {
  /** `bridge`, `host`, `none` or the name of a network on the agents. */
  readonly network: string
  readonly entrypoint?: readonly string[]
  readonly user?: string
  readonly workdir?: string
  readonly forcePull: boolean
  readonly privileged: boolean
  readonly volumes: readonly Volume[]
  readonly portMappings: readonly PortMapping[]
  readonly parameters: readonly { readonly key: string; readonly value: string }[]
}

export interface Uri {
  readonly value: string
  readonly extract: boolean
  readonly executable: boolean
  readonly cache: boolean
  readonly sha256?: string
}

/** Constraint fields for where an agent stands: Mesos calls that its fault domain. */
export const regionField = '@region'
export const zoneField = '@zone'

export interface Constraint {
  /** `hostname`, `@region`, `@zone`, or the name of an agent attribute. */
  readonly field: string
  readonly operator: 'in' | 'notIn'
  readonly values: readonly string[]
}

export interface RetryPolicy {
  /** How often a task that failed by its own fault runs again. */
  readonly max: number
  readonly backoffSeconds: number
  readonly backoffFactor: number
  readonly maxBackoffSeconds: number
}

export interface Callback {
  readonly url: string
  readonly on: readonly CallbackState[]
}

export type CallbackState = 'RUNNING' | 'FINISHED' | 'FAILED' | 'KILLED' | 'EXPIRED' | 'ERROR'

export interface TaskSpec {
  readonly name: string
  readonly image?: string
  readonly args: readonly string[]
  readonly command?: string
  readonly env: Readonly<Record<string, string>>
  readonly resources: Resources
  /** Present if and only if `image` is. */
  readonly docker?: DockerSpec
  readonly uris: readonly Uri[]
  readonly constraints: readonly Constraint[]
  readonly priority: number
  readonly labels: Readonly<Record<string, string>>
  readonly callback?: Callback
  /** Absent: no limit. */
  readonly maxRuntimeSeconds?: number
  /** Absent: no limit. All waiting together. */
  readonly maxQueueSeconds?: number
  readonly killGraceSeconds: number
  readonly retry: RetryPolicy
}
