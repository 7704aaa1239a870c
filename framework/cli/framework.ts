// `juice framework show` and `reset`: call use cases, and tell the operator what came of it. Prints nothing by itself.
import type { FrameworkDescription, LeaseHold } from '../usecases/index.ts'
import { exitCodes } from './arguments.ts'
import { leaderText, showJson, showText } from './render.ts'

/** The use cases, with their dependencies bound. */
export interface FrameworkCommands {
  readonly checkStore: () => Promise<{ readonly migrated: boolean }>
  readonly describe: () => Promise<FrameworkDescription>
  /** Holds the lease while `work` runs; undefined where somebody else got it. */
  readonly whileLeading: <T>(work: (hold: LeaseHold) => Promise<T>) => Promise<T | undefined>
  /** Returns how many live attempts ended. */
  readonly forsake: (hold: LeaseHold, why: string) => Promise<number>
}

export interface Answer {
  readonly code: number
  readonly stdout?: string
  readonly stderr?: string
}

export async function show(commands: FrameworkCommands, args: { readonly json: boolean }): Promise<Answer> {
  const unfit = await unmigrated(commands)
  if (unfit) return unfit
  const description = await commands.describe()
  return { code: exitCodes.done, stdout: args.json ? showJson(description) : showText(description) }
}

export async function reset(
  commands: FrameworkCommands,
  args: { readonly json: boolean; readonly yes: boolean },
): Promise<Answer> {
  const unfit = await unmigrated(commands)
  if (unfit) return unfit
  const before = await commands.describe()
  if (before.leader) return refusedForLeader(before)
  const { name, names } = before
  if (!before.framework && names.length > 0) {
    const stderr = `no framework id is kept under "${name}"; JUICE_FRAMEWORK_NAME may be one of ${quoted(names)}`
    return { code: exitCodes.wrong, stderr }
  }
  const done = await commands.whileLeading(async (hold): Promise<Answer> => {
    // Somebody may have led in between, but nobody does now.
    const { framework, tasks } = await commands.describe()
    if (tasks.live > 0 && !args.yes) return refusedForTasks(tasks.live)
    const why = 'an operator reset the framework, and Mesos knows this attempt no longer as ours'
    const forsaken = await commands.forsake(hold, why)
    const frameworkId = framework?.frameworkId ?? null
    const text =
      frameworkId === null
        ? `no framework id was kept under "${name}"`
        : `framework "${name}" has forgotten its id ${frameworkId}; ${forsaken} attempts that were live ended as lost`
    return { code: exitCodes.done, stdout: args.json ? json({ name, frameworkId, forsaken }) : `${text}\n` }
  })
  return done ?? refusedForLeader(await commands.describe())
}

async function unmigrated(commands: FrameworkCommands): Promise<Answer | undefined> {
  const { migrated } = await commands.checkStore()
  if (migrated) return undefined
  const stderr =
    'the database of JUICE_DATABASE_URL does not have the schema of this version: a framework process makes it at its start'
  return { code: exitCodes.wrong, stderr }
}

function refusedForLeader({ leader }: FrameworkDescription): Answer {
  const who = leader ? leaderText(leader) : 'another process'
  return { code: exitCodes.leaderThere, stderr: `a process leads: ${who}. End it first` }
}

function refusedForTasks(live: number): Answer {
  const stderr =
    `${live} attempts are live. Under a new framework id nothing is heard of them: with --yes they end as lost and their ` +
    `tasks wait again, so that a second run may take place beside the first`
  return { code: exitCodes.tasksLive, stderr }
}

function quoted(names: readonly string[]): string {
  return names.map(name => `"${name}"`).join(', ')
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
