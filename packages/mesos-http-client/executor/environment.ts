// What an agent tells its executor by environment variables (E1-E5). Pure but for taking the token out.
import { executorTls, type ExecutorTls } from './tls.ts'

/** What an agent tells by MESOS_* variables, in milliseconds where it is time. */
export interface ExecutorEnvironment {
  readonly frameworkId: string
  readonly executorId: string
  readonly agentId: string
  /** `host:port` */
  readonly agentEndpoint: string
  /** The executor's sandbox, as it sees it. */
  readonly sandbox: string
  readonly checkpoint: boolean
  readonly shutdownGracePeriodMs: number
  /** 0 without checkpoint: there is nothing to wait for (E32). */
  readonly recoveryTimeoutMs: number
  readonly subscriptionBackoffMaxMs: number
  /** For `Authorization: Bearer` (E4). */
  readonly token?: string
  /** HTTP over this unix socket instead of the endpoint (E5). */
  readonly domainSocket?: string
  /** The agent speaks TLS on its endpoint; not on its socket. */
  readonly tls?: ExecutorTls
  /** The agent's name within its process, such as `slave(1)`: only paths that begin with it are served on its socket. */
  readonly agentProcess?: string
}

const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  secs: 1_000,
  mins: 60_000,
  hrs: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
}

/**
 * Milliseconds of a duration as Mesos writes it, such as `15mins`, `2secs`, `250ms`, `1.5hrs` (E3).
 * @throws RangeError if it is none
 */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)([a-z]+)$/.exec(text) ?? []
  const perUnit = units[unit ?? '']
  if (amount === undefined || perUnit === undefined) {
    throw new RangeError(`${JSON.stringify(text)} is no duration such as 15mins, 2secs or 250ms`)
  }
  return Number(amount) * perUnit
}

/**
 * Reads what the agent said. Takes MESOS_EXECUTOR_AUTHENTICATION_TOKEN out of `env`, so that no child inherits it (E4).
 * @param env such as process.env
 * @throws Error that names every variable which is missing or wrong
 */
export function executorEnvironment(env: Record<string, string | undefined>): ExecutorEnvironment {
  const wrong: string[] = []
  const text = (name: string, ...others: string[]): string => {
    const value = [name, ...others].map(each => env[each]).find(each => each !== undefined && each !== '')
    if (value === undefined) wrong.push(`${name} is missing`)
    return value ?? ''
  }
  const duration = (name: string): number => {
    const value = text(name)
    try {
      return value === '' ? 0 : parseDuration(value)
    } catch (error) {
      wrong.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
      return 0
    }
  }
  // Mesos sends 1 and 0, its documentation says true (E2); absent is no
  const flag = (name: string): boolean => {
    const value = env[name] ?? '0'
    if (!['1', '0', 'true', 'false'].includes(value)) wrong.push(`${name} is neither 1 nor 0: ${value}`)
    return value === '1' || value === 'true'
  }

  const checkpoint = flag('MESOS_CHECKPOINT')
  const parsed: ExecutorEnvironment = {
    frameworkId: text('MESOS_FRAMEWORK_ID'),
    executorId: text('MESOS_EXECUTOR_ID'),
    agentId: text('MESOS_SLAVE_ID', 'MESOS_AGENT_ID'),
    agentEndpoint: text('MESOS_AGENT_ENDPOINT'),
    sandbox: text('MESOS_SANDBOX', 'MESOS_DIRECTORY'),
    checkpoint,
    shutdownGracePeriodMs: duration('MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD'),
    recoveryTimeoutMs: checkpoint ? duration('MESOS_RECOVERY_TIMEOUT') : 0,
    subscriptionBackoffMaxMs: checkpoint ? duration('MESOS_SUBSCRIPTION_BACKOFF_MAX') : 0,
  }
  const token = env['MESOS_EXECUTOR_AUTHENTICATION_TOKEN']
  delete env['MESOS_EXECUTOR_AUTHENTICATION_TOKEN']
  const domainSocket = env['MESOS_DOMAIN_SOCKET']
  const agentProcess = env['MESOS_SLAVE_PID']?.split('@')[0]
  const tls = executorTls(env, problem => wrong.push(problem))
  if (wrong.length > 0) throw new Error(`not started by a Mesos agent: ${wrong.join('; ')}`)
  return {
    ...parsed,
    ...(token === undefined || token === '' ? {} : { token }),
    ...(domainSocket === undefined || domainSocket === '' ? {} : { domainSocket }),
    ...(tls === undefined ? {} : { tls }),
    ...(agentProcess === undefined || agentProcess === '' ? {} : { agentProcess }),
  }
}
