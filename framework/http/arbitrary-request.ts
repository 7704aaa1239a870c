// For tests: any task that a client may submit. Not part of the service.
import fc from 'fast-check'
import type { TaskRequest } from './schemas/task-request.ts'

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/)
/** Anything that PostgreSQL can store. */
const text = fc
  .string({ unit: 'binary', maxLength: 20 })
  .filter(value => !value.includes('\0') && value.isWellFormed())
const line = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter(value => /^(?!\s)\P{Cc}{1,100}(?<!\s)$/u.test(value))
const path = fc.array(word, { minLength: 1, maxLength: 3 }).map(parts => `/${parts.join('/')}`)
const url = fc.tuple(word, word).map(([host, name]) => `https://${host}.example/${name}?a=%20`)
const env = fc.dictionary(fc.stringMatching(/^[A-Z][A-Z0-9_.-]{0,10}$/), text, { maxKeys: 4 })
const optional = { requiredKeys: [] as [] }

const resources = fc.record(
  {
    cpus: fc.integer({ min: 10, max: 100_000 }).map(millis => millis / 1000),
    memMb: fc.integer({ min: 6, max: 65_536 }),
    diskMb: fc.nat(100_000),
    gpus: fc.constant(0),
    ports: fc.nat(10),
  },
  optional,
)

const docker = fc.record(
  {
    network: fc.constantFrom('bridge', 'weave-1'),
    user: fc.constantFrom('1000', 'app:app'),
    workdir: path,
    forcePull: fc.boolean(),
    privileged: fc.boolean(),
    volumes: fc.uniqueArray(fc.record({ hostPath: path, containerPath: path, readOnly: fc.boolean() }), {
      selector: volume => volume.containerPath,
      maxLength: 3,
    }),
    portMappings: fc.uniqueArray(
      fc.record({ containerPort: fc.integer({ min: 1, max: 65_535 }), hostPort: fc.nat(65_535) }),
      { selector: mapping => mapping.hostPort, maxLength: 3 },
    ),
    parameters: fc.array(fc.record({ key: fc.constant('dns'), value: fc.ipV4() }), { maxLength: 2 }),
  },
  optional,
)

const common = {
  labels: fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9./-]{0,10}$/), text, { maxKeys: 3 }),
  env,
  resources,
  uris: fc.array(fc.record({ value: url, cache: fc.boolean() }), { maxLength: 2 }),
  constraints: fc.array(
    fc.record({
      field: fc.oneof(
        fc.constantFrom('hostname', '@region', '@zone'),
        line.filter(field => !field.startsWith('@')),
      ),
      operator: fc.constantFrom('in' as const, 'notIn' as const),
      values: fc.array(word, { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 2 },
  ),
  priority: fc.integer({ min: -1000, max: 1000 }),
  callback: fc.record({ url }),
  maxRuntimeSeconds: fc.integer({ min: 1, max: 100_000 }),
  maxQueueSeconds: fc.integer({ min: 1, max: 100_000 }),
  killGraceSeconds: fc.nat(3600),
  retry: fc.record(
    {
      max: fc.nat(100),
      backoffSeconds: fc.integer({ min: 0, max: 300 }),
      backoffFactor: fc.integer({ min: 1, max: 9 }),
    },
    optional,
  ),
}

const image = fc.constantFrom('tool', 'registry.example:5000/team/tool:1.2', `tool@sha256:${'a'.repeat(64)}`)
const command = text.filter(value => /\S/u.test(value))

export const arbitraryRequest: fc.Arbitrary<TaskRequest> = fc.oneof(
  fc.record(
    { name: line, image, args: fc.array(text, { maxLength: 3 }), docker, ...common },
    { requiredKeys: ['name', 'image'] },
  ),
  fc.record(
    { name: line, image, command, docker, ...common },
    { requiredKeys: ['name', 'image', 'command'] },
  ),
  fc.record({ name: line, command, ...common }, { requiredKeys: ['name', 'command'] }),
)
