// Tasks that placement can't tell apart share a shape: work per plan grows with shapes, not with tasks. Pure.
import type { TaskSpec } from '../domain/spec.ts'
import { wantedPorts, type Shape } from './types.ts'

/** The shape of a task of this tenant. Equal keys mean equal shapes. */
export function shapeOf(tenant: string, spec: TaskSpec): Shape {
  const { fixed, any } = wantedPorts(spec.docker?.portMappings ?? [], spec.resources.ports)
  const constraints = spec.constraints.map(({ field, operator, values }) => ({
    field,
    operator,
    values: [...new Set(values)].sort(),
  }))
  const parts = {
    tenant,
    priority: spec.priority,
    cpuMillis: spec.resources.cpuMillis,
    memMb: spec.resources.memMb,
    diskMb: spec.resources.diskMb,
    fixedPorts: fixed,
    anyPorts: any,
    constraints,
    ...(spec.maxRuntimeSeconds === undefined ? {} : { maxRuntimeMs: spec.maxRuntimeSeconds * 1000 }),
  }
  return { key: JSON.stringify(parts), ...parts }
}
