// A cluster that the whole-system tests are pointed at instead of local-mesos (JUICE_TEST_MESOS_MASTER; docs/real-mesos.md),
// and what has to be done there that local-mesos does by ending. Reads the environment and /proc.
import { readdir, readFile } from 'node:fs/promises'
import { OperatorClient } from 'mesos-http-client'
import { commandLine } from '../../scripts/lib/processes.ts'

export interface GivenMesos {
  /** As JUICE_MESOS_MASTER. */
  readonly master: string
  /** More variables of the framework, such as credentials, the address to listen at, and its public URL. */
  readonly settings: Readonly<Record<string, string>>
}

/** @throws Error naming the variable that is wrong */
export function givenMesos(env: NodeJS.ProcessEnv = process.env): GivenMesos | undefined {
  const master = env['JUICE_TEST_MESOS_MASTER'] ?? ''
  if (master === '') return undefined
  const text = env['JUICE_TEST_SETTINGS'] ?? '{}'
  const wrong = new Error(
    `JUICE_TEST_SETTINGS must be a JSON object of JUICE_* variables with texts, not ${text}`,
  )
  let settings: unknown
  try {
    settings = JSON.parse(text)
  } catch {
    throw wrong
  }
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) throw wrong
  const entries = Object.entries(settings as Record<string, unknown>)
  return {
    master,
    settings: Object.fromEntries(
      entries.map(([name, value]): [string, string] => {
        if (!name.startsWith('JUICE_') || typeof value !== 'string') throw wrong
        return [name, value]
      }),
    ),
  }
}

interface Subscribed {
  readonly url: string
  readonly frameworkId: string
}

/** Where a framework process says that it was subscribed last, and as whom. */
export async function lastSubscription(logFile: string): Promise<Subscribed | undefined> {
  const lines = (await readFile(logFile, 'utf8')).split('\n').filter(line => line.includes('"subscribed"'))
  const last = lines.at(-1)
  return last === undefined ? undefined : (JSON.parse(last) as Subscribed)
}

/** Ends a framework with its executors, which a cluster that goes on would keep for its failover time-out. */
export async function tearDown({ settings }: GivenMesos, { url, frameworkId }: Subscribed): Promise<void> {
  const { JUICE_MESOS_PRINCIPAL: principal, JUICE_MESOS_SECRET: secret } = settings
  const caFile = settings['JUICE_MESOS_CA_FILE']
  const operator = new OperatorClient({
    url: new URL(url).origin,
    ...(principal === undefined || secret === undefined ? {} : { credential: { principal, secret } }),
    ...(caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') }),
  })
  try {
    await operator.call({ type: 'TEARDOWN', teardown: { framework_id: { value: frameworkId } } })
  } finally {
    operator.close()
  }
}

export interface ExecutorProcess {
  readonly pid: number
  readonly command: string
}

/** The processes of a framework's executors on this machine, the small parents among them, without what tasks run. */
export async function executorProcesses(frameworkId: string): Promise<ExecutorProcess[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async pid => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
      if (!environment.split('\0').includes(`MESOS_FRAMEWORK_ID=${frameworkId}`)) return []
      const command = await commandLine(pid)
      return /juice-executor|executor\.mjs/.test(command) ? [{ pid, command }] : []
    }),
  )
  return found.flat()
}
