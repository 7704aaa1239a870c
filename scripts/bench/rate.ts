// How many tasks an hour's burst brings through one agent: 500 command tasks that do nothing, submitted at once, all to
// FINISHED; against the same 500 processes started by a shell loop, which is what the agent's machine needs for them.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Stack } from '../lib/stack.ts'
import { printTable } from './table.ts'

const count = 500

export async function measureRate(stack: Stack): Promise<void> {
  const { url } = stack.framework
  const task = { name: 'nothing', command: 'true', resources: { cpus: 0.1, memMb: 16 } }
  await burst(url, 1, task)
  const submitted: number[] = []
  const started = performance.now()
  await burst(url, count, { ...task, name: 'burst' }, ms => submitted.push(ms))
  const totalMs = performance.now() - started

  const shellStarted = performance.now()
  await promisify(execFile)('sh', ['-c', `i=0; while [ $i -lt ${count} ]; do sh -c true; i=$((i+1)); done`])
  const shellMs = performance.now() - shellStarted

  const rate = (ms: number): string =>
    `${((count * 1000) / ms).toFixed(0)} tasks/s (${(ms / 1000).toFixed(1)} s)`
  printTable(`${count} command tasks (\`true\`) to all FINISHED, one agent`, [
    { what: 'all accepted by the API', figure: rate(Math.max(...submitted)) },
    { what: 'all FINISHED', figure: rate(totalMs) },
    { what: 'a shell loop starting as many', figure: rate(shellMs) },
    { what: 'ratio to the shell loop', figure: (totalMs / shellMs).toFixed(1) },
  ])
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
