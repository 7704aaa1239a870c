#!/usr/bin/env node
// The command `juice`, for operators: arguments and environment in, text and an exit code out.
import process from 'node:process'
import { exitCodes, parseArguments, usage } from './cli/arguments.ts'
import { reset, show, type Answer } from './cli/framework.ts'
import { wireCommands } from './cli-wiring.ts'
import { ConfigError, readStoreConfig } from './config.ts'

async function answer(args: readonly string[]): Promise<Answer> {
  const command = parseArguments(args)
  if (command.name === 'help') return { code: exitCodes.done, stdout: usage }
  if (command.name === 'wrong') return { code: exitCodes.wrong, stderr: command.problem }
  const config = readStoreConfig()
  const { host, pathname } = new URL(config.databaseUrl)
  try {
    await using commands = wireCommands(config)
    return command.name === 'show' ? await show(commands, command) : await reset(commands, command)
  } catch (error) {
    return { code: exitCodes.fault, stderr: `failed at the database ${host}${pathname}: ${textOf(error)}` }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

try {
  const { code, stdout = '', stderr } = await answer(process.argv.slice(2))
  process.stdout.write(stdout)
  if (stderr !== undefined) process.stderr.write(`${stderr}\n`)
  process.exitCode = code
} catch (error) {
  process.stderr.write(`${textOf(error)}\n`)
  process.exitCode = error instanceof ConfigError ? exitCodes.wrong : exitCodes.fault
}
