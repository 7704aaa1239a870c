// All of Juice on loopback, for the quickstart and the benchmarks: a Docker engine, PostgreSQL, a local Mesos and one
// framework process, each pushed on the caller's list of what to end, in the order of their start.
import { accessSync, constants } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { LocalMesos } from 'local-mesos'
import { packDemoImage } from '../demo-image.ts'
import { findDockerEngine, startDockerEngine } from '../docker-engine.ts'
import { startPostgres } from '../postgres.ts'
import { startFramework, type FrameworkProcess } from './framework-process.ts'
import { freePort } from './ports.ts'

export const demoImage = 'juice-demo:latest'

/** An engine, or one line on why there is none and what to install. */
export type Docker = { readonly dockerHost: string } | { readonly missing: string }

export interface Stack {
  readonly dir: string
  readonly docker: Docker
  readonly databaseUrl: string
  readonly mesos: LocalMesos
  readonly framework: FrameworkProcess
}

export interface StackOptions {
  readonly agents: number
  /** Taken where they are free, else any. */
  readonly ports?: { readonly mesos: number; readonly juice: number }
  readonly cpusPerAgent?: number
  /** Tasks that run without a process: what is left is the framework and the imitation. */
  readonly simulatedTaskMs?: number
  /** Told as each part is there: its name and where it is. */
  readonly progress: (part: string, text: string) => void
  /** Aborted: it throws as soon as what is just starting can be ended. */
  readonly signal?: AbortSignal
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

async function findOrStartDocker(
  resources: AsyncDisposableStack,
  progress: StackOptions['progress'],
): Promise<Docker> {
  const found = await findDockerEngine()
  if (found?.dockerHost.startsWith('unix://')) return found
  if (process.getuid?.() !== 0) return { missing: whatToDo(found?.dockerHost) }
  progress('docker', 'no engine answers at DOCKER_HOST or the default socket: starting a private one')
  try {
    const engine = await startDockerEngine()
    resources.defer(() => engine.close())
    return engine
  } catch (error) {
    return { missing: reason(error) }
  }
}

/** One line for somebody who is not root, why there is no engine to use and how to have one. */
function whatToDo(answering: string | undefined): string {
  const dockerHost = answering ?? (process.env['DOCKER_HOST'] || 'unix:///var/run/docker.sock')
  if (!dockerHost.startsWith('unix://'))
    return `${dockerHost} is of no use: executors speak to their machine's engine through a unix socket`
  const socket = dockerHost.slice('unix://'.length)
  try {
    accessSync(socket, constants.R_OK | constants.W_OK)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EACCES')
      return `you may not use ${socket}: sudo usermod -aG docker ${userInfo().username}, then log in again`
  }
  return `no engine answers at ${socket}: install Docker (Debian, Ubuntu: sudo apt install docker.io) and start it, or set DOCKER_HOST`
}

/** @throws Error where a part does not start; what had started is on `resources`. */
export async function startStack(resources: AsyncDisposableStack, options: StackOptions): Promise<Stack> {
  const { progress } = options
  const dir = await mkdtemp(join(tmpdir(), 'juice-stack-'))
  resources.defer(() => rm(dir, { recursive: true, force: true }))
  // PostgreSQL runs as another user below it.
  await chmod(dir, 0o755)

  const starting = [
    findOrStartDocker(resources, progress),
    startPostgres({ dir: join(dir, 'postgres'), durable: false }).then(server => {
      resources.defer(() => server.close())
      return server
    }),
  ] as const
  // Where one of them fails, the other one is to be on the list of what to end all the same.
  await Promise.allSettled(starting)
  const [docker, postgres] = await Promise.all(starting)
  options.signal?.throwIfAborted()
  if ('dockerHost' in docker) {
    await packDemoImage(docker.dockerHost, demoImage)
    progress('docker', docker.dockerHost)
  } else progress('docker', docker.missing)
  progress('postgresql', postgres.url)

  options.signal?.throwIfAborted()
  const agent = { resources: { cpus: options.cpusPerAgent ?? 4, memMb: 8192, diskMb: 20_480 } }
  const mesos = await LocalMesos.start({
    agents: Array.from({ length: options.agents }, () => agent),
    port: options.ports === undefined ? 0 : await freePort(options.ports.mesos),
    workDir: join(dir, 'mesos'),
    allocationIntervalMs: 200,
    ...(options.simulatedTaskMs === undefined ? {} : { simulated: { durationMs: options.simulatedTaskMs } }),
  })
  resources.defer(() => mesos.close())
  progress('mesos', `${mesos.url}, agents ${mesos.agents.map(({ url }) => url).join(' and ')}`)

  options.signal?.throwIfAborted()
  const port = await freePort(options.ports?.juice ?? 0)
  const framework = await startFramework({
    dir,
    databaseUrl: postgres.url,
    mesosMaster: mesos.url,
    port,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...('dockerHost' in docker ? { dockerHost: docker.dockerHost } : {}),
  })
  resources.defer(() => framework.close())
  const taken =
    options.ports === undefined || port === options.ports.juice ? '' : ` (${options.ports.juice} is taken)`
  progress('juice', `${framework.url}${taken}, log ${framework.logFile}`)
  return { dir, docker, databaseUrl: postgres.url, mesos, framework }
}
