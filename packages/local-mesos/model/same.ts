// Whether two ExecutorInfos are one and the same to Mesos (S47). Pure.
import type { ExecutorInfo } from 'mesos-http-client'
import { Resources } from './resources.ts'

/** Key order, absent and empty fields don't count; bytes and everything else do. */
function canonical(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined && !(Array.isArray(field) && field.length === 0))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, field]) => [name, canonical(field)]),
  )
}

/** Fields with a default in Mesos' .proto compare as if they were set. */
function withDefaults({ resources: _resources, ...info }: ExecutorInfo): unknown {
  const { command, ...rest } = info
  if (command === undefined) return canonical(rest)
  const variables = (command.environment?.variables ?? []).map(variable => ({ type: 'VALUE', ...variable }))
  const uris = (command.uris ?? []).map(uri => ({ extract: true, ...uri }))
  return canonical({ ...rest, command: { shell: true, ...command, uris, environment: { variables } } })
}

export function sameExecutor(left: ExecutorInfo, right: ExecutorInfo): boolean {
  return (
    Resources.of(left.resources).equals(Resources.of(right.resources)) &&
    JSON.stringify(withDefaults(left)) === JSON.stringify(withDefaults(right))
  )
}

/** A readable form for the refusal that names both. */
export function executorText(info: ExecutorInfo): string {
  return `${JSON.stringify(canonical(info), null, 2)}\n`
}
