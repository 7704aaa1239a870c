// Everything that can be set about a framework process, read once at its start from the environment: what belongs together
// is in config/, the rest here. Nobody else knows the variables' names; docs/ and the start's errors speak of them in the same
// words. The only module that reads process.env.
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { readExecutor, type ExecutorConfig } from './config/executor.ts'
import { isEverywhere, readHttp, readMarathon, urlOf, type HttpConfig } from './config/http.ts'
import { readMesos, unreachablePublicUrl, type MesosConfig } from './config/mesos.ts'
import {
  baseUrl,
  oneOf,
  printable,
  secretBeforeAt,
  unixUser,
  Variables,
  wholeNumber,
  withoutCredentials,
  Wrong,
  type Environment,
} from './environment.ts'

export { withoutCredentials, type ExecutorConfig, type HttpConfig, type MesosConfig }

export interface Config {
  readonly databaseUrl: string
  readonly mesos: MesosConfig
  readonly framework: FrameworkConfig
  /** This machine's name, for people and for URLs: `$HOST` where Marathon runs us. */
  readonly hostname: string
  /** Set where Marathon runs us, such as `/juice`. */
  readonly marathonAppId?: string
  readonly http: HttpConfig
  /** What agents and people reach, without a closing slash. May be a load balancer. */
  readonly publicUrl: string
  /** What the other framework processes reach: this very one. */
  readonly advertiseUrl: string
  readonly executor: ExecutorConfig
  /** How long a relaunch waits where the dead executor's container may still run. */
  readonly orphanWaitMs: number
  /** How long an unreachable agent's tasks are waited for before they run elsewhere. */
  readonly unreachableWaitMs: number
  readonly log: { readonly level: LogLevel; readonly format: LogFormat }
  /** To be logged at each start. */
  readonly warnings: readonly string[]
}

export interface FrameworkConfig {
  readonly name: string
  /** The executor's unix user. */
  readonly user: string
  readonly failoverTimeoutSeconds: number
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export type LogLevel = (typeof logLevels)[number]
export type LogFormat = 'json' | 'pattern'

/** Says all that is wrong, one sentence for each variable. */
export class ConfigError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`wrong configuration:\n${problems.map(problem => `  ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

export interface ReadConfigOptions {
  readonly readFile?: (path: string) => string
  /** This machine's name, for URLs of a process that listens on all addresses. */
  readonly hostname?: string
}

/** What is needed to work on the store alone. */
export interface StoreConfig {
  readonly databaseUrl: string
  readonly frameworkName: string
  readonly orphanWaitMs: number
  readonly unreachableWaitMs: number
}

/** As `readConfig`, for a command that only works on the store: other variables are not looked at. */
export function readStoreConfig(
  env: Environment = process.env,
  options: ReadConfigOptions = {},
): StoreConfig {
  const variables = new Variables(env, options.readFile ?? (path => readFileSync(path, 'utf8')))
  const { databaseUrl, ...store } = readStore(variables)
  if (databaseUrl === undefined || variables.errors.length > 0) throw new ConfigError(variables.errors)
  return { databaseUrl, ...store }
}

function readStore(
  variables: Variables,
): Omit<StoreConfig, 'databaseUrl'> & { readonly databaseUrl: string | undefined } {
  const seconds = wholeNumber(0, 86_400)
  return {
    databaseUrl: variables.require(
      'JUICE_DATABASE_URL',
      databaseUrlOf,
      'for example postgres://juice:secret@host:5432/juice',
      { secret: true },
    ),
    frameworkName: variables.read('JUICE_FRAMEWORK_NAME', printable(100), 'juice'),
    orphanWaitMs: variables.read('JUICE_ORPHAN_WAIT_SECONDS', seconds, 60) * 1000,
    // An agent that is not told by ZooKeeper finds a restarted master after about 75 s without pings.
    unreachableWaitMs: variables.read('JUICE_UNREACHABLE_WAIT_SECONDS', seconds, 90) * 1000,
  }
}

/** The configuration in `env`, complete; throws ConfigError with everything that is wrong. */
export function readConfig(env: Environment = process.env, options: ReadConfigOptions = {}): Config {
  const readFile = options.readFile ?? (path => readFileSync(path, 'utf8'))
  const variables = new Variables(env, readFile)
  const warnings: string[] = []

  const { databaseUrl, frameworkName, orphanWaitMs, unreachableWaitMs } = readStore(variables)
  const mesos = readMesos(variables, readFile)
  const framework = {
    name: frameworkName,
    user: variables.read('JUICE_FRAMEWORK_USER', unixUser, 'root'),
    failoverTimeoutSeconds: variables.read(
      'JUICE_FAILOVER_TIMEOUT_SECONDS',
      wholeNumber(0, 10 * 365 * 86_400),
      604_800,
    ),
  }
  const marathon = readMarathon(variables, env)
  const http = readHttp(variables, env, marathon, warnings)
  const executor = readExecutor(variables)
  const log = {
    level: variables.read('JUICE_LOG_LEVEL', oneOf(...logLevels), 'info'),
    format: variables.read('JUICE_LOG_FORMAT', oneOf('json', 'pattern'), 'json'),
  }

  const machine = marathon?.host ?? options.hostname ?? hostname()
  // With bridge networking the container's port is not the host's; only that one is reached from outside.
  const port = isEverywhere(http.host) ? (marathon?.port ?? http.port) : http.port
  const url = urlOf(http.host, port, machine)
  const publicUrl = variables.read('JUICE_PUBLIC_URL', baseUrl, url, secretBeforeAt)
  const advertiseUrl = variables.read('JUICE_ADVERTISE_URL', baseUrl, url, secretBeforeAt)
  const unreachable = unreachablePublicUrl(publicUrl, mesos.masters)
  if (unreachable !== undefined) variables.errors.push(unreachable)

  readOthers(variables, warnings)
  variables.refuseUnknown('JUICE_')
  if (databaseUrl === undefined || variables.errors.length > 0) throw new ConfigError(variables.errors)
  return {
    databaseUrl,
    mesos,
    framework,
    hostname: machine,
    ...(marathon ? { marathonAppId: marathon.appId } : {}),
    http,
    publicUrl,
    advertiseUrl,
    executor,
    orphanWaitMs,
    unreachableWaitMs,
    log,
    warnings,
  }
}

/** The same configuration once the process listens on `port`: URLs derived from port 0 get the real one. */
export function atPort(config: Config, port: number): Config {
  const fix = (url: string): string => {
    const parsed = new URL(url)
    if (parsed.port !== '0') return url
    parsed.port = String(port)
    return parsed.origin
  }
  return {
    ...config,
    http: { ...config.http, port },
    publicUrl: fix(config.publicUrl),
    advertiseUrl: fix(config.advertiseUrl),
  }
}

/** Variables of what is not there yet: harmless ones get a warning, ones that someone counts on stop the start. */
function readOthers(variables: Variables, warnings: string[]): void {
  if (variables.read('JUICE_GRPC_PORT', wholeNumber(0, 65_535), undefined) !== undefined)
    warnings.push('JUICE_GRPC_PORT has no effect in this version: there is no gRPC server')
  if (variables.read('JUICE_V1_TENANT', printable(100), undefined) !== undefined)
    warnings.push('JUICE_V1_TENANT has no effect in this version: there is no Juice v1 API')
  variables.refuse(
    'JUICE_CALLBACK_SECRET',
    'this version does not sign callbacks, and their receivers would trust them',
  )
  variables.refuse(
    'JUICE_CALLBACK_ALLOW',
    'this version has only the default rule for the hosts of callbacks (no loopback, link-local or metadata addresses)',
  )
}

function databaseUrlOf(text: string): string {
  if (!URL.canParse(text) || !/^postgres(ql)?:\/\//.test(text))
    throw new Wrong('a URL such as postgres://juice:secret@host:5432/juice')
  return text
}
