// Why a shape waits, in words for people. Pure.
import type { No, ScalarName } from './types.ts'

function kindKey(no: No): string {
  if (no.kind === 'resource') return `resource ${no.name}`
  if (no.kind === 'constraint') return `constraint ${no.field}`
  if (no.kind === 'fixed-port') return `port ${no.port}`
  return no.kind
}

const units: Record<ScalarName, string> = { cpus: '', mem: ' MB', disk: ' MB' }

function largest(noes: readonly No[]): string {
  let free = 0
  let wanted = 0
  let unit = ''
  for (const no of noes) {
    if (no.kind === 'resource') {
      free = Math.max(free, no.freeMillis / 1000)
      wanted = no.wantedMillis / 1000
      unit = units[no.name]
    } else if (no.kind === 'ports') {
      free = Math.max(free, no.free)
      wanted = no.wanted
    }
  }
  return `largest free ${free} of ${wanted}${unit}`
}

/** The noes are of one kind. */
function phrase(no: No, noes: readonly No[]): string {
  switch (no.kind) {
    case 'resource':
      return `not enough ${no.name} (${largest(noes)})`
    case 'ports':
      return `not enough ports (${largest(noes)})`
    case 'fixed-port':
      return `host port ${no.port} is not offered`
    case 'constraint':
      return `constraint ${no.field}`
    case 'maintenance':
      return `maintenance planned (from ${new Date(no.fromMs).toISOString()})`
    case 'gpu':
      return 'kept for tasks that need a GPU'
    case 'avoid':
      return `the executor failed there (next try at ${new Date(no.untilMs).toISOString()})`
    case 'cold':
      return 'its turn to start the executor has not come'
    case 'message-full':
      return 'next in turn'
  }
}

/** For example "3 agents: not enough mem (largest free 512 of 1024 MB); 1 agent: constraint hostname". */
export function explain(agents: ReadonlyMap<string, No>): string {
  if (agents.size === 0) return 'no agent has offered resources yet'
  const groups = Map.groupBy(agents.values(), kindKey)
  return [...groups.entries()]
    .sort(([keyA, a], [keyB, b]) => b.length - a.length || (keyA < keyB ? -1 : 1))
    .map(([, noes]) => {
      const first = noes[0]
      const count = `${noes.length} agent${noes.length === 1 ? '' : 's'}`
      return first ? `${count}: ${phrase(first, noes)}` : ''
    })
    .join('; ')
}
