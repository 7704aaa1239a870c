// `docker.parameters` of a task: which options of `docker run` a task may set, what their values look like, and what they
// become in the Engine API. Pure, without I/O: the HTTP edge refuses with the same list by which the executor obeys.
import { isIP } from 'node:net'
import type { CreateBody } from './create-body.ts'

/** Writes one parameter's value into a container's description. @throws ParameterError */
type Setter = (body: CreateBody, value: string) => void

/** A value that the option doesn't take; the message is made for the person who wrote it. */
export class ParameterError extends Error {}

interface Option {
  /** What the value looks like, for documentation and messages. */
  readonly form: string
  readonly set: Setter
}

// Not here on purpose: what the task's own fields say (name, env, label, volume, publish, network, user, workdir, entrypoint,
// privileged, memory, memory-swap, cpu-shares), and what would take the output or the end of a container away from the
// executor (log-driver, restart, rm, detach, tty).
const options: Readonly<Record<string, Option>> = {
  'add-host': option('host:ip', (body, value) => {
    const colon = value.indexOf(':')
    const [host, ip] = [value.slice(0, colon), value.slice(colon + 1)]
    expectThat(colon > 0 && (isIP(ip.replace(/^\[(.*)\]$/, '$1')) > 0 || ip === 'host-gateway'))
    add(body.HostConfig, 'ExtraHosts', `${host}:${ip}`)
  }),
  'blkio-weight': option('10 to 1000', (body, value) => {
    body.HostConfig.BlkioWeight = integer(value, 10, 1000)
  }),
  'cap-add': option('a capability such as NET_ADMIN', (body, value) =>
    add(body.HostConfig, 'CapAdd', capability(value)),
  ),
  'cap-drop': option('a capability such as MKNOD, or ALL', (body, value) =>
    add(body.HostConfig, 'CapDrop', capability(value)),
  ),
  'cpu-period': option('microseconds, 1000 to 1000000', (body, value) => {
    body.HostConfig.CpuPeriod = integer(value, 1000, 1_000_000)
  }),
  'cpu-quota': option('microseconds per period, at least 1000', (body, value) => {
    body.HostConfig.CpuQuota = integer(value, 1000)
  }),
  cpus: option('a number such as 1.5', (body, value) => {
    expectThat(/^\d+(\.\d{1,9})?$/.test(value) && Number(value) > 0)
    body.HostConfig.NanoCpus = Math.round(Number(value) * 1e9)
  }),
  'cpuset-cpus': option('cpus such as 0-2,5', (body, value) => {
    body.HostConfig.CpusetCpus = matching(value, /^\d+(-\d+)?(,\d+(-\d+)?)*$/)
  }),
  'cpuset-mems': option('memory nodes such as 0,1', (body, value) => {
    body.HostConfig.CpusetMems = matching(value, /^\d+(-\d+)?(,\d+(-\d+)?)*$/)
  }),
  device: option('/dev/host[:/dev/container[:rwm]]', (body, value) => {
    const [host = '', inside = host, permissions = 'rwm', ...rest] = value.split(':')
    expectThat(rest.length === 0 && absolute(host) && absolute(inside) && /^[rwm]{1,3}$/.test(permissions))
    const device = { PathOnHost: host, PathInContainer: inside, CgroupPermissions: permissions }
    ;(body.HostConfig.Devices ??= []).push(device)
  }),
  dns: option('an IP address', (body, value) => {
    expectThat(isIP(value) > 0)
    add(body.HostConfig, 'Dns', value)
  }),
  'dns-option': option('a resolver option such as ndots:2', (body, value) =>
    add(body.HostConfig, 'DnsOptions', matching(value, /^[a-z0-9-]+(:\d+)?$/)),
  ),
  'dns-search': option('a domain', (body, value) =>
    add(body.HostConfig, 'DnsSearch', matching(value, /^[\w.-]{1,253}$/)),
  ),
  domainname: option('a domain', (body, value) => {
    body.Domainname = matching(value, /^[A-Za-z0-9]([\w.-]{0,251}[A-Za-z0-9])?$/)
  }),
  'group-add': option('a group or its id', (body, value) =>
    add(body.HostConfig, 'GroupAdd', matching(value, /^[\w.-]{1,64}$/)),
  ),
  hostname: option('a host name', (body, value) => {
    body.Hostname = matching(value, /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/)
  }),
  init: option('true or false', (body, value) => {
    body.HostConfig.Init = boolean(value)
  }),
  ipc: option('none, private, shareable or host', (body, value) => {
    body.HostConfig.IpcMode = matching(value, /^(none|private|shareable|host)$/)
  }),
  'memory-reservation': option('bytes, with b, k, m or g', (body, value) => {
    body.HostConfig.MemoryReservation = bytes(value)
  }),
  'memory-swappiness': option('0 to 100', (body, value) => {
    body.HostConfig.MemorySwappiness = integer(value, 0, 100)
  }),
  'oom-score-adj': option('-1000 to 1000', (body, value) => {
    body.HostConfig.OomScoreAdj = integer(value, -1000, 1000)
  }),
  'pids-limit': option('a number of processes, or -1 for no limit', (body, value) => {
    const limit = integer(value, -1)
    expectThat(limit !== 0)
    body.HostConfig.PidsLimit = limit
  }),
  'read-only': option('true or false', (body, value) => {
    body.HostConfig.ReadonlyRootfs = boolean(value)
  }),
  runtime: option('the name of a runtime of the engine', (body, value) => {
    body.HostConfig.Runtime = matching(value, /^[\w./-]{1,128}$/)
  }),
  'security-opt': option(
    'no-new-privileges, apparmor=profile, seccomp=unconfined or label=…',
    (body, value) =>
      add(
        body.HostConfig,
        'SecurityOpt',
        matching(
          value,
          /^(no-new-privileges([:=](true|false))?|apparmor[=:][\w.-]+|seccomp[=:]unconfined|label[=:][\w:.,-]+)$/,
        ),
      ),
  ),
  'shm-size': option('bytes, with b, k, m or g', (body, value) => {
    body.HostConfig.ShmSize = bytes(value)
  }),
  'stop-signal': option('a signal such as SIGINT or 2', (body, value) => {
    body.StopSignal = matching(value, /^((SIG)?[A-Z][A-Z0-9+-]{1,9}|[1-9]\d?)$/)
  }),
  'storage-opt': option('key=value', (body, value) => {
    const [key, setting] = keyValue(value)
    ;(body.HostConfig.StorageOpt ??= {})[key] = setting
  }),
  sysctl: option('name=value', (body, value) => {
    const [key, setting] = keyValue(value)
    ;(body.HostConfig.Sysctls ??= {})[key] = setting
  }),
  tmpfs: option('/path[:options]', (body, value) => {
    const [path = '', ...rest] = value.split(':')
    expectThat(absolute(path) && rest.length <= 1 && /^[\w=,%.-]*$/.test(rest[0] ?? ''))
    ;(body.HostConfig.Tmpfs ??= {})[path] = rest[0] ?? ''
  }),
  ulimit: option('name=soft[:hard]', (body, value) => {
    const [, name = '', soft = '', hard = soft] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(value) ?? []
    expectThat(ulimits.has(name))
    const limit = { Name: name, Soft: integer(soft, -1), Hard: integer(hard, -1) }
    expectThat(limit.Hard === -1 || (limit.Soft !== -1 && limit.Soft <= limit.Hard))
    ;(body.HostConfig.Ulimits ??= []).push(limit)
  }),
}

const ulimits = new Set(
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(
    ' ',
  ),
)

/** Every key that a task may use, with the form of its value. */
export const parameterForms: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(options).map(([key, { form }]) => [key, form]),
)

/** @returns what is wrong with the parameter, as a sentence; undefined where nothing is. */
export function validateParameter(key: string, value: string): string | undefined {
  try {
    applyParameter({ Image: '', HostConfig: {} }, key, value)
    return undefined
  } catch (error) {
    if (error instanceof ParameterError) return error.message
    throw error
  }
}

/** Writes a parameter into `body`. Keys that may repeat add up, of the others the last one counts. @throws ParameterError */
export function applyParameter(body: CreateBody, key: string, value: string): void {
  const found = Object.hasOwn(options, key) ? options[key] : undefined
  if (found === undefined)
    throw new ParameterError(`${key} is not among the parameters: ${Object.keys(options).join(', ')}`)
  try {
    found.set(body, value)
  } catch (error) {
    if (!(error instanceof ParameterError)) throw error
    throw new ParameterError(`${key} must be ${found.form}`)
  }
}

function option(form: string, set: Setter): Option {
  return { form, set }
}

function expectThat(condition: boolean): asserts condition {
  if (!condition) throw new ParameterError()
}

function matching(value: string, pattern: RegExp): string {
  expectThat(pattern.test(value))
  return value
}

function integer(value: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  expectThat(/^-?\d{1,16}$/.test(value) && Number(value) >= min && Number(value) <= max)
  return Number(value)
}

function boolean(value: string): boolean {
  return matching(value, /^(true|false|1|0|)$/) !== 'false' && value !== '0'
}

/** As `docker run` reads sizes: binary units. */
function bytes(value: string): number {
  const [, number = '', unit = ''] = /^(\d{1,12})([bkmg]?)b?$/i.exec(value) ?? []
  expectThat(number !== '' && Number(number) > 0)
  return Number(number) * 1024 ** 'bkmg'.indexOf(unit.toLowerCase() || 'b')
}

function keyValue(value: string): [string, string] {
  const [, key = '', setting = ''] = /^([\w.-]+)=([\w.,\t -]+)$/.exec(value) ?? []
  expectThat(key !== '')
  return [key, setting]
}

function capability(value: string): string {
  return matching(value.toUpperCase(), /^[A-Z_]{3,32}$/)
}

function absolute(path: string): boolean {
  return /^\/[^\0:]*$/.test(path)
}

function add(
  host: CreateBody['HostConfig'],
  key: 'CapAdd' | 'CapDrop' | 'Dns' | 'DnsOptions' | 'DnsSearch' | 'ExtraHosts' | 'GroupAdd' | 'SecurityOpt',
  value: string,
): void {
  ;(host[key] ??= []).push(value)
}
