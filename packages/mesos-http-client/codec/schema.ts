// The generated descriptor as tables that both codecs walk: per message its fields, by number and by name. Built on
// first use, message by message, since an executor needs a tenth of them. Pure data, no I/O.
import { descriptor } from '../generated/messages.ts'

export type Scalar =
  | 'double'
  | 'float'
  | 'int32'
  | 'uint32'
  | 'sint32'
  | 'fixed32'
  | 'sfixed32'
  | 'int64'
  | 'uint64'
  | 'sint64'
  | 'fixed64'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes'

/** What one value of a field is. */
export type Kind =
  | { readonly name: 'scalar'; readonly scalar: Scalar }
  | { readonly name: 'enum'; readonly table: EnumTable }
  | { readonly name: 'message'; readonly table: () => MessageTable }

export type Cardinality = 'optional' | 'required' | 'repeated' | 'map'

export interface Field {
  readonly name: string
  readonly number: number
  readonly cardinality: Cardinality
  /** Of one element; of a map's values, whose keys are strings in all of Mesos. */
  readonly kind: Kind
}

export interface EnumTable {
  readonly name: string
  readonly numbers: ReadonlyMap<string, number>
  readonly names: ReadonlyMap<number, string>
}

export interface MessageTable {
  readonly name: string
  /** In the order of their numbers, which is the order on the wire. */
  readonly fields: readonly Field[]
  readonly byNumber: ReadonlyMap<number, Field>
  readonly byName: ReadonlyMap<string, Field>
  readonly required: readonly Field[]
}

/** As protobufjs writes its JSON descriptors. */
interface FieldJson {
  readonly id: number
  readonly type: string
  readonly rule?: string
  readonly keyType?: string
}
interface SpaceJson {
  readonly nested?: Readonly<Record<string, SpaceJson>>
  readonly fields?: Readonly<Record<string, FieldJson>>
  readonly values?: Readonly<Record<string, number>>
}

const scalars: ReadonlySet<string> = new Set<Scalar>([
  'double',
  'float',
  'int32',
  'uint32',
  'sint32',
  'fixed32',
  'sfixed32',
  'int64',
  'uint64',
  'sint64',
  'fixed64',
  'sfixed64',
  'bool',
  'string',
  'bytes',
])

const isScalar = (type: string): type is Scalar => scalars.has(type)

const root: SpaceJson = descriptor

function find(path: readonly string[]): SpaceJson | undefined {
  let space: SpaceJson | undefined = root
  for (const part of path) space = space?.nested?.[part]
  return space
}

/** Resolves a type's name as protobuf does: outwards from the message that mentions it. */
function resolve(name: string, scope: readonly string[]): { path: string[]; space: SpaceJson } {
  const parts = name.split('.').filter(part => part !== '')
  for (let depth = scope.length; depth >= 0; depth--) {
    const outer = scope.slice(0, depth)
    // the first part decides the scope, as the language demands
    if (find([...outer, ...parts.slice(0, 1)]) === undefined) continue
    const path = [...outer, ...parts]
    const space = find(path)
    if (space?.fields !== undefined || space?.values !== undefined) return { path, space }
  }
  throw new Error(`no type ${name} in ${scope.join('.')}`)
}

function kindOf(type: string, scope: readonly string[]): Kind {
  if (isScalar(type)) return { name: 'scalar', scalar: type }
  const { path, space } = resolve(type, scope)
  if (space.values !== undefined) {
    const entries = Object.entries(space.values)
    const table: EnumTable = {
      name: path.slice(2).join('.'),
      numbers: new Map(entries),
      names: new Map(entries.map(([name, number]) => [number, name])),
    }
    return { name: 'enum', table }
  }
  const name = path.join('.')
  return { name: 'message', table: () => messageTable(name) }
}

function cardinalityOf(field: FieldJson): Cardinality {
  if (field.keyType !== undefined) return 'map'
  return field.rule === 'repeated' || field.rule === 'required' ? field.rule : 'optional'
}

function build(fullName: string): MessageTable {
  const path = fullName.split('.')
  const space = find(path)
  if (space?.fields === undefined) throw new Error(`no message ${fullName}`)
  const fields = Object.entries(space.fields)
    .map(([name, field]) => ({
      name,
      number: field.id,
      cardinality: cardinalityOf(field),
      kind: kindOf(field.type, path),
    }))
    .toSorted((a, b) => a.number - b.number)
  return {
    name: path.slice(2).join('.'),
    fields,
    byNumber: new Map(fields.map(field => [field.number, field])),
    byName: new Map(fields.map(field => [field.name, field])),
    required: fields.filter(field => field.cardinality === 'required'),
  }
}

const built = new Map<string, MessageTable>()

/** The table of a message by its full name, such as `mesos.v1.scheduler.Call`. */
export function messageTable(fullName: string): MessageTable {
  let table = built.get(fullName)
  if (table === undefined) {
    table = build(fullName)
    built.set(fullName, table)
  }
  return table
}
