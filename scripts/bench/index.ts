// `npm run bench [-- names]`: figures and ratios of one run on this machine. It only measures; nothing here can fail a build.
import { measureLaunch } from './launch.ts'
import { measureMemory } from './memory.ts'
import { measureRate } from './rate.ts'
import { measureSubmit } from './submit.ts'
import { startStack, type Stack } from '../lib/stack.ts'

interface Benchmark {
  readonly measure: (stack: Stack) => Promise<void>
  readonly simulatedTaskMs?: number
}

const benchmarks: Readonly<Record<string, Benchmark>> = {
  launch: { measure: measureLaunch },
  submit: { measure: measureSubmit, simulatedTaskMs: 500 },
  rate: { measure: measureRate },
  memory: { measure: measureMemory },
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter(name => !(name in benchmarks))
if (unknown.length > 0) {
  process.stderr.write(
    `no benchmark ${unknown.join(', ')}: there are ${Object.keys(benchmarks).join(', ')}\n`,
  )
  process.exitCode = 1
} else {
  for (const [name, { measure, ...options }] of Object.entries(benchmarks)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    await using resources = new AsyncDisposableStack()
    await measure(
      await startStack(resources, { agents: 1, cpusPerAgent: 64, progress: () => {}, ...options }),
    )
  }
}
