// The app definition for Marathon: its fields as Marathon documents them, and what our configuration makes of its environment.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { readConfig, type Config } from '../../framework/config.ts'

type Shape = (value: unknown, at: string) => void

const text: Shape = (value, at) => expect(value, at).to.be.a('string').and.not.equal('')
const flag: Shape = (value, at) => expect(value, at).to.be.a('boolean')

function number(min: number, max = Infinity): Shape {
  return (value, at) => {
    expect(value, at).to.be.a('number')
    expect(value, at).to.be.within(min, max)
  }
}

function whole(min: number, max = Infinity): Shape {
  return (value, at) => {
    number(min, max)(value, at)
    expect(Number.isInteger(value), at).to.equal(true)
  }
}

function oneOf(...values: readonly string[]): Shape {
  return (value, at) => expect(value, at).to.be.oneOf(values)
}

function matching(pattern: RegExp): Shape {
  return (value, at) => expect(value, at).to.match(pattern)
}

function list(shape: Shape, unique = false): Shape {
  return (value, at) => {
    if (!Array.isArray(value)) throw new Error(`${at} must be a list`)
    for (const [index, item] of value.entries()) shape(item, `${at}[${index}]`)
    if (unique) expect(new Set(value.map(item => JSON.stringify(item))).size, at).to.equal(value.length)
  }
}

function map(key: RegExp, shape: Shape): Shape {
  return (value, at) => {
    for (const [name, item] of Object.entries(value ?? {})) {
      expect(name, at).to.match(key)
      shape(item, `${at}.${name}`)
    }
  }
}

/** Fields that end in `?` may be absent; others than these, Marathon refuses. */
function object(fields: Readonly<Record<string, Shape>>): Shape {
  const shapes = new Map(Object.entries(fields).map(([name, shape]) => [name.replace('?', ''), shape]))
  return (value, at) => {
    if (typeof value !== 'object' || value === null) throw new Error(`${at} must be an object`)
    for (const [name, item] of Object.entries(value)) {
      const shape = shapes.get(name)
      if (!shape) throw new Error(`${at}.${name} is no field of Marathon's`)
      shape(item, `${at}.${name}`)
    }
    for (const name of Object.keys(fields)) {
      if (!name.endsWith('?')) expect(value, at).to.have.property(name)
    }
  }
}

const port = whole(0, 65_535)
const portName = matching(/^[a-z][-a-z0-9]*$/)
const constraint: Shape = (value, at) => {
  list(text)(value, at)
  const [, operator, ...rest] = value as readonly string[]
  oneOf('UNIQUE', 'CLUSTER', 'GROUP_BY', 'LIKE', 'UNLIKE', 'MAX_PER')(operator, at)
  expect(rest.length, at).to.be.at.most(1)
}

/** Marathon's own description of an app (docs/docs/rest-api/public/api/v2/types/app.raml), as far as a service needs it. */
const app = object({
  id: matching(/^\/[a-z0-9][-a-z0-9]*(\/[a-z0-9][-a-z0-9]*)*$/),
  'instances?': whole(0),
  'cpus?': number(0.001),
  'mem?': number(0),
  'disk?': number(0),
  'cmd?': text,
  'args?': list(text),
  'user?': text,
  'container?': object({
    type: oneOf('MESOS', 'DOCKER'),
    'docker?': object({
      image: text,
      'forcePullImage?': flag,
      'privileged?': flag,
      'parameters?': list(object({ key: text, value: text })),
    }),
    'volumes?': list(object({ containerPath: text, 'hostPath?': text, mode: oneOf('RO', 'RW') })),
    'portMappings?': list(
      object({
        containerPort: port,
        'hostPort?': port,
        'servicePort?': port,
        'name?': portName,
        'protocol?': text,
      }),
    ),
  }),
  'networks?': list(object({ 'mode?': oneOf('container', 'container/bridge', 'host'), 'name?': text })),
  'portDefinitions?': list(
    object({ 'port?': port, 'name?': portName, 'protocol?': oneOf('tcp', 'udp', 'udp,tcp') }),
  ),
  'requirePorts?': flag,
  'constraints?': list(constraint, true),
  'env?': map(/^[a-zA-Z_][a-zA-Z0-9_]*$/, text),
  'fetch?': list(object({ uri: text, 'extract?': flag, 'executable?': flag, 'cache?': flag })),
  'healthChecks?': list(
    object({
      'protocol?': oneOf('HTTP', 'HTTPS', 'TCP', 'COMMAND', 'MESOS_TCP', 'MESOS_HTTP', 'MESOS_HTTPS'),
      'path?': text,
      'port?': port,
      'portIndex?': port,
      'gracePeriodSeconds?': whole(0),
      'intervalSeconds?': whole(0),
      'timeoutSeconds?': whole(0),
      'maxConsecutiveFailures?': whole(0),
      'delaySeconds?': whole(0),
    }),
    true,
  ),
  'readinessChecks?': list(
    object({
      'name?': text,
      'protocol?': oneOf('HTTP', 'HTTPS'),
      'path?': text,
      'portName?': portName,
      'intervalSeconds?': whole(0),
      'timeoutSeconds?': whole(0),
      'httpStatusCodesForReady?': list(whole(100, 999), true),
      'preserveLastResponse?': flag,
    }),
  ),
  'taskKillGracePeriodSeconds?': whole(0),
  'upgradeStrategy?': object({ minimumHealthCapacity: number(0, 1), maximumOverCapacity: number(0, 1) }),
  'backoffSeconds?': whole(0),
  'backoffFactor?': number(1),
  'maxLaunchDelaySeconds?': whole(0),
  'labels?': map(/./, text),
})

interface AppDefinition {
  readonly id: string
  readonly instances: number
  readonly env: Readonly<Record<string, string>>
  readonly portDefinitions: readonly { readonly name: string }[]
  readonly healthChecks: readonly { readonly path: string; readonly portIndex: number }[]
  readonly readinessChecks: readonly {
    readonly path: string
    readonly portName: string
    readonly intervalSeconds: number
    readonly timeoutSeconds: number
  }[]
  readonly container: { readonly volumes: readonly { readonly containerPath: string }[] }
}

function definition(): AppDefinition {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'juice.json'), 'utf8')) as AppDefinition
}

/** The configuration of an instance of this app, on one agent. */
function started(more: Readonly<Record<string, string>> = {}): Config {
  const { id, env } = definition()
  return readConfig(
    { ...env, MARATHON_APP_ID: id, HOST: 'agent7.example', PORT0: '31007', ...more },
    { readFile: path => (path.endsWith('database-url') ? 'postgres://juice:s@db/juice\n' : 'secret\n') },
  )
}

describe('scripts/marathon/juice.json', () => {
  it('is an app as Marathon documents it', () => {
    app(definition(), 'app')
    expect(() => app({ id: '/juice', instance: 2 }, 'app')).to.throw('app.instance is no field')
  })

  it('is one that Marathon can check: its ports exist, and readiness is asked often enough', () => {
    const { portDefinitions, healthChecks, readinessChecks } = definition()
    const names = portDefinitions.map(({ name }) => name)
    for (const { portIndex } of healthChecks) expect(portIndex).to.be.below(names.length)
    for (const { portName: name, intervalSeconds, timeoutSeconds } of readinessChecks) {
      expect(names).to.include(name)
      expect(timeoutSeconds).to.be.below(intervalSeconds)
    }
  })

  it('has no variable that Juice does not know, and no secret in it', () => {
    const { env, container } = definition()
    const config = started()
    expect(config.databaseUrl).to.equal('postgres://juice:s@db/juice')
    expect(config.mesos).to.include({ principal: 'juice', secret: 'secret' })
    const mounted = container.volumes.map(({ containerPath }) => `${containerPath}/`)
    for (const [name, value] of Object.entries(env).filter(([key]) => key.endsWith('_FILE'))) {
      expect(
        mounted.some(path => value.startsWith(path)),
        name,
      ).to.equal(true)
    }
    for (const name of ['JUICE_DATABASE_URL', 'JUICE_MESOS_SECRET']) expect(env).to.not.have.property(name)
  })

  it('makes each instance listen where Marathon put it, and be known by one address for all', () => {
    const config = started()
    expect(config.http).to.deep.equal({ host: '0.0.0.0', port: 31_007, allowUnauthenticated: true })
    expect(config).to.include({
      hostname: 'agent7.example',
      marathonAppId: '/juice',
      advertiseUrl: 'http://agent7.example:31007',
      publicUrl: 'http://juice.example:10080',
    })
  })

  it('works with bridge networking once the port of the container is told', () => {
    expect(started({ JUICE_HTTP_PORT: '8080' })).to.deep.include({
      http: { host: '0.0.0.0', port: 8080, allowUnauthenticated: true },
      advertiseUrl: 'http://agent7.example:31007',
    })
  })
})
