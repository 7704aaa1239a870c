import { expect } from 'chai'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FilesClient } from 'mesos-http-client'
import { Attachments } from '../agent/attachments.ts'
import { newExecutor } from '../agent/state.ts'
import { RawClient } from '../testing/raw-client.ts'
import { handleFiles } from './files.ts'
import { HttpServer } from './server.ts'

describe('/files', () => {
  let directory: string
  let sandbox: string
  let server: HttpServer
  let client: RawClient
  beforeEach(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'local-mesos-files-')))
    sandbox = join(directory, 'runs', 'container')
    await mkdir(join(sandbox, 'sub'), { recursive: true })
    await writeFile(join(sandbox, 'stdout'), 'hello\ncafé\n')
    await writeFile(join(sandbox, 'sub', 'b'), Buffer.from([0, 0xff, 0x62]))
    await writeFile(join(directory, 'secret'), 'outside')
    await symlink(join(directory, 'secret'), join(sandbox, 'planted'))
    const attachments = new Attachments()
    attachments.attach(
      newExecutor({
        id: 'ex',
        frameworkId: 'fw',
        info: { executor_id: { value: 'ex' } },
        containerId: 'container',
        directory: sandbox,
        user: 'root',
        checkpoint: false,
        kind: 'custom',
      }),
    )
    server = await HttpServer.listen({
      host: '127.0.0.1',
      port: 0,
      onFault: () => undefined,
      handler: (request, response) =>
        handleFiles(request.path.split('/').at(-1) ?? '', request, response, attachments),
    })
    client = new RawClient(`http://127.0.0.1:${server.port}`)
  })
  afterEach(async () => {
    client.close()
    await server.close()
    await rm(directory, { recursive: true, force: true })
  })
  const get = async (endpoint: string, query: Record<string, string>): Promise<[number, string]> => {
    const path = `/files/${endpoint}?${new URLSearchParams(query).toString()}`
    const { status, body } = await client.send({ method: 'GET', path })
    return [status, body.toString('latin1')]
  }
  const stdout = (): string => join(sandbox, 'stdout')

  it('give a sandbox under its path, its latest link and its virtual path', async () => {
    const names = [sandbox, join(directory, 'runs/latest'), '/frameworks/fw/executors/ex/runs/latest']
    for (const name of names) {
      const [status, body] = await get('browse', { path: name })
      expect(status).to.equal(200)
      const entries: { path: string; mode: string; size: number }[] = JSON.parse(body)
      expect(entries.map(entry => entry.path)).to.deep.equal(
        ['planted', 'stdout', 'sub'].map(entry => `${name}/${entry}`),
      )
      expect(entries[1]).to.include({ mode: '-rw-r--r--', size: 12 })
      expect(await get('read', { path: `${name}/stdout`, offset: '0', length: '5' })).to.deep.equal([
        200,
        '{"data":"hello","offset":0}',
      ])
    }
    expect(await get('browse', { path: '/frameworks/fw/executors/ex/runs/container' })).to.deep.equal([
      404,
      '',
    ])
  })

  it('read as the recorded agent does', async () => {
    const path = stdout()
    const cases: [Record<string, string>, number, string][] = [
      [{ path, offset: '-1' }, 200, '{"data":"","offset":12}'],
      [{ path }, 200, '{"data":"","offset":12}'],
      [{ path, offset: '0' }, 200, '{"data":"hello\\ncaf\xc3\xa9\\n","offset":0}'],
      [{ path, offset: '0', length: '-1' }, 200, '{"data":"hello\\ncaf\xc3\xa9\\n","offset":0}'],
      [{ path, offset: '100000', length: '10' }, 200, '{"data":"","offset":100000}'],
      [{ path, offset: '0', length: '0' }, 200, '{"data":"","offset":0}'],
      [{ path, offset: '-2' }, 400, 'Negative offset provided: -2.\n'],
      [{ path, offset: 'x' }, 400, "Failed to parse offset: Failed to convert 'x' to number.\n"],
      [{ path, offset: '10', length: '1' }, 200, '{"data":"\xa9","offset":10}'],
      [{ path: join(sandbox, 'sub', 'b'), offset: '0' }, 200, '{"data":"\\u0000\xffb","offset":0}'],
      [{ path: sandbox, offset: '0' }, 400, 'Cannot read a directory.\n'],
      [{ path: join(sandbox, 'nope'), offset: '0' }, 404, ''],
      [{ path: join(sandbox, '../../secret'), offset: '0' }, 404, ''],
      [{ path: '', offset: '0' }, 400, "Expecting 'path=value' in query.\n"],
      [{ path, offset: '0', length: '5', jsonp: 'cb' }, 200, 'cb({"data":"hello","offset":0})'],
    ]
    for (const [query, status, body] of cases) expect(await get('read', query)).to.deep.equal([status, body])
  })

  it('do not follow a link out of the sandbox', async () => {
    const path = join(sandbox, 'planted')
    expect(await get('read', { path, offset: '0' })).to.deep.equal([400, `'${path}' is inaccessible.\n`])
    expect((await get('download', { path }))[0]).to.equal(400)
  })

  it('download bytes as they are', async () => {
    const files = new FilesClient({ url: client.url })
    const chunks: Uint8Array[] = []
    for await (const chunk of files.download(join(sandbox, 'sub', 'b'))) chunks.push(chunk)
    expect(Buffer.concat(chunks)).to.deep.equal(Buffer.from([0, 0xff, 0x62]))
    expect((await files.read(stdout(), 6, 100)).data).to.deep.equal(new Uint8Array(Buffer.from('café\n')))
    expect(await get('download', { path: join(sandbox, 'nope') })).to.deep.equal([404, '404 Not Found.'])
    expect(await get('download', { path: sandbox })).to.deep.equal([400, 'Cannot download a directory.\n'])
  })

  it('debug what is attached', async () => {
    const [, body] = await get('debug', {})
    expect(JSON.parse(body)).to.deep.include({ '/frameworks/fw/executors/ex/runs/latest': sandbox })
  })
})
