// How many tasks an hour's burst brings through one agent: 500 command tasks that do nothing, submitted at once, all to
// FINISHED; against the same 500 processes started by a shell loop, which is what the agent's machine needs for them.
// What bounds it is the executor's one thread: starting a process blocks it for 5 ms (a third of its busy time by profile), and each
// task sends three updates, one after the other. Its busy part of the whole time is printed.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cpuSeconds, descendants } from '../lib/processes.ts'
import type { Stack } from '../lib/stack.ts'
import { printTable } from './table.ts'

const count = 500

export async function measureRate(stack: Stack): Promise<void> {
  const { url } = stack.framework
  const task = { name: 'nothing', command: 'true', resources: { cpus: 0.1, memMb: 16 } }
  await burst(url, 1, task)
  const executor = await executorPid(stack)
  const cpuBefore = { executor: await cpuSeconds(executor), framework: await cpuSeconds(frameworkPid(stack)) }
  const submitted: number[] = []
  const started = performance.now()
  await burst(url, count, { ...task, name: 'burst' }, ms => submitted.push(ms))
  const totalMs = performance.now() - started
  const busy = (seconds: number): string => `${((seconds * 100_000) / totalMs).toFixed(0)} % of the time`
  const executorCpu = (await cpuSeconds(executor)) - cpuBefore.executor
  const frameworkCpu = (await cpuSeconds(frameworkPid(stack))) - cpuBefore.framework

  const shellStarted = performance.now()
  await promisify(execFile)('sh', ['-c', `i=0; while [ $i -lt ${count} ]; do sh -c true; i=$((i+1)); done`])
  const shellMs = performance.now() - shellStarted

  const rate = (ms: number): string =>
    `${((count * 1000) / ms).toFixed(0)} tasks/s (${(ms / 1000).toFixed(1)} s)`
  printTable(`${count} command tasks (\`true\`) to all FINISHED, one agent`, [
    { what: 'all accepted by the API', figure: rate(Math.max(...submitted)) },
    { what: 'all FINISHED', figure: rate(totalMs) },
    { what: 'executor on a processor', figure: busy(executorCpu) },
    { what: 'framework on a processor', figure: busy(frameworkCpu) },
    { what: 'a shell loop starting as many', figure: rate(shellMs) },
    { what: 'ratio to the shell loop', figure: (totalMs / shellMs).toFixed(1) },
  ])
}

/** The executor's own process, below its parent. */
async function executorPid(stack: Stack): Promise<number> {
  const [executor] = stack.mesos.agents.flatMap(agent => agent.executors)
  const [pid] = executor?.pid === undefined ? [] : await descendants(executor.pid)
  if (pid === undefined) throw new Error('no executor runs')
  return pid
}

function frameworkPid(stack: Stack): number {
  const { pid } = stack.framework.child
  if (pid === undefined) throw new Error('the framework does not run')
  return pid
}

/** Submits `n` tasks, 16 at a time, and waits until all have FINISHED. */
async function burst(
  url: string,
  n: number,
  task: object,
  accepted: (ms: number) => void = () => {},
): Promise<void> {
  const started = performance.now()
  const body = JSON.stringify(task)
  let left = n
  await Promise.all(
    Array.from({ length: Math.min(16, n) }, async () => {
      while (left-- > 0) {
        const response = await fetch(`${url}/v2/tasks`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        })
        if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`)
        await response.arrayBuffer()
        accepted(performance.now() - started)
      }
    }),
  )
  const { name } = task as { name: string }
  for (let finished = 0; finished < n;) {
    await new Promise(resolve => setTimeout(resolve, 50))
    finished = await countFinished(url, name)
  }
}

async function countFinished(url: string, name: string): Promise<number> {
  let found = 0
  let cursor: string | null = ''
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const response = await fetch(`${url}/v2/tasks?state=FINISHED&name=${name}&limit=100${query}`)
    const page = (await response.json()) as { items: unknown[]; nextCursor: string | null }
    found += page.items.length
    cursor = page.nextCursor
  }
  return found
}
