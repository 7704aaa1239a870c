// The body of the Engine API's POST /containers/create, as far as we fill it in. Types only; names are the API's.

export interface CreateBody {
  Image: string
  Env?: string[]
  Entrypoint?: string[]
  Cmd?: string[]
  User?: string
  WorkingDir?: string
  Hostname?: string
  Domainname?: string
  StopSignal?: string
  Labels?: Record<string, string>
  ExposedPorts?: Record<string, object>
  AttachStdout?: boolean
  AttachStderr?: boolean
  HostConfig: HostConfig
}

export interface HostConfig {
  NetworkMode?: string
  PortBindings?: Record<string, { HostPort: string }[]>
  Mounts?: Mount[]
  Privileged?: boolean
  Init?: boolean
  ReadonlyRootfs?: boolean
  LogConfig?: { Type: string }
  RestartPolicy?: { Name: string }
  CpuShares?: number
  NanoCpus?: number
  CpuQuota?: number
  CpuPeriod?: number
  CpusetCpus?: string
  CpusetMems?: string
  Memory?: number
  MemorySwap?: number
  MemoryReservation?: number
  MemorySwappiness?: number
  BlkioWeight?: number
  OomScoreAdj?: number
  PidsLimit?: number
  ShmSize?: number
  Ulimits?: { Name: string; Soft: number; Hard: number }[]
  CapAdd?: string[]
  CapDrop?: string[]
  SecurityOpt?: string[]
  Devices?: { PathOnHost: string; PathInContainer: string; CgroupPermissions: string }[]
  ExtraHosts?: string[]
  Dns?: string[]
  DnsSearch?: string[]
  DnsOptions?: string[]
  Tmpfs?: Record<string, string>
  Sysctls?: Record<string, string>
  GroupAdd?: string[]
  IpcMode?: string
  StorageOpt?: Record<string, string>
  Runtime?: string
}

export interface Mount {
  Type: 'bind'
  Source: string
  Target: string
  ReadOnly: boolean
}
