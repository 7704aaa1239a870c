// What a client may send as a task: the one place with every field, its limits and its words for people. Types,
// validation and the API's documentation all come from here. Rules between fields are in ../task-rules.ts.
import { Type, type Static } from 'typebox'
import { terminalStates } from '../../domain/task.ts'
import { imageReferenceError } from '../image-reference.ts'

/** A spec, as JSON, may be this long: it travels inside a Mesos message. */
export const maxSpecBytes = 64 * 1024
const oneYearSeconds = 31_536_000

const closed = { additionalProperties: false } as const

/** No control characters, nothing blank at the ends. */
const plainText = (max: number) => ({
  minLength: 1,
  maxLength: max,
  pattern: `^(?!\\s)\\P{Cc}{1,${max}}(?<!\\s)$`,
  'x-must': `a text of 1 to ${max} characters, without control characters and without blanks at its ends`,
})

const absolutePath = {
  maxLength: 4096,
  pattern: '^/(?!(?:[\\s\\S]*/)?\\.\\.(?:/|$))\\P{Cc}*$',
  'x-must': 'an absolute path without .. in it',
}

function httpUrl(description: string) {
  return Type.Refine(
    Type.String({ maxLength: 2048, format: 'uri', 'x-must': httpUrlWords, description }),
    isHttpUrl,
    () => {
      return `must be ${httpUrlWords}`
    },
  )
}

const httpUrlWords = 'a URL that begins with http:// or https://, of at most 2048 characters'

function isHttpUrl(text: string): boolean {
  const url = /^https?:\/\/[^\s\p{Cc}]+$/iu.test(text) ? URL.parse(text) : null
  return url !== null && url.hostname !== ''
}

const Resources = Type.Object(
  {
    cpus: Type.Optional(
      Type.Refine(
        Type.Number({
          minimum: 0.01,
          maximum: 100_000,
          default: 1,
          'x-must': 'a number from 0.01 to 100000 with at most three decimals',
          description: 'Cpus, in steps of 0.001.',
        }),
        cpus => Math.abs(cpus * 1000 - Math.round(cpus * 1000)) < 1e-6,
        () => 'must be a number from 0.01 to 100000 with at most three decimals',
      ),
    ),
    memMb: Type.Optional(
      Type.Integer({
        minimum: 4,
        maximum: 16_777_216,
        default: 512,
        description:
          'Memory in MB, swap included. With an image at least 6, which is the least that Docker takes.',
      }),
    ),
    diskMb: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 1_073_741_824, default: 0, description: 'Disk in MB.' }),
    ),
    gpus: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 0,
        default: 0,
        'x-must': '0: GPU tasks are not supported yet',
        description: 'Only 0: GPU tasks are not supported yet.',
      }),
    ),
    ports: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100,
        default: 0,
        description: 'Host ports beside those of the port mappings; the task finds them in PORT0, PORT1, …',
      }),
    ),
  },
  closed,
)

const Volume = Type.Object(
  {
    hostPath: Type.String({ ...absolutePath, description: 'On the agent.' }),
    containerPath: Type.String({ ...absolutePath, description: 'In the container.' }),
    readOnly: Type.Optional(Type.Boolean({ default: false })),
  },
  closed,
)

const PortMapping = Type.Object(
  {
    containerPort: Type.Integer({ minimum: 1, maximum: 65_535 }),
    hostPort: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        default: 0,
        description: '0: any port that the agent offers.',
      }),
    ),
    protocol: Type.Optional(Type.Enum(['tcp', 'udp'], { default: 'tcp' })),
  },
  closed,
)

const Docker = Type.Object(
  {
    network: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$',
        'x-must': "bridge, host, none or a network's name of letters, digits, _, . and -",
        default: 'bridge',
        description: '`bridge`, `host`, `none` or the name of a network on the agents.',
      }),
    ),
    entrypoint: Type.Optional(
      Type.Array(Type.String(), { minItems: 1, maxItems: 1000, description: "Instead of the image's." }),
    ),
    user: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$',
        'x-must': 'a user, or user:group, by name or number',
        description: 'User, or user:group, by name or number.',
      }),
    ),
    workdir: Type.Optional(
      Type.String({ ...absolutePath, description: 'Working directory in the container.' }),
    ),
    forcePull: Type.Optional(
      Type.Boolean({ default: false, description: 'Pull although the image is present.' }),
    ),
    privileged: Type.Optional(Type.Boolean({ default: false })),
    volumes: Type.Optional(Type.Array(Volume, { maxItems: 100 })),
    portMappings: Type.Optional(Type.Array(PortMapping, { maxItems: 100 })),
    parameters: Type.Optional(
      Type.Array(
        Type.Object(
          { key: Type.String({ minLength: 1, maxLength: 64 }), value: Type.String({ maxLength: 1024 }) },
          closed,
        ),
        {
          maxItems: 100,
          description: 'Options of `docker run` by their long names, from a list of permitted ones.',
        },
      ),
    ),
  },
  { ...closed, description: 'Only with `image`.' },
)

const Uri = Type.Object(
  {
    value: httpUrl('What to fetch into the sandbox before the start.'),
    extract: Type.Optional(
      Type.Boolean({ description: 'Unpack an archive. Default: true, but false for an executable one.' }),
    ),
    executable: Type.Optional(Type.Boolean({ default: false })),
    cache: Type.Optional(
      Type.Boolean({ default: false, description: 'No effect yet: each task fetches its own.' }),
    ),
    sha256: Type.Optional(
      Type.String({
        pattern: '^[0-9a-f]{64}$',
        'x-must': '64 lower-case hexadecimal digits',
        description: 'Checked.',
      }),
    ),
  },
  closed,
)

const Constraint = Type.Object(
  {
    field: Type.String({
      ...plainText(255),
      description:
        "`hostname`, `@region`, `@zone` (the agent's fault domain), or the name of an agent attribute. Without a constraint on `@region` a task stays in the region of the Mesos master.",
    }),
    operator: Type.Enum(['in', 'notIn'], {
      description:
        'Whether one of the values must be there, or none may be. An agent that has no such attribute has none of them.',
    }),
    values: Type.Array(
      Type.String({ maxLength: 1024, pattern: '^\\P{Cc}*$', 'x-must': 'a text without control characters' }),
      {
        minItems: 1,
        maxItems: 1000,
        description: 'Numbers match by amount (`8` is `8.0`), and any range that they lie in.',
      },
    ),
  },
  closed,
)

const Retry = Type.Object(
  {
    max: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100,
        default: 0,
        description: 'How often a task that failed by its own fault runs again.',
      }),
    ),
    backoffSeconds: Type.Optional(Type.Number({ minimum: 0, maximum: 86_400, default: 1 })),
    backoffFactor: Type.Optional(Type.Number({ minimum: 1, maximum: 100, default: 2 })),
    maxBackoffSeconds: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 604_800,
        description: 'Default: 300, or backoffSeconds where that is more.',
      }),
    ),
  },
  closed,
)

const Callback = Type.Object(
  {
    url: httpUrl('Gets a POST for each of these states.'),
    on: Type.Optional(
      Type.Array(Type.Enum(['RUNNING', ...terminalStates]), {
        minItems: 1,
        maxItems: 6,
        default: [...terminalStates],
      }),
    ),
  },
  closed,
)

const seconds = (minimum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum, maximum: oneYearSeconds, description }))

export const TaskRequest = Type.Object(
  {
    name: Type.String({ ...plainText(100), description: 'The service: what monitoring aggregates by.' }),
    image: Type.Optional(
      Type.Refine(
        Type.String({ description: 'A Docker image reference.', examples: ['registry.example/ffmpeg:6'] }),
        reference => imageReferenceError(reference) === undefined,
        reference => imageReferenceError(reference) ?? '',
      ),
    ),
    args: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: 10_000,
        description: "The container's arguments. Only with `image`.",
      }),
    ),
    command: Type.Optional(
      Type.String({
        pattern: '\\S',
        'x-must': 'a shell line that is not blank',
        description:
          "A shell line, instead of `args`. With `image` it runs in the container; without, on the agent in the task's sandbox.",
      }),
    ),
    env: Type.Optional(
      Type.Record(Type.String({ pattern: '^[^=\\s\\p{Cc}]{1,255}$' }), Type.String(), {
        additionalProperties: false,
        maxProperties: 1000,
        'x-names': "a variable's name: 1 to 255 characters without = and blanks",
        description: 'TASK_ID, MESOS_SANDBOX and JUICE_… are set by Juice and refused here.',
      }),
    ),
    resources: Type.Optional(Resources),
    docker: Type.Optional(Docker),
    uris: Type.Optional(Type.Array(Uri, { maxItems: 100 })),
    constraints: Type.Optional(Type.Array(Constraint, { maxItems: 100 })),
    priority: Type.Optional(
      Type.Integer({ minimum: -1000, maximum: 1000, default: 0, description: 'Higher goes first.' }),
    ),
    labels: Type.Optional(
      Type.Record(Type.String({ pattern: '^[^\\s\\p{Cc}]{1,255}$' }), Type.String({ maxLength: 1024 }), {
        additionalProperties: false,
        maxProperties: 100,
        'x-names': "a label's name: 1 to 255 characters without blanks",
      }),
    ),
    callback: Type.Optional(Callback),
    maxRuntimeSeconds: seconds(1, "From the container's start, for each attempt. Absent: no limit."),
    maxQueueSeconds: seconds(1, 'All waiting together. Absent: no limit.'),
    killGraceSeconds: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 3600, default: 10, description: 'Between TERM and KILL.' }),
    ),
    retry: Type.Optional(Retry),
  },
  {
    ...closed,
    title: 'TaskRequest',
    description: 'A name and one of `image` and `command` are required. At most 64 KB as JSON.',
    examples: [
      { name: 'hello', command: 'echo hello from $INSTANCE', resources: { cpus: 0.1, memMb: 64 } },
      { name: 'transcode', image: 'registry.example/ffmpeg:6', args: ['-i', 'in.mp4'] },
    ],
  },
)

export type TaskRequest = Static<typeof TaskRequest>
