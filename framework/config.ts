// Everything that can be set about a framework process, read once at its start from the environment.
// The only module that knows the variables' names; docs/ and the start's errors speak of them in the same words.
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import {
  baseUrl,
  duration,
  isLoopback,
  matching,
  oneOf,
  Variables,
  wholeNumber,
  withoutCredentials,
  Wrong,
  zooKeeperHosts,
  zooKeeperUrl,
  type Environment,
} from './environment.ts'

export { withoutCredentials }

export interface Config {
  readonly databaseUrl: string
  readonly mesos: MesosConfig
  readonly framework: FrameworkConfig
  /** This machine's name, for people and for URLs: `$HOST` where Marathon runs us. */
  readonly hostname: string
  /** Set where Marathon runs us, such as `/juice`. */
  readonly marathonAppId?: string
  readonly http: {
    readonly host: string
    /** 0: any free port; `atPort` then corrects the URLs. */
    readonly port: number
    readonly allowUnauthenticated: boolean
  }
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

export interface MesosConfig {
  /** URLs without a closing slash, or a single `zk://…`, which may hold a password: see `withoutCredentials`. */
  readonly masters: readonly string[]
  readonly principal?: string
  readonly secret?: string
  /** At least one, each once. */
  readonly roles: readonly string[]
  readonly codec: 'protobuf' | 'json'
  readonly caFile?: string
  /** The content of `caFile`: PEM. */
  readonly ca?: string
  /** For the agents' `/files`. */
  readonly agentPrincipal?: string
  readonly agentSecret?: string
}

export interface FrameworkConfig {
  readonly name: string
  /** The executor's unix user. */
  readonly user: string
  readonly failoverTimeoutSeconds: number
}

export interface ExecutorConfig {
  /** The Docker engine, on the agents. */
  readonly dockerHost: string
  readonly cpusMillis: number
  readonly memMb: number
  /** 0: it asks for no disk. */
  readonly diskMb: number
  /** The unix user of command tasks. */
  readonly commandUser: string
  /** A Docker config.json on the agents. */
  readonly registryAuthFile?: string
  /** How long an ended task's folder stays on its agent. */
  readonly sandboxRetentionMs: number
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
  const publicUrl = variables.read('JUICE_PUBLIC_URL', baseUrl, url)
  const advertiseUrl = variables.read('JUICE_ADVERTISE_URL', baseUrl, url)
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

function readMesos(variables: Variables, readFile: (path: string) => string): MesosConfig {
  const hidden = { secret: (variables.text('JUICE_MESOS_MASTER') ?? '').includes('@') }
  const masters = variables.read('JUICE_MESOS_MASTER', mastersOf, ['http://127.0.0.1:5050'], hidden)
  const roles = variables.read('JUICE_MESOS_ROLE', rolesOf, ['juice'])
  const codec = variables.read('JUICE_MESOS_CODEC', oneOf('protobuf', 'json'), 'protobuf')
  const principal = variables.read('JUICE_MESOS_PRINCIPAL', principalOf, undefined)
  const secret = variables.text('JUICE_MESOS_SECRET')
  const agentPrincipal = variables.read('JUICE_MESOS_AGENT_PRINCIPAL', principalOf, undefined)
  const agentSecret = variables.text('JUICE_MESOS_AGENT_SECRET')
  const caFile = variables.text('JUICE_MESOS_CA_FILE')
  if (secret !== undefined && principal === undefined)
    variables.errors.push('JUICE_MESOS_SECRET needs JUICE_MESOS_PRINCIPAL beside it')
  if ((agentSecret === undefined) !== (agentPrincipal === undefined))
    variables.errors.push('JUICE_MESOS_AGENT_PRINCIPAL and JUICE_MESOS_AGENT_SECRET must be set together')
  const ca = variables.read(
    'JUICE_MESOS_CA_FILE',
    path => {
      try {
        const content = readFile(path)
        if (content.includes('-----BEGIN CERTIFICATE-----')) return content
      } catch {
        // Told below, with what would be right.
      }
      throw new Wrong('the path of a readable file with PEM certificates')
    },
    undefined,
  )
  return {
    masters,
    roles,
    codec,
    ...(principal === undefined ? {} : { principal }),
    ...(secret === undefined ? {} : { secret }),
    ...(caFile === undefined || ca === undefined ? {} : { caFile, ca }),
    ...(agentPrincipal === undefined ? {} : { agentPrincipal }),
    ...(agentSecret === undefined ? {} : { agentSecret }),
  }
}

interface Marathon {
  readonly appId: string
  readonly host?: string
  /** On the host, also where a container has a port of its own. */
  readonly port?: number
}

/** `HOST` and `PORT0` mean something only beside Marathon's own variable: some shells set the first one. */
function readMarathon(variables: Variables, env: Environment): Marathon | undefined {
  const appId = env.MARATHON_APP_ID?.trim() ?? ''
  if (appId === '') return undefined
  const host = env.HOST?.trim() ?? ''
  const port = launcherPort(env, 'PORT0')
  if (host !== '' && !hostPattern.test(host))
    variables.errors.push(
      `HOST must be the agent's host name, as Marathon sets it, not ${JSON.stringify(host)}`,
    )
  return {
    appId,
    ...(host === '' ? {} : { host }),
    ...(port === undefined ? {} : { port }),
  }
}

function readHttp(
  variables: Variables,
  env: Environment,
  marathon: Marathon | undefined,
  warnings: string[],
): Config['http'] {
  const port = wholeNumber(0, 65_535)
  const allowUnauthenticated = variables.read('JUICE_ALLOW_UNAUTHENTICATED', oneOf('1', '0'), '0') === '1'
  const byMarathon = allowUnauthenticated && marathon?.host !== undefined
  const givenHost = variables.read('JUICE_HTTP_HOST', hostOf, undefined)
  const host = givenHost ?? (byMarathon ? '0.0.0.0' : '127.0.0.1')
  if (marathon && givenHost === undefined && !byMarathon)
    variables.errors.push(
      allowUnauthenticated
        ? 'HOST must be set where Marathon runs Juice (MARATHON_APP_ID is set), or JUICE_HTTP_HOST and JUICE_PUBLIC_URL'
        : "JUICE_ALLOW_UNAUTHENTICATED must be 1 where Marathon runs Juice (MARATHON_APP_ID is set): there is no authentication yet, so that Juice listens on loopback only, where Marathon's health checks and agents do not reach it. Set it in a network that you trust, or JUICE_HTTP_HOST=127.0.0.1 behind a proxy of your own",
    )
  if (!isLoopback(host)) {
    if (allowUnauthenticated)
      warnings.push(
        `listening on ${host} without authentication (JUICE_ALLOW_UNAUTHENTICATED=1): everyone who reaches this port can run programs on the cluster`,
      )
    else
      variables.errors.push(
        `JUICE_HTTP_HOST must be a loopback address, not "${host}": there is no authentication yet, and everyone who reaches the port could run programs on the cluster. JUICE_ALLOW_UNAUTHENTICATED=1 permits it in a network that you trust`,
      )
  }
  // Marathon and other launchers give a process its ports as PORT0, PORT1.
  const given = variables.read('JUICE_HTTP_PORT', port, undefined)
  return { host, port: given ?? launcherPort(env, 'PORT0') ?? 8080, allowUnauthenticated }
}

function launcherPort(env: Environment, name: string): number | undefined {
  const text = env[name] ?? ''
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65_535 ? port : undefined
}

/** Less than its own files and some logs would end the executor with all its tasks where disk is enforced. */
function executorDisk(text: string): number {
  if (text === '0') return 0
  const value = /^\d{1,8}$/.test(text) ? Number(text) : NaN
  if (!(value >= 256 && value <= 16_777_216)) throw new Wrong('0, or a whole number from 256 to 16777216')
  return value
}

function readExecutor(variables: Variables): ExecutorConfig {
  const absolutePath = matching(/^\/[^\0]*$/, 'an absolute path on the agents')
  const registryAuthFile = variables.read('JUICE_REGISTRY_AUTH_FILE', absolutePath, undefined)
  return {
    dockerHost: variables.read(
      'JUICE_EXECUTOR_DOCKER_HOST',
      matching(
        /^unix:\/\/\/\S+$/,
        'the unix socket of the Docker engine on the agents, such as unix:///var/run/docker.sock',
      ),
      'unix:///var/run/docker.sock',
    ),
    cpusMillis: variables.read('JUICE_EXECUTOR_CPUS', cpusOf, 100),
    // Measured: 88 MB resident with 100 running containers (npm run bench -- memory); the rest is room for its heap (E46).
    memMb: variables.read('JUICE_EXECUTOR_MEM_MB', wholeNumber(32, 65_536), 160),
    // Measured: 123 MB are its runtime and bundle, unpacked; the rest is room for logs and folders of ended tasks
    // (executor/disk-plan.ts, docs/isolation.md).
    diskMb: variables.read('JUICE_EXECUTOR_DISK_MB', executorDisk, 1024),
    commandUser: variables.read('JUICE_COMMAND_USER', unixUser, 'nobody'),
    sandboxRetentionMs: variables.read('JUICE_SANDBOX_RETENTION', duration, 86_400_000),
    ...(registryAuthFile === undefined ? {} : { registryAuthFile }),
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

function unreachablePublicUrl(publicUrl: string, masters: readonly string[]): string | undefined {
  const elsewhere = masters
    .filter(master => hostsOf(master).some(host => !isLoopback(host)))
    .map(withoutCredentials)
    .at(0)
  if (elsewhere === undefined || !isLoopback(new URL(publicUrl).hostname)) return undefined
  return `JUICE_PUBLIC_URL must be a URL that agents reach, not "${publicUrl}": the master at ${elsewhere} is on another machine, and its agents fetch the executor from here`
}

function hostsOf(master: string): string[] {
  return master.startsWith('zk://') ? zooKeeperHosts(master) : [new URL(master).hostname]
}

function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** Where a listener on all addresses is found: at its machine's name. */
function urlOf(host: string, port: number, machine: string): string {
  const reachable = isEverywhere(host) ? machine : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

function databaseUrlOf(text: string): string {
  if (!URL.canParse(text) || !/^postgres(ql)?:\/\//.test(text))
    throw new Wrong('a URL such as postgres://juice:secret@host:5432/juice')
  return text
}

function mastersOf(text: string): string[] {
  if (text.startsWith('zk://')) return [zooKeeperUrl(text)]
  const parts = text.split(',').map(part => part.trim())
  try {
    return parts.map(baseUrl)
  } catch {
    throw new Wrong(
      'URLs such as http://host:5050, separated by commas, without path or credentials, or a single zk://host:2181,host:2181/mesos',
    )
  }
}

// Mesos' own rules for roles (S23).
function rolesOf(text: string): string[] {
  const roles = text.split(',').map(role => role.trim())
  if (!roles.every(isRole))
    throw new Wrong(
      'a Mesos role, or several separated by commas: no blanks, no backslash, no * (but * alone is a role), no part that is empty, . or .. or begins with -',
    )
  if (new Set(roles).size < roles.length) throw new Wrong('a list of roles with each of them once')
  return roles
}

function isRole(text: string): boolean {
  const isPart = (part: string): boolean =>
    /^[^\s\p{Cc}*\\-][^\s\p{Cc}*\\]*$/u.test(part) && part !== '.' && part !== '..'
  return text === '*' || text.split('/').every(isPart)
}

function cpusOf(text: string): number {
  const millis = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Math.round(Number(text) * 1000) : NaN
  if (!(millis >= 10 && millis <= 64_000))
    throw new Wrong('a number from 0.01 to 64 with at most three decimals')
  return millis
}

const unixUser = matching(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, "a unix user's name")
const hostPattern = /^[A-Za-z0-9.:_-]{1,253}$/
const hostOf = matching(hostPattern, 'a host name or an IP address without brackets')
const principalOf = matching(/^[^:\p{Cc}]{1,255}$/u, 'a name without a colon')

function printable(max: number): (text: string) => string {
  return matching(new RegExp(`^\\P{Cc}{1,${max}}$`, 'u'), `1 to ${max} characters without control characters`)
}
