// What the package offers. Everything here is public; everything else may change.
export { LocalMesos } from './local-mesos.ts'
export { LocalMaster } from './local-master.ts'
export { LocalAgent, type RunningExecutor } from './local-agent.ts'
export type {
  AgentOptions,
  AgentResources,
  FaultDomain,
  IsolationOptions,
  LocalMesosOptions,
  SimulationOptions,
} from './options.ts'
export type { LogEntry } from './core/log.ts'
export { systemClock, type Clock, type Timer } from './core/clock.ts'
