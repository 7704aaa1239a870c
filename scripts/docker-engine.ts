// Finds a Docker engine, or starts a private one for a demo or a test run, as root on Linux. Several private engines run side
// by side: each has its own folder, socket, bridge, cgroup, pid and mount namespace (docker-engine.sh). As a program it
// prints DOCKER_HOST and runs until Ctrl-C.
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { request, type IncomingMessage, type RequestOptions } from 'node:http'
import { Socket } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { aptInstall, findProgram } from './apt.ts'

export interface Engine {
  /** As in DOCKER_HOST: `unix:///…` or `tcp://host:port`. */
  readonly dockerHost: string
}

export interface PrivateEngine extends Engine {
  /** Ends the engine with its containers; no process, mount, cgroup, network device or (temporary) folder remains. */
  close(): Promise<void>
}

/** A longer path can't be bound (sun_path). */
const maxSocketPath = 107
const startTimeoutMs = 30_000
const label = 'juice.engine'

/** The engine of DOCKER_HOST, else that of the default socket; undefined where it doesn't answer within two seconds. */
export async function findDockerEngine(): Promise<Engine | undefined> {
  const dockerHost = process.env['DOCKER_HOST'] || 'unix:///var/run/docker.sock'
  return (await answers(dockerHost, 2000)) ? { dockerHost } : undefined
}

/** Whether an engine answers a ping there; false too for an address that isn't `unix://`, `tcp://` or `http://`. */
async function answers(dockerHost: string, timeoutMs: number): Promise<boolean> {
  const where = address(dockerHost)
  return where !== undefined && (await get(where, '/_ping', timeoutMs)) !== undefined
}

/** The body of a 200; undefined for anything else. */
async function get(where: RequestOptions, path: string, timeoutMs: number): Promise<string | undefined> {
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    const call = request({ ...where, path, signal }).end()
    const [response] = (await once(call, 'response')) as [IncomingMessage]
    const body = await text(response)
    return response.statusCode === 200 ? body : undefined
  } catch {
    return undefined
  }
}

function address(dockerHost: string): RequestOptions | undefined {
  if (dockerHost.startsWith('unix://')) return { socketPath: dockerHost.slice('unix://'.length) }
  const url = URL.parse(dockerHost.replace(/^tcp:/, 'http:'))
  return url?.protocol === 'http:' ? { host: url.hostname, port: url.port || 2375 } : undefined
}

/**
 * Starts a private engine; installs Debian's docker.io first where no dockerd is found.
 * @param options.dir a folder whose images outlive the engine; without it a temporary one is taken and removed.
 * @throws Error with the reason, as a sentence, where no engine can be started here.
 */
export async function startDockerEngine(options: { dir?: string } = {}): Promise<PrivateEngine> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new Error(
      'a private Docker engine needs root on Linux: install and start Docker, or set DOCKER_HOST',
    )
  const missing = [
    ...(findProgram('dockerd') && findProgram('containerd') && findProgram('runc') ? [] : ['docker.io']),
    ...(findProgram('ip') ? [] : ['iproute2']),
  ]
  if (missing.length > 0) await aptInstall(missing)

  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'juice-docker-')))
  await mkdir(dir, { recursive: true })
  const socket = join(dir, 'docker.sock')
  if (socket.length > maxSocketPath)
    throw new Error(`${socket}: too long for a socket's path, use a shorter folder`)
  const name = `juice${randomBytes(4).toString('hex')}`
  await writeFile(join(dir, `${name}.json`), JSON.stringify(daemonSettings(dir, name), null, 2))

  const supervisor = spawn(
    '/bin/sh',
    [join(import.meta.dirname, 'docker-engine.sh'), dir, name, freeSubnet(), options.dir ? 'keep' : ''],
    { stdio: ['pipe', 'ignore', 'pipe'], detached: true, env: engineEnvironment() },
  )
  const engine = new SupervisedEngine(supervisor, name, socket)
  try {
    await engine.ready()
    return engine
  } catch (error) {
    await engine.close()
    throw error
  }
}

class SupervisedEngine implements PrivateEngine {
  readonly dockerHost: string
  readonly #supervisor: ChildProcess
  readonly #name: string
  readonly #socket: string
  readonly #exited: Promise<unknown>
  #errors = ''

  constructor(supervisor: ChildProcess, name: string, socket: string) {
    this.dockerHost = `unix://${socket}`
    this.#supervisor = supervisor
    this.#name = name
    this.#socket = socket
    this.#exited = once(supervisor, 'exit')
    this.#exited.catch(() => {})
    supervisor.stderr?.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()))
    // A process that forgets to close may end all the same: its end is the end of the supervisor's input.
    supervisor.unref()
    for (const stream of [supervisor.stdin, supervisor.stderr]) if (stream instanceof Socket) stream.unref()
  }

  /** Resolves when the engine answers; rejects with the end of its log where it ended, or after 30 s. */
  async ready(): Promise<void> {
    const deadline = performance.now() + startTimeoutMs
    // Another engine may answer in the same folder: ours is known by its label.
    while (!(await get({ socketPath: this.#socket }, '/info', 5000))?.includes(`"${label}=${this.#name}"`)) {
      if (this.#supervisor.exitCode !== null || this.#supervisor.signalCode !== null)
        throw new Error(`dockerd ended at once:\n${this.#errors.trim()}`)
      if (performance.now() > deadline)
        throw new Error(`dockerd did not answer within ${startTimeoutMs / 1000} s`)
      await delay(25)
    }
  }

  async close(): Promise<void> {
    this.#supervisor.ref()
    this.#supervisor.stdin?.end()
    await this.#exited
  }
}

function daemonSettings(dir: string, name: string): Record<string, unknown> {
  return {
    hosts: [`unix://${join(dir, 'docker.sock')}`],
    'data-root': join(dir, 'data'),
    'exec-root': join(dir, 'run'),
    pidfile: join(dir, 'docker.pid'),
    // The default bridge docker0 belongs to the machine's own engine; without any (`none`) dockerd would even delete it.
    bridge: name,
    'cgroup-parent': `/${name}`,
    'exec-opts': ['native.cgroupdriver=cgroupfs'],
    // Nothing of the machine's network is changed: containers reach the machine and each other, ports are proxied.
    iptables: false,
    ip6tables: false,
    'ip-forward': false,
    'ip-masq': false,
    labels: [`${label}=${name}`],
    'log-level': 'warn',
  }
}

/** An address for a bridge in a /24 that no interface of this machine has, from the private 10.128.0.0/9. */
function freeSubnet(): string {
  const taken = Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .map(({ address }) => address)
  for (;;) {
    const prefix = `10.${randomInt(128, 256)}.${randomInt(0, 256)}.`
    if (!taken.some(address => address.startsWith(prefix))) return `${prefix}1/24`
  }
}

/** dockerd's helpers are found in the system folders too; a DOCKER_* variable of the caller means another engine. */
function engineEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('DOCKER_'))
  return { ...Object.fromEntries(kept), PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/bin:/sbin:/bin` }
}

if (import.meta.main) {
  const engine = await startDockerEngine()
  process.stdout.write(`DOCKER_HOST=${engine.dockerHost}\n`)
  const running = setInterval(() => {}, 60_000)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      clearInterval(running)
      void engine.close()
    })
}
