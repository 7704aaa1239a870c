// The framework process: configuration in, log out, signals and exit codes. Everything else is wiring.ts.
//
// Its exit codes are listed in arguments.ts and README.md.
import process from 'node:process'
import { parseArguments, usage } from './arguments.ts'
import { ConfigError, readConfig, type Config } from './config.ts'
import type { Confirmation } from './domain/origin.ts'
import { createLogger, type Logger } from './observability/log.ts'
import type { FatalCause } from './scheduler/scheduler.ts'
import { UseCaseError } from './usecases/index.ts'
import { defaultPackDir, startFramework } from './wiring.ts'

const exitCodes = {
  fault: 1,
  configuration: 2,
  framework_removed: 3,
  refused_by_mesos: 4,
  origin_refused: 5,
} as const
/** What does not end in order by then ends anyway: the store and Mesos are safe with a process that dies. */
const closeLimitMs = 12_000

function confirmationGiven(): Confirmation {
  const given = parseArguments(process.argv.slice(2))
  if (given.kind === 'start') return given.confirmation
  if (given.kind === 'help') {
    process.stdout.write(usage)
    process.exit(0)
  }
  process.stderr.write(`wrong arguments: ${given.problem}\n`)
  process.exit(exitCodes.configuration)
}

function configuration(): Config {
  try {
    return readConfig()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(exitCodes.configuration)
  }
}

/** Which process this is, by where it is reached: Marathon's port is not the one of a container. */
function instanceOf({ marathonAppId, advertiseUrl, hostname, http }: Config): string {
  return marathonAppId === undefined ? `${hostname}:${http.port}` : new URL(advertiseUrl).host
}

async function run(config: Config, confirmation: Confirmation, log: Logger): Promise<number> {
  const ending = Promise.withResolvers<number>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'ending')
      ending.resolve(0)
    })
  }
  for (const warning of config.warnings) log.warn(warning)
  const onFatal = (cause: FatalCause, message: string): void => {
    log.fatal({ cause }, message)
    ending.resolve(exitCodes[cause])
  }
  const framework = await startFramework({ config, log, packDir: defaultPackDir, confirmation, onFatal })
  const code = await ending.promise
  // A second signal, or a part that hangs, ends the process at once.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(exitCodes.fault))
  setTimeout(() => process.exit(code === 0 ? exitCodes.fault : code), closeLimitMs).unref()
  await framework[Symbol.asyncDispose]()
  log.info('ended in order')
  return code
}

const confirmation = confirmationGiven()
const config = configuration()
const log = createLogger({
  ...config.log,
  appName: config.framework.name,
  instance: instanceOf(config),
})
try {
  process.exit(await run(config, confirmation, log))
} catch (error) {
  const why = error instanceof Error ? error.message : String(error)
  if (error instanceof UseCaseError && error.code === 'origin_refused') {
    log.fatal({ cause: error.code }, why)
    process.exit(exitCodes.origin_refused)
  }
  log.fatal({ err: error }, `the framework process can't go on: ${why}`)
  process.exit(exitCodes.fault)
}
