// Runs mocha with one PostgreSQL server and one Docker engine for the whole run; what tests leave behind counts as failed.
// Prints `N passed, N failed` last, also where mocha died before it could count.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findDockerEngine, startDockerEngine } from './docker-engine.ts'
import { killProcessesOf, leftovers, removeContainersOf } from './lib/leftovers.ts'
import { mochaArguments } from './lib/mocha-arguments.ts'
import { startPostgres } from './postgres.ts'

const root = join(import.meta.dirname, '..')
const mochaProgram = join(root, 'node_modules/mocha/bin/mocha.js')
/** A leaked handle keeps mocha alive for ever; no honest run takes this long. */
const timeoutMs = 30 * 60_000
/** For processes that are just ending when mocha does. */
const patienceMs = 5000

// What runs is ended in order; the exit code then says that it did not pass.
const interrupt = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort())

interface Count {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

async function runMocha(env: NodeJS.ProcessEnv): Promise<Count> {
  const mocha = spawn(process.execPath, [mochaProgram, ...mochaArguments(process.argv.slice(2), root)], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const stop = (signal: NodeJS.Signals): void => {
    try {
      if (mocha.pid !== undefined) process.kill(-mocha.pid, signal)
    } catch {
      // It has ended by itself.
    }
  }
  interrupt.signal.addEventListener('abort', () => stop('SIGTERM'))
  const watchdog = setTimeout(() => {
    process.stdout.write(`mocha did not end within ${timeoutMs / 60_000} minutes: a handle was leaked\n`)
    stop('SIGKILL')
  }, timeoutMs)
  const exited = once(mocha, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  let count: Count | undefined
  for await (const line of createInterface({ input: mocha.stdout })) {
    const found = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(line)
    if (found) count = { passed: Number(found[1]), failed: Number(found[2]), skipped: Number(found[3] ?? 0) }
    else process.stdout.write(`${line}\n`)
  }
  const [code, signal] = await exited
  clearTimeout(watchdog)
  if (count === undefined) {
    const why = interrupt.signal.aborted
      ? 'interrupted'
      : `mocha ended (${signal ?? code}) before it had counted`
    process.stdout.write(`${why}\n`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
  return code !== 0 && count.failed === 0 ? { ...count, failed: 1 } : count
}

async function main(): Promise<number> {
  await using resources = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'juice-test-'))
  resources.defer(() => rm(dir, { recursive: true, force: true }))
  // PostgreSQL runs as another user below it.
  await chmod(dir, 0o755)
  // Tests put everything below it, so what they forget is known to be theirs. Some run as other users.
  const tmp = join(dir, 'tmp')
  await mkdir(tmp)
  await chmod(tmp, 0o1777)
  // npm keeps compiled code below TMPDIR, for which the run would be blamed.
  const env: NodeJS.ProcessEnv = { ...process.env, TMPDIR: tmp, NODE_DISABLE_COMPILE_CACHE: '1' }
  if (env['JUICE_TEST_DATABASE_URL'] === undefined) {
    const postgres = await startPostgres({ dir: join(dir, 'postgres') })
    resources.defer(() => postgres.close())
    env['JUICE_TEST_DATABASE_URL'] = postgres.url
  }
  if (env['JUICE_TEST_DOCKER_HOST'] === undefined) {
    const found = await findDockerEngine()
    if (found !== undefined) env['JUICE_TEST_DOCKER_HOST'] = found.dockerHost
    else {
      const engine = await startDockerEngine()
      resources.defer(() => engine.close())
      env['JUICE_TEST_DOCKER_HOST'] = engine.dockerHost
    }
  }
  interrupt.signal.throwIfAborted()
  const count = await runMocha(env)
  const left = interrupt.signal.aborted ? [] : await leftovers(tmp, patienceMs)
  await killProcessesOf(tmp)
  const containers = await removeContainersOf(env['JUICE_TEST_DOCKER_HOST'], tmp)
  if (!interrupt.signal.aborted) left.push(...containers.map(name => `container ${name}`))
  for (const what of left) process.stdout.write(`left behind: ${what}\n`)
  await resources.disposeAsync()
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
  const failed = count.failed + left.length
  process.stdout.write(`${count.passed} passed, ${failed} failed${skipped}\n`)
  return failed === 0 && count.skipped === 0 && count.passed > 0 ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  if (interrupt.signal.aborted) process.stdout.write('interrupted\n')
  else process.stdout.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.stdout.write('0 passed, 1 failed\n')
  process.exitCode = 1
}
