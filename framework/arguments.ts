// The command line of a framework process. Pure.
import type { Confirmation } from './domain/origin.ts'

export type Arguments =
  | { readonly kind: 'start'; readonly confirmation: Confirmation }
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly problem: string }

export const usage = `npm start -- [--yes] [--same-cluster] [--help]

Runs one framework process, configured by JUICE_* variables (README.md).

  --yes           confirms once that this store moves to another Mesos cluster, or goes on under another framework name (live
                  attempts end as lost, and their tasks wait again), or that this copy of its database replaces the original
  --same-cluster  confirms once that JUICE_MESOS_MASTER names the same Mesos cluster by other addresses

Exit codes
  0  ended in order (SIGTERM, SIGINT)
  1  a fault, also a database that can't be used at the start
  2  wrong configuration or arguments
  3  Mesos has removed the framework while tasks were live: juice framework reset
  4  Mesos refuses the configuration
  5  the store belongs to another Mesos cluster or framework, or is a copy of another database: nothing was changed
`

export function parseArguments(args: readonly string[]): Arguments {
  const known = new Set(['--yes', '--same-cluster', '--help'])
  const unknown = args.filter(arg => !known.has(arg))
  if (unknown.length > 0) {
    const problem = `unknown: ${unknown.map(arg => JSON.stringify(arg)).join(', ')} (--help tells what there is)`
    return { kind: 'wrong', problem }
  }
  if (args.includes('--help')) return { kind: 'help' }
  return {
    kind: 'start',
    confirmation: { yes: args.includes('--yes'), sameCluster: args.includes('--same-cluster') },
  }
}
