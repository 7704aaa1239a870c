// What mocha is told to run: a folder stands for the test files below it, and no file or folder at all for every test.
// Looks whether paths exist, nothing else.
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'

const everything = '{framework,executor,packages,proto,scripts,test}/**/*.test.ts'
/** Options whose value might look like the name of a folder. */
const takeText = new Set(['-g', '--grep', '-f', '--fgrep', '--reporter', '-R', '--require', '-r'])

/** Mocha's arguments for those of `./scripts/test`, with paths relative to `root`. */
export function mochaArguments(given: readonly string[], root: string): string[] {
  let named = false
  const args = given.map((argument, index) => {
    if (argument.startsWith('-') || takeText.has(given[index - 1] ?? '')) return argument
    const found = statSync(resolve(root, argument), { throwIfNoEntry: false })
    const isTests = found !== undefined || /[*{]|\.ts$/.test(argument)
    named ||= isTests
    return found?.isDirectory() ? join(argument, '**/*.test.ts') : argument
  })
  return named ? args : [...args, everything]
}
