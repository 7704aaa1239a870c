// Every variable: its default, its value, and what a wrong one is told.
import { expect } from 'chai'
import fc from 'fast-check'
import {
  atPort,
  ConfigError,
  readConfig,
  readStoreConfig,
  withoutCredentials,
  type Config,
} from './config.ts'
import type { Environment } from './environment.ts'

const database = { JUICE_DATABASE_URL: 'postgres://juice:s3cret@db:5432/juice' }
const files: Record<string, string> = {
  '/run/db': 'postgres://a@b/c\n',
  '/run/empty': '\n',
  '/run/ca.pem': '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n',
  '/run/secret': 'hush\n',
}

function read(env: Environment): Config {
  return readConfig(env, {
    hostname: 'box',
    readFile(path) {
      const content = files[path]
      if (content === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`)
      return content
    },
  })
}

function problems(env: Environment): readonly string[] {
  try {
    read(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('configuration', () => {
  it('needs only a database; everything else has a default', () => {
    expect(read(database)).to.deep.equal({
      databaseUrl: 'postgres://juice:s3cret@db:5432/juice',
      mesos: { masters: ['http://127.0.0.1:5050'], roles: ['juice'], codec: 'protobuf' },
      framework: { name: 'juice', user: 'root', failoverTimeoutSeconds: 604_800 },
      hostname: 'box',
      http: { host: '127.0.0.1', port: 8080, allowUnauthenticated: false },
      publicUrl: 'http://127.0.0.1:8080',
      advertiseUrl: 'http://127.0.0.1:8080',
      executor: {
        dockerHost: 'unix:///var/run/docker.sock',
        cpusMillis: 100,
        memMb: 160,
        diskMb: 1024,
        commandUser: 'nobody',
        sandboxRetentionMs: 86_400_000,
      },
      orphanWaitMs: 60_000,
      unreachableWaitMs: 90_000,
      log: { level: 'info', format: 'json' },
      warnings: [],
    })
  })

  it('takes every variable', () => {
    const config = read({
      ...database,
      JUICE_MESOS_MASTER: 'http://m1:5050/, https://m2:5050',
      JUICE_MESOS_PRINCIPAL: 'juice',
      JUICE_MESOS_SECRET: 'x',
      JUICE_MESOS_ROLE: 'batch/video, public,*',
      JUICE_MESOS_CODEC: 'json',
      JUICE_MESOS_CA_FILE: '/run/ca.pem',
      JUICE_MESOS_AGENT_PRINCIPAL: 'reader',
      JUICE_MESOS_AGENT_SECRET: 'y',
      JUICE_FRAMEWORK_NAME: 'juice two',
      JUICE_FRAMEWORK_USER: 'mesos',
      JUICE_COMMAND_USER: 'work',
      JUICE_FAILOVER_TIMEOUT_SECONDS: '3600',
      JUICE_HTTP_HOST: '0.0.0.0',
      JUICE_HTTP_PORT: '80',
      JUICE_ALLOW_UNAUTHENTICATED: '1',
      JUICE_PUBLIC_URL: 'https://juice.example/',
      JUICE_EXECUTOR_DOCKER_HOST: 'unix:///run/docker.sock',
      JUICE_EXECUTOR_CPUS: '0.25',
      JUICE_EXECUTOR_MEM_MB: '256',
      JUICE_EXECUTOR_DISK_MB: '512',
      JUICE_REGISTRY_AUTH_FILE: '/etc/docker/config.json',
      JUICE_SANDBOX_RETENTION: '36h',
      JUICE_ORPHAN_WAIT_SECONDS: '5',
      JUICE_UNREACHABLE_WAIT_SECONDS: '0',
      JUICE_LOG_LEVEL: 'debug',
      JUICE_LOG_FORMAT: 'pattern',
      PORT0: '31000',
    })
    expect(config.mesos).to.deep.equal({
      masters: ['http://m1:5050', 'https://m2:5050'],
      principal: 'juice',
      secret: 'x',
      roles: ['batch/video', 'public', '*'],
      codec: 'json',
      caFile: '/run/ca.pem',
      ca: files['/run/ca.pem'],
      agentPrincipal: 'reader',
      agentSecret: 'y',
    })
    expect(config.framework).to.deep.equal({ name: 'juice two', user: 'mesos', failoverTimeoutSeconds: 3600 })
    expect(config.http).to.deep.equal({ host: '0.0.0.0', port: 80, allowUnauthenticated: true })
    expect(config).to.include({
      publicUrl: 'https://juice.example',
      advertiseUrl: 'http://box:80',
      orphanWaitMs: 5000,
      unreachableWaitMs: 0,
    })
    expect(config.executor).to.deep.equal({
      dockerHost: 'unix:///run/docker.sock',
      cpusMillis: 250,
      memMb: 256,
      diskMb: 512,
      commandUser: 'work',
      registryAuthFile: '/etc/docker/config.json',
      sandboxRetentionMs: 36 * 3_600_000,
    })
    expect(config.log).to.deep.equal({ level: 'debug', format: 'pattern' })
    expect(config.warnings).to.have.lengthOf(1)
    expect(config.warnings[0]).to.match(/0\.0\.0\.0 without authentication/)
  })

  const wrong: [Environment, RegExp][] = [
    [{ JUICE_DATABASE_URL: '' }, /^JUICE_DATABASE_URL is required: for example postgres:/],
    [
      { JUICE_DATABASE_URL: 'mysql://u:topsecret@h/d' },
      /^JUICE_DATABASE_URL must be a URL such as postgres:\S+$/,
    ],
    // Without the slashes it is a URL with no host, and pg would go to this machine's database.
    [
      { JUICE_DATABASE_URL: 'postgres:topsecret@h:5432/d' },
      /^JUICE_DATABASE_URL must be a URL such as postgres:\S+$/,
    ],
    [{ JUICE_MESOS_MASTER: 'host:5050' }, /^JUICE_MESOS_MASTER must be URLs such as http:.*not "host:5050"/],
    [{ JUICE_MESOS_MASTER: 'http://u:p@127.0.0.1:5050' }, /without path or credentials/],
    [{ JUICE_MESOS_MASTER: 'http://127.0.0.1:5050/master' }, /without path or credentials/],
    [
      { JUICE_MESOS_MASTER: 'zk://localhost:2181' },
      /JUICE_MESOS_MASTER must be zk:.*the path is missing.*not "zk:/,
    ],
    [{ JUICE_MESOS_MASTER: 'zk://localhost:2181/' }, /the path is missing/],
    [{ JUICE_MESOS_MASTER: 'zk://localhost:2181/a//b' }, /a part of it is empty/],
    [
      { JUICE_MESOS_MASTER: 'zk://localhost:0/mesos' },
      /a server is not host:port with a port from 1 to 65535/,
    ],
    [{ JUICE_MESOS_MASTER: 'zk://localhost:2181,/mesos' }, /a server is not host:port/],
    [{ JUICE_MESOS_MASTER: 'zk://localhost:2181/mesos,http://127.0.0.1:5050' }, /a part of it is empty/],
    [{ JUICE_MESOS_MASTER: 'http://127.0.0.1:5050,zk://localhost:2181/mesos' }, /or a single zk:/],
    [
      { JUICE_MESOS_MASTER: 'zk://topsecret@localhost:2181/mesos' },
      /before the @ there is no user:password$/,
    ],
    [
      { JUICE_MESOS_MASTER: 'zk://u:topsecret@localhost:2181' },
      /^((?!topsecret).)*the path is missing[^"]*$/,
    ],
    [
      { JUICE_MESOS_MASTER: 'zk://u:topsecret@127.0.0.1:2181,zoo.example:2181/mesos' },
      /^JUICE_PUBLIC_URL must be a URL that agents reach.*zk:\/\/127\.0\.0\.1:2181,zoo\.example:2181\/mesos is on another machine/,
    ],
    [{ JUICE_MESOS_ROLE: 'a b' }, /^JUICE_MESOS_ROLE must be a Mesos role/],
    [{ JUICE_MESOS_ROLE: 'a,,b' }, /^JUICE_MESOS_ROLE must be a Mesos role, or several separated by commas/],
    [{ JUICE_MESOS_ROLE: 'a,b,a' }, /^JUICE_MESOS_ROLE must be a list of roles with each of them once/],
    [{ JUICE_MESOS_ROLE: '../x' }, /^JUICE_MESOS_ROLE must be a Mesos role/],
    [{ JUICE_MESOS_CODEC: 'xml' }, /^JUICE_MESOS_CODEC must be one of protobuf, json, not "xml"$/],
    [{ JUICE_MESOS_SECRET: 'x' }, /^JUICE_MESOS_SECRET needs JUICE_MESOS_PRINCIPAL beside it$/],
    [{ JUICE_MESOS_PRINCIPAL: 'a:b' }, /without a colon/],
    [{ JUICE_MESOS_AGENT_SECRET: 'x' }, /must be set together/],
    [
      { JUICE_MESOS_CA_FILE: '/run/secret' },
      /^JUICE_MESOS_CA_FILE must be the path of a readable file with PEM/,
    ],
    [
      { JUICE_MESOS_CA_FILE: '/nowhere' },
      /^JUICE_MESOS_CA_FILE must be the path of a readable file with PEM/,
    ],
    [{ JUICE_FRAMEWORK_NAME: 'a\u0001b' }, /^JUICE_FRAMEWORK_NAME must be 1 to 100 characters/],
    [{ JUICE_FRAMEWORK_USER: 'a b' }, /^JUICE_FRAMEWORK_USER must be a unix user's name/],
    [{ JUICE_COMMAND_USER: '-x' }, /^JUICE_COMMAND_USER must be a unix user's name/],
    [
      { JUICE_FAILOVER_TIMEOUT_SECONDS: '1w' },
      /^JUICE_FAILOVER_TIMEOUT_SECONDS must be a whole number from 0/,
    ],
    [{ JUICE_HTTP_PORT: '65536' }, /^JUICE_HTTP_PORT must be a whole number from 0 to 65535, not "65536"$/],
    [{ JUICE_HTTP_PORT: '-1' }, /^JUICE_HTTP_PORT must be a whole number/],
    [{ JUICE_HTTP_HOST: 'http://x' }, /^JUICE_HTTP_HOST must be a host name/],
    [
      { JUICE_HTTP_HOST: '0.0.0.0' },
      /^JUICE_HTTP_HOST must be a loopback address.*JUICE_ALLOW_UNAUTHENTICATED=1/,
    ],
    [{ JUICE_ALLOW_UNAUTHENTICATED: 'yes' }, /^JUICE_ALLOW_UNAUTHENTICATED must be one of 1, 0, not "yes"$/],
    [{ JUICE_PUBLIC_URL: 'juice.example' }, /^JUICE_PUBLIC_URL must be a URL such as http/],
    [{ JUICE_ADVERTISE_URL: 'ftp://x' }, /^JUICE_ADVERTISE_URL must be a URL such as http/],
    [
      { JUICE_MESOS_MASTER: 'http://mesos.example:5050' },
      /^JUICE_PUBLIC_URL must be a URL that agents reach.*127\.0\.0\.1:8080/,
    ],
    [
      { JUICE_EXECUTOR_DOCKER_HOST: '/var/run/docker.sock' },
      /^JUICE_EXECUTOR_DOCKER_HOST must be the unix socket/,
    ],
    [{ JUICE_EXECUTOR_CPUS: '0' }, /^JUICE_EXECUTOR_CPUS must be a number from 0\.01 to 64/],
    [{ JUICE_EXECUTOR_CPUS: '0.1234' }, /at most three decimals/],
    [{ JUICE_EXECUTOR_MEM_MB: '16' }, /^JUICE_EXECUTOR_MEM_MB must be a whole number from 32/],
    [{ JUICE_EXECUTOR_DISK_MB: '100' }, /^JUICE_EXECUTOR_DISK_MB must be 0, or a whole number from 256/],
    [{ JUICE_REGISTRY_AUTH_FILE: '~/x' }, /^JUICE_REGISTRY_AUTH_FILE must be an absolute path/],
    [
      { JUICE_SANDBOX_RETENTION: '7' },
      /^JUICE_SANDBOX_RETENTION must be a whole number with a unit.*not "7"$/,
    ],
    [{ JUICE_ORPHAN_WAIT_SECONDS: '1.5' }, /^JUICE_ORPHAN_WAIT_SECONDS must be a whole number/],
    [{ JUICE_UNREACHABLE_WAIT_SECONDS: 'x' }, /^JUICE_UNREACHABLE_WAIT_SECONDS must be a whole number/],
    [{ JUICE_LOG_LEVEL: 'loud' }, /^JUICE_LOG_LEVEL must be one of trace, debug/],
    [{ JUICE_LOG_FORMAT: 'xml' }, /^JUICE_LOG_FORMAT must be one of json, pattern/],
    [
      { JUICE_CALLBACK_SECRET: 'hush' },
      /^JUICE_CALLBACK_SECRET can't be used: this version does not sign callbacks/,
    ],
    [{ JUICE_CALLBACK_ALLOW: 'internal' }, /^JUICE_CALLBACK_ALLOW can't be used/],
    [{ JUICE_GRPC_PORT: 'x' }, /^JUICE_GRPC_PORT must be a whole number/],
    [{ JUICE_HTPP_PORT: '80' }, /^JUICE_HTPP_PORT is unknown: did you mean JUICE_HTTP_PORT\?$/],
    [
      { JUICE_HTTP_PORT_FIEL: '/x' },
      /^JUICE_HTTP_PORT_FIEL is unknown: did you mean JUICE_HTTP_PORT_FILE\?$/,
    ],
    [{ JUICE_TEST_DATABASE_URL: 'x' }, /^JUICE_TEST_DATABASE_URL is unknown/],
    [{ JUICE_QQQQQQQQQQQQQQQQQQQ: 'x' }, /^JUICE_Q+ is unknown$/],
    [{ JUICE_LOG_LEVEL_FILE: '/nowhere' }, /^JUICE_LOG_LEVEL_FILE must name a readable file: ENOENT/],
    [{ JUICE_LOG_LEVEL_FILE: '/run/empty' }, /^JUICE_LOG_LEVEL_FILE must name a file with a value in it/],
    [{ JUICE_MESOS_ROLE: 'a', JUICE_MESOS_ROLE_FILE: '/run/secret' }, /are both set: keep one of them$/],
  ]
  for (const [env, expected] of wrong) {
    it(`refuses ${JSON.stringify(env)}`, () => {
      const found = problems({ ...database, ...env })
      expect(found, found.join('\n')).to.have.lengthOf(1)
      expect(found[0]).to.match(expected)
    })
  }

  it('takes a zk:// URL, and shows it without its credentials', () => {
    const url = 'zk://juice:p@ss@localhost:2181, [::1]:2182,127.0.0.2/clusters/one'
    const { mesos } = read({ ...database, JUICE_MESOS_MASTER: url })
    expect(mesos.masters).to.deep.equal([url])
    expect(mesos.masters.map(withoutCredentials)).to.deep.equal([
      'zk://localhost:2181, [::1]:2182,127.0.0.2/clusters/one',
    ])
  })

  it('lists everything that is wrong at once, and no secret', () => {
    const found = problems({
      JUICE_DATABASE_URL: 'nonsense-topsecret',
      JUICE_MESOS_SECRET: 'topsecret',
      JUICE_HTTP_PORT: 'x',
      JUICE_LOG_LEVEL: 'y',
      JUICE_CALLBACK_SECRET: 'topsecret',
      JUICE_NOPE_NOPE_NOPE: 'topsecret',
    })
    expect(found).to.have.lengthOf(6)
    expect(found.join()).not.to.contain('topsecret')
  })

  it('shows no secret that was put where none belongs', () => {
    for (const [name, value] of [
      ['JUICE_MESOS_PRINCIPAL', 'juice:hush'],
      ['JUICE_MESOS_AGENT_PRINCIPAL', 'juice:hush'],
      ['JUICE_MESOS_MASTER', 'http://juice:hush@127.0.0.1:5050'],
      ['JUICE_PUBLIC_URL', 'http://juice:hush@juice.example'],
      ['JUICE_ADVERTISE_URL', 'http://juice:hush@juice.example'],
    ] as const) {
      const said = problems({ ...database, [name]: value }).join()
      expect(said)
        .to.match(new RegExp(`^${name} must be `))
        .and.to.not.contain('hush')
    }
  })

  it('takes each variable from a file too', () => {
    const config = read({
      JUICE_DATABASE_URL_FILE: '/run/db',
      JUICE_MESOS_PRINCIPAL: 'juice',
      JUICE_MESOS_SECRET_FILE: '/run/secret',
    })
    expect(config.databaseUrl).to.equal('postgres://a@b/c')
    expect(config.mesos.secret).to.equal('hush')
  })

  it('says once what is wrong with a variable and its file', () => {
    expect(
      problems({
        ...database,
        JUICE_MESOS_MASTER: 'http://localhost:5050',
        JUICE_MESOS_MASTER_FILE: '/run/none',
      }),
    ).to.deep.equal(['JUICE_MESOS_MASTER and JUICE_MESOS_MASTER_FILE are both set: keep one of them'])
    expect(problems({ ...database, JUICE_MESOS_CA_FILE_FILE: '/run/empty' })).to.have.length(1)
  })

  it('treats an empty variable as unset', () => {
    expect(read({ ...database, JUICE_HTTP_PORT: '', JUICE_CALLBACK_SECRET: ' ' }).http.port).to.equal(8080)
  })

  it('warns about variables without effect', () => {
    const { warnings } = read({ ...database, JUICE_GRPC_PORT: '8081', JUICE_V1_TENANT: 'old' })
    expect(warnings).to.have.lengthOf(2)
    expect(warnings.join()).to.match(/JUICE_GRPC_PORT has no effect.*JUICE_V1_TENANT has no effect/)
  })

  const hosts: [Environment, string][] = [
    [{ PORT0: '31005' }, 'http://127.0.0.1:31005'],
    [{ PORT0: '31005', JUICE_HTTP_PORT: '80' }, 'http://127.0.0.1:80'],
    [{ JUICE_HTTP_HOST: '::1' }, 'http://[::1]:8080'],
    [{ JUICE_HTTP_HOST: '::', JUICE_ALLOW_UNAUTHENTICATED: '1' }, 'http://box:8080'],
    [{ JUICE_HTTP_HOST: '10.0.0.7', JUICE_ALLOW_UNAUTHENTICATED: '1' }, 'http://10.0.0.7:8080'],
    [{ JUICE_HTTP_HOST: 'localhost' }, 'http://localhost:8080'],
  ]
  for (const [env, url] of hosts) {
    it(`derives ${url}`, () => {
      const config = read({ ...database, ...env })
      expect(config.publicUrl).to.equal(url)
      expect(config.advertiseUrl).to.equal(url)
    })
  }

  describe('where Marathon runs Juice', () => {
    const marathon = {
      ...database,
      MARATHON_APP_ID: '/juice',
      HOST: 'agent7.example',
      PORT0: '31007',
      JUICE_ALLOW_UNAUTHENTICATED: '1',
    }

    it('listens on the given port on all addresses, and is reached by the name of the agent', () => {
      const config = read(marathon)
      expect(config.http).to.include({ host: '0.0.0.0', port: 31_007 })
      expect(config).to.include({
        hostname: 'agent7.example',
        marathonAppId: '/juice',
        publicUrl: 'http://agent7.example:31007',
        advertiseUrl: 'http://agent7.example:31007',
      })
    })

    it('listens on the port of its container with bridge networking, and is reached by the one of the host', () => {
      const config = read({ ...marathon, JUICE_HTTP_PORT: '8080' })
      expect(config.http.port).to.equal(8080)
      expect(config.advertiseUrl).to.equal('http://agent7.example:31007')
      expect(atPort(config, 8080).advertiseUrl).to.equal('http://agent7.example:31007')
    })

    it('keeps to what is set', () => {
      const config = read({
        ...marathon,
        JUICE_HTTP_HOST: '10.0.0.7',
        JUICE_PUBLIC_URL: 'https://juice.example',
      })
      expect(config.http).to.include({ host: '10.0.0.7', port: 31_007 })
      expect(config).to.include({
        publicUrl: 'https://juice.example',
        advertiseUrl: 'http://10.0.0.7:31007',
      })
    })

    it('does not open its port to everybody unasked, and says so at once', () => {
      const { JUICE_ALLOW_UNAUTHENTICATED: _, ...closed } = marathon
      expect(problems(closed)).to.have.length(1)
      expect(problems(closed)[0]).to.match(/^JUICE_ALLOW_UNAUTHENTICATED must be 1 where Marathon/)
      expect(read({ ...closed, JUICE_HTTP_HOST: '127.0.0.1' }).http.host).to.equal('127.0.0.1')
    })

    it('needs the name of its host, and a possible one', () => {
      expect(problems({ ...marathon, HOST: '' })[0]).to.match(/^HOST must be set where Marathon/)
      expect(problems({ ...marathon, HOST: 'a b' })[0]).to.match(/^HOST must be the agent's host name/)
    })

    it('is not guessed from HOST or PORT0 alone', () => {
      const { MARATHON_APP_ID: _, ...shell } = marathon
      expect(read(shell)).to.deep.include({ hostname: 'box', advertiseUrl: 'http://127.0.0.1:31007' })
    })
  })

  it('is read in part by commands that only work on the store', () => {
    const read = (env: Environment) => readStoreConfig(env, { readFile: path => files[path] ?? '' })
    expect(read({ JUICE_DATABASE_URL_FILE: '/run/db', JUICE_MESOS_MASTER: 'nonsense' })).to.deep.equal({
      databaseUrl: 'postgres://a@b/c',
      frameworkName: 'juice',
      orphanWaitMs: 60_000,
      unreachableWaitMs: 90_000,
    })
    expect(() => read({})).to.throw(ConfigError, 'JUICE_DATABASE_URL is required')
  })

  it('corrects derived URLs once port 0 has become a real one, and leaves given ones', () => {
    const config = read({ ...database, JUICE_HTTP_PORT: '0', JUICE_PUBLIC_URL: 'http://lb.example' })
    expect(atPort(config, 1234)).to.deep.include({
      publicUrl: 'http://lb.example',
      advertiseUrl: 'http://127.0.0.1:1234',
    })
  })

  it('throws nothing but ConfigError, whatever the values are', () => {
    const names = [
      'JUICE_DATABASE_URL',
      'JUICE_MESOS_MASTER',
      'JUICE_PUBLIC_URL',
      'JUICE_HTTP_HOST',
      'JUICE_MESOS_ROLE',
    ]
    const env = fc.dictionary(fc.constantFrom(...names, 'JUICE_X', 'JUICE_HTTP_PORT', 'PORT0'), fc.string())
    fc.assert(
      fc.property(env, values => {
        problems(values)
      }),
      { numRuns: 300 },
    )
  })
})
