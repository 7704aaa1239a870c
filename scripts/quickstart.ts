// The demo that README begins with: PostgreSQL, a local Mesos with two agents, one framework process and a task, all on
// loopback and in one temporary folder. Everything it starts is on one list and ends in reverse order.
import { parseArgs } from 'node:util'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalMesos } from 'local-mesos'
import { packDemoImage } from './demo-image.ts'
import { findDockerEngine, startDockerEngine } from './docker-engine.ts'
import { startFramework } from './lib/framework-process.ts'
import { freePort } from './lib/ports.ts'
import { follow, submit, type TaskJson } from './lib/task-client.ts'
import { startPostgres } from './postgres.ts'

const demoImage = 'juice-demo:latest'
const script = [
  'echo "hello from $(hostname), attempt $JUICE_ATTEMPT of task $TASK_ID"',
  'for frame in 1 2 3; do echo "frame $frame"; sleep 0.2; done',
  `echo '{"frames": 3}' > "$MESOS_SANDBOX/result.json"`,
].join('\n')

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

const { values: options } = parseArgs({ options: { once: { type: 'boolean', default: false } } })

const interrupted = new Promise<'interrupted'>(resolve => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => resolve('interrupted'))
})

/** An engine that answers, or a private one where we may start it, or why there is none. */
async function docker(
  resources: AsyncDisposableStack,
): Promise<{ dockerHost: string } | { missing: string }> {
  const found = await findDockerEngine()
  if (found !== undefined) {
    say(`docker      ${found.dockerHost}`)
    return found
  }
  try {
    say('docker      no engine answers at DOCKER_HOST or the default socket: starting a private one')
    const engine = await startDockerEngine()
    resources.defer(() => engine.close())
    say(`docker      ${engine.dockerHost}`)
    return engine
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) }
  }
}

async function demo(resources: AsyncDisposableStack): Promise<TaskJson['state']> {
  const started = performance.now()
  const dir = await mkdtemp(join(tmpdir(), 'juice-quickstart-'))
  resources.defer(() => rm(dir, { recursive: true, force: true }))

  const [engine, postgres] = await Promise.all([
    docker(resources),
    startPostgres({ dir: join(dir, 'postgres') }).then(server => {
      resources.defer(() => server.close())
      return server
    }),
  ])
  say(`postgresql  ${postgres.url}`)
  const mesos = await LocalMesos.start({
    agents: 2,
    port: await freePort(5050),
    workDir: join(dir, 'mesos'),
    allocationIntervalMs: 200,
  })
  resources.defer(() => mesos.close())
  say(`mesos       ${mesos.url}, agents ${mesos.agents.map(agent => agent.url).join(' and ')}`)
  if ('dockerHost' in engine) await packDemoImage(engine.dockerHost, demoImage)

  const framework = await startFramework({
    dir,
    databaseUrl: postgres.url,
    mesosMaster: mesos.url,
    port: await freePort(8080),
    ...('dockerHost' in engine ? { dockerHost: engine.dockerHost } : {}),
  })
  resources.defer(() => framework.close())
  say(`juice       ${framework.url} (log: ${framework.logFile})`)
  say(`ready after ${((performance.now() - started) / 1000).toFixed(1)} s\n`)

  const demoTask =
    'dockerHost' in engine
      ? { name: 'demo', image: demoImage, command: script, resources: { cpus: 0.1, memMb: 64 } }
      : { name: 'demo', command: script, resources: { cpus: 0.1, memMb: 64 } }
  if ('missing' in engine)
    say(`no Docker engine (${engine.missing}): the demo runs as a command task instead`)
  say(`POST ${framework.url}/v2/tasks\n${JSON.stringify(demoTask, null, 2)}\n`)
  const task = await submit(framework.url, demoTask)
  const ended = await follow(framework.url, task.id, {
    state: (state, elapsedMs) => say(`${String(Math.round(elapsedMs)).padStart(6)} ms  ${state}`),
    output: text => process.stdout.write(text.replaceAll(/^/gm, '           | ').replace(/ {11}\| $/, '')),
  })
  say(`\nGET ${framework.url}/v2/tasks/${task.id}\n${JSON.stringify(ended, null, 2)}\n`)
  say(`API         ${framework.url}/docs`)
  say(`metrics     ${framework.url}/metrics`)
  say(`Mesos state ${mesos.url}/state`)
  return ended.state
}

async function main(): Promise<number> {
  const resources = new AsyncDisposableStack()
  try {
    const outcome = await Promise.race([demo(resources), interrupted])
    if (outcome === 'interrupted') return 130
    if (options.once) return outcome === 'FINISHED' ? 0 : 1
    say('\nCtrl-C ends everything.')
    await interrupted
    return outcome === 'FINISHED' ? 0 : 1
  } finally {
    await resources.disposeAsync()
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exitCode = 1
}
