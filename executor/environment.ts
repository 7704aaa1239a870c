// The executor's only reader of process.env: what the agent says (E1-E5), and what the parent process adds.
import { randomUUID } from 'node:crypto'
import { executorEnvironment, type ExecutorEnvironment } from 'mesos-http-client'
import { defaultPath } from './command/command-task.ts'
import { logLevels, type LogLevel } from './logger.ts'
import { ownerVariable, taskVariable } from './types.ts'

/** `run`: @throws Error that names every variable which is missing or wrong. Takes the agent's token out (E4). */
export function readEnvironment(): ExecutorEnvironment {
  return executorEnvironment(process.env)
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
