// What the shared executor's memory is with a hundred containers at once: its resident set, and that of its parent.
import { commandLine, descendants, residentBytes } from '../lib/processes.ts'
import { demoImage, type Stack } from '../lib/stack.ts'
import { submit, until } from '../lib/task-client.ts'
import { printTable } from './table.ts'

const containers = 100

export async function measureMemory(stack: Stack): Promise<void> {
  const kill = (id: number): Promise<Response> =>
    fetch(`${stack.framework.url}/v2/tasks/${id}/kill`, { method: 'POST' })
  const ids: number[] = []
  const run = async (count: number): Promise<void> => {
    const started = await Promise.all(
      Array.from({ length: count }, () =>
        submit(stack.framework.url, {
          name: 'memory',
          image: demoImage,
          command: 'while :; do echo working; sleep 1; done',
          docker: { network: 'none' },
          resources: { cpus: 0.1, memMb: 32 },
        }),
      ),
    )
    ids.push(...started.map(({ id }) => id))
    for (const { id } of started)
      await until(stack.framework.url, id, task => task.state === 'RUNNING', 300_000)
  }
  await run(1)
  const alone = await executorMemory(stack)
  await run(containers - 1)
  const full = await executorMemory(stack)
  await Promise.all(ids.map(kill))
  for (const id of ids) await until(stack.framework.url, id, task => task.state === 'KILLED', 300_000)
  const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`
  printTable(`Memory of the executor (resident) with ${containers} running containers`, [
    { what: 'with one container', figure: megabytes(alone) },
    { what: `with ${containers}`, figure: megabytes(full), goal: '≤ 120 MB' },
    { what: 'ratio', figure: (full / alone).toFixed(2) },
  ])
}

/** All processes of the executor but those of tasks, which are not its children: containers belong to the engine. */
async function executorMemory(stack: Stack): Promise<number> {
  const executors = stack.mesos.agents.flatMap(agent => agent.executors)
  let bytes = 0
  for (const { pid } of executors) {
    if (pid === undefined) continue
    for (const each of [pid, ...(await descendants(pid))]) {
      if (/juice-executor|executor\.mjs/.test(await commandLine(each))) bytes += await residentBytes(each)
    }
  }
  return bytes
}
