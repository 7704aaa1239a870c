// The demo that README begins with: everything on this machine, a task, its states and output as they come, its record.
// What it starts is on one list and ends in reverse order, also at Ctrl-C.
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { demoImage, startStack } from './lib/stack.ts'
import { follow, submit, type TaskJson } from './lib/task-client.ts'

const command = [
  'echo "hello from attempt $JUICE_ATTEMPT of task $TASK_ID"',
  'for frame in 1 2 3; do echo "frame $frame"; sleep 0.2; done',
  `echo '{"frames": 3}' > "$MESOS_SANDBOX/result.json"`,
].join('\n')

function say(text = ''): void {
  process.stdout.write(`${text}\n`)
}

async function demo(resources: AsyncDisposableStack, signal: AbortSignal): Promise<TaskJson['state']> {
  const started = performance.now()
  const { docker, framework, mesos } = await startStack(resources, {
    agents: 2,
    ports: options['any-port'] ? { mesos: 0, juice: 0 } : { mesos: 5050, juice: 8080 },
    progress: (part, text) => say(`${part.padEnd(12)}${text}`),
    signal,
  })
  say(`ready after ${((performance.now() - started) / 1000).toFixed(1)} s\n`)

  const small = { command, resources: { cpus: 0.1, memMb: 64 } }
  const task =
    'dockerHost' in docker ? { name: 'demo', image: demoImage, ...small } : { name: 'demo', ...small }
  if ('missing' in docker) say('Without a Docker engine, the demo is a plain command.\n')
  say(`POST ${framework.url}/v2/tasks\n${JSON.stringify(task, null, 2)}\n`)
  const { id } = await submit(framework.url, task)
  const ended = await follow(framework.url, id, {
    state: (state, elapsedMs) => say(`${String(Math.round(elapsedMs)).padStart(7)} ms  ${state}`),
    output: text => process.stdout.write(text),
    signal,
  })
  say(`\nGET ${framework.url}/v2/tasks/${id}\n${JSON.stringify(ended, null, 2)}\n`)
  say(`API          ${framework.url}/docs`)
  say(`metrics      ${framework.url}/metrics`)
  say(`Mesos state  ${mesos.url}/state`)
  return ended.state
}

const { values: options } = parseArgs({
  options: { once: { type: 'boolean', default: false }, 'any-port': { type: 'boolean', default: false } },
})

const interrupt = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort())
// Whoever reads us has gone, as in `quickstart | head`.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => interrupt.abort())

async function main(): Promise<number> {
  const resources = new AsyncDisposableStack()
  try {
    const state = await demo(resources, interrupt.signal)
    if (!options.once && !interrupt.signal.aborted) {
      say('\nCtrl-C ends everything.')
      const keepAlive = setInterval(() => {}, 60_000)
      await once(interrupt.signal, 'abort')
      clearInterval(keepAlive)
    }
    return state === 'FINISHED' ? 0 : 1
  } catch (error) {
    if (interrupt.signal.aborted) return 130
    throw error
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
