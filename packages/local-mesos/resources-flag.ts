// The flag --resources in the form that Mesos' own agents take: `cpus:4;mem(role):1024;ports(role):[31000-31099]`.
// Pure.
import type { AgentResources } from './options.ts'

const names = { cpus: 'cpus', mem: 'memMb', disk: 'diskMb' } as const

/** Role → its resources, `*` for those that are not reserved. Throws with a sentence for people. */
export function readResources(text: string): Record<string, Partial<AgentResources>> {
  const byRole: Record<string, Partial<AgentResources>> = {}
  for (const part of text.split(';').filter(each => each.trim() !== '')) {
    const found = /^\s*(cpus|mem|disk|ports)(?:\(([^()\s]+)\))?\s*:\s*(.+?)\s*$/.exec(part)
    if (found === null) {
      throw new Error(
        `--resources: '${part.trim()}' is not name:value or name(role):value with the name cpus, mem, disk or ports`,
      )
    }
    const [, name = '', role = '*', value = ''] = found
    byRole[role] = { ...byRole[role], ...one(name, value) }
  }
  return byRole
}

function one(name: string, value: string): Partial<AgentResources> {
  if (name === 'cpus' || name === 'mem' || name === 'disk') {
    const amount = Number(value)
    if (Number.isFinite(amount) && amount >= 0) return { [names[name]]: amount }
    throw new Error(`--resources: ${name} must be a number, not '${value}'`)
  }
  if (!/^\[\s*\d+-\d+(\s*,\s*\d+-\d+)*\s*\]$/.test(value)) {
    throw new Error(`--resources: ports must be ranges such as [31000-31099, 31200-31299], not '${value}'`)
  }
  const ports = [...value.matchAll(/(\d+)-(\d+)/g)].map(
    ([, begin, end]) => [Number(begin), Number(end)] as const,
  )
  return { ports }
}
