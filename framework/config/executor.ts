// What the executor asks for and how it runs tasks on the agents. Reads variables, knows nobody else.
import { duration, matching, unixUser, wholeNumber, Wrong, type Variables } from '../environment.ts'

export interface ExecutorConfig {
  /** The Docker engine, on the agents. */
  readonly dockerHost: string
  readonly cpusMillis: number
  readonly memMb: number
  /** 0: it asks for no disk. */
  readonly diskMb: number
  /** The unix user of command tasks. */
  readonly commandUser: string
  /** A Docker config.json on the agents. */
  readonly registryAuthFile?: string
  /** How long an ended task's folder stays on its agent. */
  readonly sandboxRetentionMs: number
}

/** Less than its own files and some logs would end the executor with all its tasks where disk is enforced. */
function executorDisk(text: string): number {
  if (text === '0') return 0
  const value = /^\d{1,8}$/.test(text) ? Number(text) : NaN
  if (!(value >= 256 && value <= 16_777_216)) throw new Wrong('0, or a whole number from 256 to 16777216')
  return value
}

export function readExecutor(variables: Variables): ExecutorConfig {
  const absolutePath = matching(/^\/[^\0]*$/, 'an absolute path on the agents')
  const registryAuthFile = variables.read('JUICE_REGISTRY_AUTH_FILE', absolutePath, undefined)
  return {
    dockerHost: variables.read(
      'JUICE_EXECUTOR_DOCKER_HOST',
      matching(
        /^unix:\/\/\/\S+$/,
        'the unix socket of the Docker engine on the agents, such as unix:///var/run/docker.sock',
      ),
      'unix:///var/run/docker.sock',
    ),
    cpusMillis: variables.read('JUICE_EXECUTOR_CPUS', cpusOf, 100),
    // Measured: 88 MB resident with 100 running containers (npm run bench -- memory); the rest is room for its heap (E46).
    memMb: variables.read('JUICE_EXECUTOR_MEM_MB', wholeNumber(32, 65_536), 160),
    // Measured: 123 MB are its runtime and bundle, unpacked; the rest is room for logs and folders of ended tasks
    // (executor/disk-plan.ts, docs/isolation.md).
    diskMb: variables.read('JUICE_EXECUTOR_DISK_MB', executorDisk, 1024),
    commandUser: variables.read('JUICE_COMMAND_USER', unixUser, 'nobody'),
    sandboxRetentionMs: variables.read('JUICE_SANDBOX_RETENTION', duration, 86_400_000),
    ...(registryAuthFile === undefined ? {} : { registryAuthFile }),
  }
}

function cpusOf(text: string): number {
  const millis = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Math.round(Number(text) * 1000) : NaN
  if (!(millis >= 10 && millis <= 64_000))
    throw new Wrong('a number from 0.01 to 64 with at most three decimals')
  return millis
}
