// What others get: packed, installed where nothing else is, then run by a plain Node and compiled against.
import { execFile } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { npmEnvironment, packClient } from '../../scripts/pack-client.ts'
import { FakeMesos } from './testing/fake-mesos.ts'
import { textOf, trace } from './testing/traces.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** Decodes what a real master sent, and asks a master. */
const consumer = `
import { MesosError, OperatorClient, RecordIoParser, codec, encodeRecord } from 'mesos-http-client'
const [url, ...records] = process.argv.slice(2)
const parser = new RecordIoParser()
for (const record of records) {
  for (const bytes of parser.push(encodeRecord(Buffer.from(record, 'base64')))) {
    console.log(JSON.stringify(codec('protobuf').decode('scheduler.Event', bytes)))
  }
}
const operator = new OperatorClient({ url, codec: 'protobuf' })
console.log((await operator.call({ type: 'GET_HEALTH' })).get_health.healthy)
await operator.call({ type: 'GET_MASTER' }).catch(error => console.log(error instanceof MesosError, error.code))
operator.close()
`

const right = `
import type {
  ExecutorClientOptions, MasterResponseGetAgents, MasterResponseReadFile, Offer, OperatorEvent, SchedulerCallBody, TaskStatus,
} from 'mesos-http-client'
import { ExecutorClient, FilesClient, MesosError, OperatorClient, SchedulerClient, newUuid } from 'mesos-http-client'

const offers: Offer[] = []
const scheduler = new SchedulerClient({
  masters: ['http://127.0.0.1:5050'],
  codec: 'protobuf',
  frameworkInfo: { user: 'root', name: 'n' },
  onEvent: event => void offers.push(...(event.offers?.offers ?? [])),
  onPhase: phase => {
    if (phase.name === 'closed' && phase.cause instanceof MesosError) throw phase.cause
  },
})
const calls: SchedulerCallBody[] = [
  { type: 'TEARDOWN' },
  { type: 'REVIVE' },
  { type: 'REVIVE', revive: { roles: ['web'] } },
  { type: 'KILL', kill: { task_id: { value: 't' } } },
]
for (const call of calls) await scheduler.call(call)

export const executor = (options: ExecutorClientOptions) => new ExecutorClient(options)
export const status: TaskStatus = { task_id: { value: 't' }, state: 'TASK_RUNNING', uuid: newUuid() }
await executor({
  endpoint: 'a:1', frameworkId: 'f', executorId: 'e', codec: 'json', checkpoint: true, recoveryTimeoutMs: 1,
  subscriptionBackoffMaxMs: 1, unacknowledged: () => ({ tasks: [], updates: [{ status }] }), onEvent() {},
}).call({ type: 'UPDATE', update: { status } })

const operator = new OperatorClient({ url: 'http://127.0.0.1:5050' })
export const agents: MasterResponseGetAgents = (await operator.call({ type: 'GET_AGENTS' })).get_agents
export const file: MasterResponseReadFile = (
  await operator.call({ type: 'READ_FILE', read_file: { path: '/master/log', offset: 0 } })
).read_file
await operator.call({ type: 'DRAIN_AGENT', drain_agent: { agent_id: { value: 'a' }, mark_gone: true } })
const { get_containers } = await operator.agentCall({ type: 'GET_CONTAINERS' })
export const containers: number = get_containers.containers?.length ?? 0
await operator.agentCall({ type: 'GET_CONTAINERS', get_containers: { show_nested: true } })

export function tell(event: OperatorEvent): string {
  switch (event.type) {
    case 'TASK_UPDATED':
      return event.task_updated.state
    case 'AGENT_REMOVED':
      return event.agent_removed.agent_id.value
    default:
      return event.type
  }
}
for await (const event of operator.events()) tell(event)
export const chunks: AsyncIterable<Uint8Array> = new FilesClient({ url: 'http://127.0.0.1:5051' }).download('/x')
`

/** Each line that ends in \`// wrong\` is to be refused, and no other. */
const wrong = `
import { ExecutorClient, OperatorClient, SchedulerClient } from 'mesos-http-client'
export async function calls(operator: OperatorClient, scheduler: SchedulerClient, executor: ExecutorClient) {
  await operator.call({ type: 'NOPE' }) // wrong
  await operator.call({ type: 'SUBSCRIBE' }) // wrong
  await operator.call({ type: 'GET_METRICS' }) // wrong
  await operator.call({ type: 'GET_AGENTS', get_metrics: {} }) // wrong
  await operator.call({ type: 'GET_AGENTS', agents: 1 }) // wrong
  await operator.call({ type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: 'a' } }) // wrong
  await operator.call({ type: 'GET_CONTAINERS' }) // wrong
  const agents = await operator.call({ type: 'GET_AGENTS' })
  agents.get_agents.agents
  agents.get_tasks // wrong
  const gone = await operator.call({ type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: 'a' } } })
  gone.mark_agent_gone // wrong
  await operator.agentCall({ type: 'GET_CONTAINERS' })
  await operator.agentCall({ type: 'WAIT_CONTAINER' }) // wrong
  await operator.agentCall({ type: 'ATTACH_CONTAINER_OUTPUT' }) // wrong
  await operator.agentCall({ type: 'GET_AGENTS' }) // wrong
  await scheduler.call({ type: 'KILL' }) // wrong
  await scheduler.call({ type: 'KILL', accept: {} }) // wrong
  await scheduler.call({ type: 'SUBSCRIBE' }) // wrong
  await scheduler.call({ accept: {} }) // wrong
  await executor.call({ type: 'UPDATE' }) // wrong
  await executor.call({ type: 'MESSAGE', message: { data: 'text' } }) // wrong
  for await (const event of operator.events()) {
    if (event.type === 'AGENT_ADDED') event.agent_added.agent.agent_info.hostname
    if (event.type === 'AGENT_ADDED') event.agent_removed // wrong
  }
}
`

const linesOf = (text: string) =>
  text.split('\n').flatMap((line, index) => (line.endsWith('// wrong') ? [index + 1] : []))

describe('the published package', function () {
  this.timeout(120_000)
  let path = ''
  let entries: string[] = []

  before(async () => {
    path = mkdtempSync(join(tmpdir(), 'published-'))
    const { tarball } = await packClient(join(path, 'build'))
    const installed = join(path, 'app/node_modules/mesos-http-client')
    mkdirSync(installed, { recursive: true })
    await run('tar', ['xzf', tarball, '-C', installed, '--strip-components=1'])
    entries = readdirSync(installed, { recursive: true, encoding: 'utf8' }).toSorted()
    // what npm would put there
    symlinkSync(join(root, 'node_modules/protobufjs'), join(path, 'app/node_modules/protobufjs'))
    writeFileSync(join(path, 'app/package.json'), '{"type":"module"}')
    for (const [name, text] of Object.entries({
      'consumer.js': consumer,
      'right.ts': right,
      'wrong.ts': wrong,
    })) {
      writeFileSync(join(path, 'app', name), text)
    }
  })
  after(() => rmSync(path, { recursive: true, force: true }))

  it('has JavaScript, declarations, messages, README and licence, and nothing else', () => {
    const files = entries.filter(name => /\.\w+$|LICENSE/.test(name))
    expect(files).to.include.members([
      'LICENSE',
      'README.md',
      'mesos-rules.md',
      'package.json',
      'dist/index.js',
      'dist/index.d.ts',
      'proto/mesos/v1/scheduler.proto',
    ])
    const others = files.filter(name => !/^(dist\/.*\.(js|d\.ts)|proto\/.*\.proto)$/.test(name))
    expect(others).to.deep.equal(['LICENSE', 'README.md', 'mesos-rules.md', 'package.json'])
    expect(files.filter(name => /testing|\.test\./.test(name))).to.deep.equal([])
    const types = readFileSync(join(path, 'app/node_modules/mesos-http-client/dist/generated/messages.d.ts'))
    expect(types.includes('interface SchedulerCallAccept')).to.equal(true)
    // the table of all messages is not for anybody's compiler
    expect(types.includes('descriptor')).to.equal(false)
  })

  it('says in package.json what npm and its users need', () => {
    const manifest = JSON.parse(
      readFileSync(join(path, 'app/node_modules/mesos-http-client/package.json'), 'utf8'),
    )
    const own = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8'))
    expect(manifest).to.include({ name: 'mesos-http-client', version: own.version, license: 'Apache-2.0' })
    expect(manifest).to.have.property('type', 'module')
    expect(manifest.dependencies).to.deep.equal(own.dependencies)
    expect(manifest).not.to.have.any.keys('private', 'scripts', 'devDependencies')
  })

  it('does not leave its own folder by accident', async () => {
    const packed = await run('npm', ['pack', '--dry-run', '--pack-destination', path], {
      cwd: import.meta.dirname,
      env: npmEnvironment(),
    }).then(
      ({ stdout }) => stdout,
      ({ stderr }: { stderr: string }) => stderr,
    )
    expect(packed).to.contain('npm run pack:mesos-http-client')
    expect(readdirSync(path).filter(name => name.endsWith('.tgz'))).to.deep.equal([])
  })

  it('runs in a plain Node: reads what a real master sent, asks a master', async () => {
    const master = await FakeMesos.start(request => {
      if (request.as('master.Call').type !== 'GET_HEALTH') request.answer(401)
      else {
        const health = Uint8Array.of(0x08, 1, 0x12, 2, 0x08, 1)
        request.answer(200, health, { 'Content-Type': 'application/x-protobuf' })
      }
    })
    try {
      const records = trace('02').exchanges.flatMap(({ response }) =>
        (response.records ?? []).filter(record => record.event_base64 !== undefined),
      )
      expect(records).to.have.length.above(1)
      const given = records.map(record => record.event_base64 ?? '')
      const { stdout, stderr } = await run(process.execPath, ['consumer.js', master.url, ...given], {
        cwd: join(path, 'app'),
      })
      expect(stderr).to.equal('')
      const lines = stdout.trimEnd().split('\n')
      expect(lines.slice(-2)).to.deep.equal(['true', 'true unauthenticated'])
      const types = lines.slice(0, -2).map((line): string => JSON.parse(line).type)
      const recorded = records.map((record): string => JSON.parse(textOf(record.event)).type)
      expect(types).to.deep.equal(recorded)
    } finally {
      await master.close()
    }
  })

  /** The compiler's words: strict, its own declarations checked, and nothing of Node's needed. */
  async function compile(file: string): Promise<string> {
    const options = '--noEmit --strict --module nodenext --target es2024 --lib es2024 --skipLibCheck false'
    const program = join(root, 'node_modules/.bin/tsc')
    return run(program, [...options.split(' '), '--types', '', '--exactOptionalPropertyTypes', file], {
      cwd: join(path, 'app'),
    }).then(
      ({ stdout }) => stdout,
      ({ stdout }: { stdout: string }) => stdout,
    )
  }

  it('has declarations that strict programs compile against', async () => {
    expect(await compile('right.ts')).to.equal('')
  })

  it('refuses calls that Mesos would refuse, and answers that it does not give', async () => {
    const said = await compile('wrong.ts')
    const lines = [...said.matchAll(/^wrong\.ts\((\d+),/gm)].map(([, line]) => Number(line))
    expect([...new Set(lines)], said).to.deep.equal(linesOf(wrong))
    expect(said.match(/^\S+\(/gm)?.filter(each => !each.startsWith('wrong.ts'))).to.deep.equal([])
  })
})
