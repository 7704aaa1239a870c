// What a submission must keep beyond its schema: rules between fields, and texts that PostgreSQL can store. Pure.
// Takes whatever JSON came, since it also runs where the schema found faults, so that a client sees all at once.
import { parameterForms, validateParameter } from '../../executor/docker/parameters.ts'
import { regionField, zoneField } from '../domain/spec.ts'
import { pointerToken, type FieldError } from './check.ts'

/** Docker's own least memory limit. */
const dockerMinimumMemMb = 6

/** An error for each field that breaks a rule; fields of a wrong type are left to the schema. */
export function ruleErrors(body: unknown): FieldError[] {
  const task = record(body)
  if (task === undefined) return []
  return [
    ...workErrors(task),
    ...environmentErrors(record(task['env'])),
    ...dockerErrors(record(task['docker'])),
    ...uriErrors(array(task['uris'])),
    ...constraintErrors(array(task['constraints'])),
    ...retryErrors(record(task['retry'])),
    ...repeated(record(task['callback'])?.['on'], '/callback/on', one =>
      typeof one === 'string' ? one : undefined,
    ),
  ]
}

function workErrors(task: Json): FieldError[] {
  const has = (field: string): boolean => task[field] !== undefined
  const errors: FieldError[] = []
  const add = (path: string, message: string): void => void errors.push({ path, message })
  if (!has('image') && !has('command'))
    add(
      '/image',
      'is required, or command: what shall run is an image, a shell line, or a shell line in an image',
    )
  if (has('args') && has('command'))
    add('/args', 'must not be together with command, which is a shell line instead')
  else if (has('args') && !has('image'))
    add('/args', 'must not be there without image: put a shell line into command')
  if (!has('image') && has('docker')) add('/docker', 'must not be there without image')
  if (has('command') && record(task['docker'])?.['entrypoint'] !== undefined)
    add('/docker/entrypoint', 'must not be together with command, which brings its own: the shell')
  const memMb = record(task['resources'])?.['memMb']
  if (has('image') && typeof memMb === 'number' && memMb >= 4 && memMb < dockerMinimumMemMb)
    add(
      '/resources/memMb',
      `must be at least ${dockerMinimumMemMb} with an image: Docker takes no lower limit`,
    )
  return errors
}

/** Variables that Juice itself sets: a task's own value would be lost without a word. */
function environmentErrors(env: Json | undefined): FieldError[] {
  return Object.keys(env ?? {})
    .filter(name => name === 'TASK_ID' || name === 'MESOS_SANDBOX' || name.startsWith('JUICE_'))
    .map(name => ({
      path: `/env/${pointerToken(name)}`,
      message: 'must have another name: Juice sets TASK_ID, MESOS_SANDBOX and JUICE_… itself',
    }))
}

function dockerErrors(docker: Json | undefined): FieldError[] {
  if (docker === undefined) return []
  const mappings = array(docker['portMappings'])
  const network = docker['network']
  const errors: FieldError[] = []
  if (mappings.length > 0 && (network === 'host' || network === 'none'))
    errors.push({
      path: '/docker/portMappings',
      message:
        network === 'host'
          ? 'must be empty with network host: there the container has the ports of its machine; ask for resources.ports'
          : 'must be empty with network none',
    })
  const hostPort = (mapping: unknown): string | undefined => {
    const { hostPort: port, protocol = 'tcp' } = record(mapping) ?? {}
    return typeof port === 'number' && port > 0 && typeof protocol === 'string'
      ? `${port}/${protocol}`
      : undefined
  }
  const containerPath = (volume: unknown): string | undefined => {
    const path = record(volume)?.['containerPath']
    return typeof path === 'string' ? path.replace(/\/+/g, '/').replace(/(.)\/$/, '$1') : undefined
  }
  array(docker['parameters']).forEach((parameter, index) => {
    const { key, value } = record(parameter) ?? {}
    if (typeof key !== 'string' || typeof value !== 'string') return
    const fault = validateParameter(key, value)
    const field = Object.hasOwn(parameterForms, key) ? 'value' : 'key'
    if (fault !== undefined) errors.push({ path: `/docker/parameters/${index}/${field}`, message: fault })
  })
  const volumes = array(docker['volumes'])
  volumes.forEach((volume, index) => {
    const path = containerPath(volume)
    if (path === '/' || path === '/mnt/mesos/sandbox')
      errors.push({
        path: `/docker/volumes/${index}/containerPath`,
        message:
          path === '/' ? "must not be the container's root" : 'must be another path: there is the sandbox',
      })
  })
  return [
    ...errors,
    ...repeated(mappings, '/docker/portMappings', hostPort, '/hostPort'),
    ...repeated(volumes, '/docker/volumes', containerPath, '/containerPath'),
  ]
}

function uriErrors(uris: readonly unknown[]): FieldError[] {
  return uris.flatMap((uri, index) => {
    const { extract, executable } = record(uri) ?? {}
    return extract === true && executable === true
      ? [{ path: `/uris/${index}/executable`, message: 'must not be true together with extract' }]
      : []
  })
}

/** A misspelt @region would be an attribute that no agent has: the task would wait for ever. */
function constraintErrors(constraints: readonly unknown[]): FieldError[] {
  return constraints.flatMap((constraint, index) => {
    const { field } = record(constraint) ?? {}
    if (typeof field !== 'string' || !field.startsWith('@')) return []
    if (field === regionField || field === zoneField) return []
    return [
      {
        path: `/constraints/${index}/field`,
        message: `must be hostname, ${regionField}, ${zoneField} or the name of an agent attribute, which does not begin with @`,
      },
    ]
  })
}

function retryErrors(retry: Json | undefined): FieldError[] {
  const { backoffSeconds, maxBackoffSeconds } = retry ?? {}
  if (typeof backoffSeconds !== 'number' || typeof maxBackoffSeconds !== 'number') return []
  return maxBackoffSeconds < backoffSeconds
    ? [{ path: '/retry/maxBackoffSeconds', message: `must be at least backoffSeconds, ${backoffSeconds}` }]
    : []
}

/** An error at each item whose key an earlier item had. */
function repeated(
  items: unknown,
  path: string,
  keyOf: (item: unknown) => string | undefined,
  field = '',
): FieldError[] {
  const first = new Map<string, number>()
  return array(items).flatMap((item, index) => {
    const key = keyOf(item)
    if (key === undefined) return []
    const before = first.get(key)
    if (before === undefined) first.set(key, index)
    return before === undefined
      ? []
      : [{ path: `${path}/${index}${field}`, message: `must not be the same as that of item ${before}` }]
  })
}

/** Deeper than any task: what nests further has unknown fields, which the schema names. */
const maxDepth = 16

/** An error for each text, or field name, that PostgreSQL can't store: with NUL, or with half of a surrogate pair. */
export function textErrors(body: unknown): FieldError[] {
  const errors: FieldError[] = []
  const walk = (value: unknown, path: string, depth: number): void => {
    if (typeof value === 'string') {
      const fault = textFault(value)
      if (fault !== undefined) errors.push({ path, message: fault })
    } else if (typeof value === 'object' && value !== null && depth < maxDepth) {
      for (const [key, item] of Object.entries(value)) {
        const fault = textFault(key)
        if (fault === undefined) walk(item, `${path}/${pointerToken(key)}`, depth + 1)
        else errors.push({ path, message: `has a field whose name ${fault}` })
      }
    }
  }
  walk(body, '', 0)
  return errors
}

function textFault(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain the character NUL'
  return text.isWellFormed() ? undefined : 'must be valid Unicode: half of a surrogate pair is in it'
}

type Json = Readonly<Record<string, unknown>>

function record(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
}

function array(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
