// How the cluster is reached: masters or ZooKeeper, credentials, roles. Reads variables, knows nobody else.
import {
  baseUrl,
  isLoopback,
  matching,
  oneOf,
  secretBeforeAt,
  withoutCredentials,
  Wrong,
  zooKeeperHosts,
  zooKeeperUrl,
  type Variables,
} from '../environment.ts'

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

/** `readFile` throws where the file can't be read. */
export function readMesos(variables: Variables, readFile: (path: string) => string): MesosConfig {
  const masters = variables.read('JUICE_MESOS_MASTER', mastersOf, ['http://127.0.0.1:5050'], secretBeforeAt)
  const roles = variables.read('JUICE_MESOS_ROLE', rolesOf, ['juice'])
  const codec = variables.read('JUICE_MESOS_CODEC', oneOf('protobuf', 'json'), 'protobuf')
  const principal = variables.read('JUICE_MESOS_PRINCIPAL', principalOf, undefined, maybeSecret)
  const secret = variables.text('JUICE_MESOS_SECRET')
  const agentPrincipal = variables.read('JUICE_MESOS_AGENT_PRINCIPAL', principalOf, undefined, maybeSecret)
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

/** Why agents would not find the executor, if so. */
export function unreachablePublicUrl(publicUrl: string, masters: readonly string[]): string | undefined {
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

/** A wrong one is as a rule principal:secret. */
const maybeSecret = { secret: true }
const principalOf = matching(/^[^:\p{Cc}]{1,255}$/u, 'a name without a colon')
