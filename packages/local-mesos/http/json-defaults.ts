// Mesos' JSON names fields with a default though nobody set them; its protobuf does not. Pure.
import type {
  CommandInfo,
  ExecutorEvent,
  ExecutorInfo,
  FrameworkInfo,
  SchedulerEvent,
  TaskInfo,
} from 'mesos-http-client'

export function commandWithDefaults(info: CommandInfo): CommandInfo {
  const { environment, uris } = info
  return {
    shell: true,
    ...info,
    ...(environment !== undefined && {
      environment: {
        variables: (environment.variables ?? []).map(variable => ({ type: 'VALUE', ...variable })),
      },
    }),
    ...(uris !== undefined && { uris: uris.map(uri => ({ extract: true, ...uri })) }),
  }
}

function executor(info: ExecutorInfo): ExecutorInfo {
  return { ...info, ...(info.command !== undefined && { command: commandWithDefaults(info.command) }) }
}

function task(info: TaskInfo): TaskInfo {
  return {
    ...info,
    ...(info.executor !== undefined && { executor: executor(info.executor) }),
    ...(info.command !== undefined && { command: commandWithDefaults(info.command) }),
  }
}

function framework(info: FrameworkInfo): FrameworkInfo {
  return { failover_timeout: 0, checkpoint: false, ...info }
}

/** A scheduler's event as Mesos writes it in JSON. */
export function schedulerEventWithDefaults(event: SchedulerEvent): SchedulerEvent {
  const container = event.update?.status.container_status
  if (event.update === undefined || container?.network_infos === undefined) return event
  const networks = container.network_infos.map(network => ({
    ...network,
    ip_addresses: (network.ip_addresses ?? []).map(address => ({ protocol: 'IPv4' as const, ...address })),
  }))
  const status = { ...event.update.status, container_status: { ...container, network_infos: networks } }
  return { ...event, update: { status } }
}

/** An executor's event as Mesos writes it in JSON. */
export function executorEventWithDefaults(event: ExecutorEvent): ExecutorEvent {
  if (event.launch !== undefined) return { ...event, launch: { task: task(event.launch.task) } }
  if (event.subscribed === undefined) return event
  return {
    ...event,
    subscribed: {
      ...event.subscribed,
      executor_info: executor(event.subscribed.executor_info),
      framework_info: framework(event.subscribed.framework_info),
    },
  }
}
