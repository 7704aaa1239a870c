// Juice's own part of a start: from the submission to a record that says RUNNING, on an idle, suppressed framework. Tasks
// are simulated, so that neither Docker nor an executor's start is in it; what the imitation of Mesos needs, is.
import { setTimeout as delay } from 'node:timers/promises'
import type { Stack } from '../lib/stack.ts'
import { getTask, submit } from '../lib/task-client.ts'
import { printTable, quantile, spreadMs } from './table.ts'

const rounds = 15
/** Nothing waits for longer than this: the framework has told Mesos that it wants no offers. */
const idleMs = 3000

export async function measureSubmit(stack: Stack): Promise<void> {
  const { url } = stack.framework
  const idle: number[] = []
  const busy: number[] = []
  const roundTrip: number[] = []
  await once(url)
  for (let round = 0; round < rounds; round++) {
    await delay(idleMs)
    idle.push(await once(url))
    busy.push(await once(url))
    const began = performance.now()
    await getTask(url, 1)
    roundTrip.push(performance.now() - began)
  }
  printTable('Submission → record says RUNNING, simulated task', [
    {
      what: 'idle framework (suppressed: REVIVE, offer, launch)',
      figure: spreadMs(idle),
      goal: '≤ 100 ms p50',
    },
    { what: 'p90', figure: `${quantile(idle, 0.9).toFixed(1)} ms` },
    { what: 'right after another task', figure: spreadMs(busy) },
    { what: 'one GET of a record, the resolution of the above', figure: spreadMs(roundTrip) },
  ])
}

async function once(url: string): Promise<number> {
  const began = performance.now()
  const { id } = await submit(url, { name: 'start', command: 'true', resources: { cpus: 0.1, memMb: 32 } })
  for (;;) {
    const { state } = await getTask(url, id)
    if (state === 'RUNNING') return performance.now() - began
    if (state !== 'QUEUED' && state !== 'LAUNCHING')
      throw new Error(`task ${id} is ${state} before it was seen RUNNING`)
  }
}
