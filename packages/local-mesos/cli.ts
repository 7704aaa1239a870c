// `npm run local-mesos -- --agents 2 --port 5050`: a local cluster until SIGINT or SIGTERM, its URLs on stdout.
import { parseArgs } from 'node:util'
import { LocalMesos } from './local-mesos.ts'
import { defaultResources, type AgentOptions, type IsolationOptions } from './options.ts'
import { readResources } from './resources-flag.ts'

const usage = `usage: local-mesos [--agents 1] [--port 5050] [--host 127.0.0.1] [--work-dir folder]
                   [--cpus ${defaultResources.cpus}] [--mem ${defaultResources.memMb}] [--disk ${defaultResources.diskMb}] [--simulated] [--verbose]
                   [--resources 'cpus:4;cpus(role):2;mem(role):1024;ports(role):[31000-31099]']
                   [--isolation memory,disk] [--standby 0] [--zk zk://host:port/path]
  The resources are each agent's, memory and disk in MB; those with a role are reserved for it.
  An executor that takes more memory or disk than it and its tasks were given is killed under --isolation.
  Masters that stand by take over from a dead one, elected in ZooKeeper or among themselves.
  Agents listen on the ports after the master's.
`

interface Arguments {
  readonly agents: readonly AgentOptions[]
  readonly host: string
  readonly port: number
  readonly workDir: string | undefined
  readonly simulated: boolean
  readonly isolation: IsolationOptions
  readonly verbose: boolean
  readonly standbyPorts: readonly number[]
  readonly zookeeper: string | undefined
}

/** Throws with a sentence for people where an argument is wrong. */
function read(args: readonly string[]): Arguments | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      agents: { type: 'string', default: '1' },
      port: { type: 'string', default: '5050' },
      host: { type: 'string', default: '127.0.0.1' },
      'work-dir': { type: 'string' },
      cpus: { type: 'string', default: String(defaultResources.cpus) },
      mem: { type: 'string', default: String(defaultResources.memMb) },
      disk: { type: 'string', default: String(defaultResources.diskMb) },
      resources: { type: 'string', default: '' },
      simulated: { type: 'boolean', default: false },
      isolation: { type: 'string', default: '' },
      verbose: { type: 'boolean', default: false },
      standby: { type: 'string', default: '0' },
      zk: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const port = number('port', values.port)
  const agents = number('agents', values.agents)
  const { '*': unreserved, ...reserved } = readResources(values.resources)
  const resources = {
    cpus: number('cpus', values.cpus),
    memMb: number('mem', values.mem),
    diskMb: number('disk', values.disk),
    ...unreserved,
  }
  return {
    agents: Array.from({ length: agents }, (_, index) => ({
      resources,
      reserved,
      port: port === 0 ? 0 : port + 1 + index,
    })),
    host: values.host,
    port,
    workDir: values['work-dir'],
    simulated: values.simulated,
    isolation: isolationOf(values.isolation),
    verbose: values.verbose,
    standbyPorts: Array.from({ length: number('standby', values.standby) }, (_, index) =>
      port === 0 ? 0 : port + 1 + agents + index,
    ),
    zookeeper: values.zk,
  }
}

function isolationOf(text: string): IsolationOptions {
  const names = text === '' ? [] : text.split(',')
  for (const name of names)
    if (name !== 'memory' && name !== 'disk')
      throw new Error(`--isolation must be memory, disk or memory,disk, not '${text}'`)
  return { memory: names.includes('memory'), disk: names.includes('disk') }
}

function number(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} must be a number, not '${text}'`)
  return value
}

async function main(): Promise<void> {
  const wanted = read(process.argv.slice(2))
  if (wanted === undefined) {
    process.stdout.write(usage)
    return
  }
  const cluster = await LocalMesos.start({
    agents: wanted.agents,
    host: wanted.host,
    port: wanted.port,
    simulated: wanted.simulated,
    standbyMasters: wanted.standbyPorts.length,
    standbyPorts: wanted.standbyPorts,
    ...(wanted.zookeeper !== undefined && { zookeeper: wanted.zookeeper }),
    ...((wanted.isolation.memory || wanted.isolation.disk) && { isolation: wanted.isolation }),
    ...(wanted.workDir !== undefined && { workDir: wanted.workDir }),
    ...(wanted.verbose && { log: entry => process.stderr.write(`${JSON.stringify(entry)}\n`) }),
  })
  process.stdout.write(`master ${cluster.url}\n`)
  for (const agent of cluster.agents) process.stdout.write(`${agent.hostname} ${agent.url} ${agent.id}\n`)
  for (const { url } of cluster.masters.slice(1)) process.stdout.write(`standby ${url}\n`)
  const stop = (): void => {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
    cluster.close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  process.exitCode = 2
}
