// The executor's only reader of process.env: what the agent says (E1-E5), and what the parent process adds.
import { randomUUID } from 'node:crypto'
import { closeSync, readFileSync } from 'node:fs'
import { executorEnvironment, type ExecutorEnvironment } from 'mesos-http-client'
import { defaultPath } from './command/command-task.ts'
import { logLevels, type LogLevel } from './logger.ts'
import { ownerVariable, taskVariable } from './types.ts'

/** Set by the parent process: the file descriptor of a pipe that holds the agent's token. */
const tokenFdVariable = 'JUICE_TOKEN_FD'

/**
 * `run`: to be called once, before anything is started. Takes the agent's token out of the environment, or out of the
 * pipe into which the parent process put it (E4). @throws Error that names every variable which is missing or wrong.
 */
export function readEnvironment(): ExecutorEnvironment {
  const token = readToken()
  return { ...executorEnvironment(process.env), ...(token ? { token } : {}) }
}

function readToken(): string | undefined {
  const fd = process.env[tokenFdVariable]
  delete process.env[tokenFdVariable]
  if (fd === undefined) return undefined
  try {
    return readFileSync(Number(fd), 'utf8').trim()
  } finally {
    closeSync(Number(fd))
  }
}

/** Given by the parent process to `run` and `sweep` alike; made up where there is no parent. */
export function readOwner(): string {
  return process.env[ownerVariable] || randomUUID()
}

export function readLogLevel(): LogLevel {
  const asked = process.env['JUICE_LOG_LEVEL']
  return logLevels.find(level => level === asked) ?? 'info'
}

/** For the programs that help the executor; marked, so that a sweep finds them too. */
export function toolEnvironment(owner: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'] || defaultPath,
    LC_ALL: 'C.UTF-8',
    [ownerVariable]: owner,
    [taskVariable]: 'none',
  }
}
