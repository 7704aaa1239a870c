// The environment of an executor, complete as a real agent gives it; nothing of this process' own gets in (E6).
import type { FrameworkInfo } from 'mesos-http-client'
import { formatDuration } from '../model/duration.ts'
import type { Executor } from './state.ts'

export interface EnvironmentSource {
  readonly agentId: string
  /** `ip:port` of the agent. */
  readonly endpoint: string
  readonly executorShutdownGraceMs: number
  readonly recoveryTimeoutMs: number
  /** Path of the unix socket for executors (E5). */
  readonly domainSocket?: string
  /** Makes the token that an executor must show (E4). */
  readonly token?: (executor: Executor) => string
}

/** The longest pause of an executor between two tries to subscribe (E33). */
const subscriptionBackoffMax = '2secs'
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** E1 to E3: the ids, the sandbox, durations in Mesos' text form; the recovery settings only with checkpoint. */
export function executorEnvironment(
  executor: Executor,
  framework: FrameworkInfo,
  source: EnvironmentSource,
): Record<string, string> {
  const asked = executor.info.shutdown_grace_period?.nanoseconds
  const graceMs = asked === undefined ? source.executorShutdownGraceMs : Number(asked) / 1_000_000
  const own: Record<string, string> = {
    LIBPROCESS_IP: source.endpoint.split(':')[0] ?? '',
    LIBPROCESS_PORT: '0',
    MESOS_AGENT_ENDPOINT: source.endpoint,
    MESOS_CHECKPOINT: executor.checkpoint ? '1' : '0',
    MESOS_DIRECTORY: executor.directory,
    MESOS_EXECUTOR_ID: executor.id,
    MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: formatDuration(graceMs),
    MESOS_FRAMEWORK_ID: framework.id?.value ?? '',
    MESOS_HTTP_COMMAND_EXECUTOR: '0',
    MESOS_NATIVE_JAVA_LIBRARY: '/usr/lib/libmesos-1.12.0.so',
    MESOS_NATIVE_LIBRARY: '/usr/lib/libmesos-1.12.0.so',
    MESOS_SANDBOX: executor.directory,
    MESOS_SLAVE_ID: source.agentId,
    MESOS_SLAVE_PID: `slave(1)@${source.endpoint}`,
    PATH: path,
    ...(source.domainSocket !== undefined && { MESOS_DOMAIN_SOCKET: source.domainSocket }),
    ...(source.token !== undefined && { MESOS_EXECUTOR_AUTHENTICATION_TOKEN: source.token(executor) }),
    ...(executor.checkpoint && {
      MESOS_RECOVERY_TIMEOUT: formatDuration(source.recoveryTimeoutMs),
      MESOS_SUBSCRIPTION_BACKOFF_MAX: subscriptionBackoffMax,
    }),
  }
  for (const variable of executor.info.command?.environment?.variables ?? []) {
    own[variable.name] = variable.value ?? ''
  }
  return own
}
