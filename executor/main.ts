// The executor's process: `run` serves the agent until it is over, `sweep` cleans up after a `run` that died. The exit code
// of `run` is 0 for a clean end, anything else asks the parent process for a sweep; that of `sweep` is 0 if nothing is left.
import { readEnvironment, readLogLevel, readOwner, toolEnvironment } from './environment.ts'
import { jsonLogger } from './logger.ts'
import { run, sweep } from './wiring.ts'

const logger = jsonLogger(line => void process.stderr.write(line), readLogLevel())
const owner = readOwner()

// Mesos may have taken the file or pipe away; the tasks matter more than the log.
process.stderr.on('error', () => undefined)
process.on('uncaughtException', error => {
  logger.error('the executor fails', { error, stack: error.stack })
  process.exit(1)
})

async function main(command: string | undefined): Promise<number> {
  const env = toolEnvironment(owner)
  switch (command) {
    case 'run': {
      const stop = new AbortController()
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort())
      return run({ mesos: readEnvironment(), owner, env, logger, stop: stop.signal })
    }
    case 'sweep':
      return sweep({ dir: process.cwd(), owner, logger })
    default:
      logger.error('usage: executor run | sweep')
      return 2
  }
}

process.exit(await main(process.argv[2]))
