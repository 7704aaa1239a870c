// The command line `juice …`, for operators. Pure.

export type Command =
  | { readonly name: 'show'; readonly json: boolean }
  | { readonly name: 'reset'; readonly json: boolean; readonly yes: boolean }
  | { readonly name: 'help' }
  | { readonly name: 'wrong'; readonly problem: string }

export const exitCodes = { done: 0, fault: 1, wrong: 2, leaderThere: 3, tasksLive: 4 } as const

export const usage = `juice framework show  [--json]
juice framework reset [--yes] [--json]

For the operator of a framework. Reads JUICE_DATABASE_URL and JUICE_FRAMEWORK_NAME (default juice), or files by
JUICE_DATABASE_URL_FILE and JUICE_FRAMEWORK_NAME_FILE.

  show    the framework id, the Mesos cluster and the database it is at home in, who leads, how many tasks are under way
  reset   forgets the framework id, so that the next leader registers anew; only while no process leads
    --yes   also where attempts are live: they end as lost, and their tasks wait again, though they may still run
  --json  answers with JSON

Exit codes
  0  done
  1  a fault, also a database that can't be used
  2  wrong arguments or configuration
  3  refused: a process leads
  4  refused: attempts are live, and --yes was not given
`

const options: Readonly<Record<'show' | 'reset', readonly string[]>> = {
  show: ['--json'],
  reset: ['--json', '--yes'],
}

export function parseArguments(args: readonly string[]): Command {
  if (args.length === 0 || args.includes('--help') || args[0] === 'help') return { name: 'help' }
  const [group, name, ...rest] = args
  if (group !== 'framework') return wrong(`${JSON.stringify(group)} is no command`)
  if (name !== 'show' && name !== 'reset') {
    return wrong(
      name === undefined ? 'framework: show or reset?' : `framework has no ${JSON.stringify(name)}`,
    )
  }
  const unknown = rest.filter(option => !options[name].includes(option))
  if (unknown.length > 0) {
    return wrong(`framework ${name} has no ${unknown.map(option => JSON.stringify(option)).join(', ')}`)
  }
  const json = rest.includes('--json')
  return name === 'show' ? { name, json } : { name, json, yes: rest.includes('--yes') }
}

function wrong(problem: string): Command {
  return { name: 'wrong', problem: `${problem} (juice --help tells what there is)` }
}
