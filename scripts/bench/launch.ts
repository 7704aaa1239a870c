// How much the executor adds to what Docker itself needs: LAUNCH received → container started, against create and start
// by the Engine API alone. The two take turns, so that a noisy moment hits both.
import { DockerEngine } from '../../executor/docker/engine.ts'
import { demoImage, type Stack } from '../lib/stack.ts'
import { BenchScheduler } from './bench-scheduler.ts'
import { median, printTable, spreadMs } from './table.ts'

const rounds = 30

export async function measureLaunch(stack: Stack): Promise<void> {
  if ('missing' in stack.docker) throw new Error(`the benchmark needs Docker: ${stack.docker.missing}`)
  await using resources = new AsyncDisposableStack()
  const engine = new DockerEngine({ dockerHost: stack.docker.dockerHost })
  resources.defer(() => engine.close())
  const scheduler = await BenchScheduler.start(stack.mesos.url, stack.docker.dockerHost)
  resources.defer(() => scheduler.close())
  const engineMs: number[] = []
  const executorMs: number[] = []
  for (let round = -1; round < rounds; round++) {
    const alone = await createAndStart(engine, `juice-bench-${process.pid}-${round + 1}`)
    const ours = await scheduler.launch(`launch-${round + 1}`, {
      image: demoImage,
      command: 'true',
      docker: { network: 'none' },
      cpuMillis: 100,
      memMb: 32,
    })
    // The first round warms both up: the executor starts in it.
    if (round < 0) continue
    engineMs.push(alone)
    executorMs.push(ours)
  }
  printTable('LAUNCH at a warm executor → container started', [
    { what: 'create + start by the Engine API alone', figure: spreadMs(engineMs) },
    { what: 'executor: LAUNCH received → started', figure: spreadMs(executorMs) },
    { what: 'ratio of medians', figure: (median(executorMs) / median(engineMs)).toFixed(2), goal: '≤ 1.25' },
  ])
}

/** Milliseconds from the first call to the engine's own time of the start; the container is removed. */
export async function createAndStart(engine: DockerEngine, name: string): Promise<number> {
  const began = Date.now()
  const { id } = await engine.create(name, {
    Image: demoImage,
    Cmd: ['sh', '-c', 'true'],
    HostConfig: { NetworkMode: 'none', Memory: 32 * 2 ** 20, MemorySwap: 32 * 2 ** 20 },
  })
  try {
    await engine.start(id)
    const { startedAtMs } = await engine.inspect(id)
    if (startedAtMs === undefined) throw new Error('the engine does not know when its container started')
    return startedAtMs - began
  } finally {
    await engine.remove(id, { force: true, volumes: true })
  }
}
