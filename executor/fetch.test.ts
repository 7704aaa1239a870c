// Against a server on loopback, with honest archives and others.
import { expect } from 'chai'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Uri } from '../proto/payload.ts'
import { defaultFetchLimits, fetchUris, type FetchLimits } from './fetch.ts'
import { tar, zip } from './fetch/test-archives.ts'
import type { SandboxOwner } from './sandbox.ts'

const isRoot = process.getuid?.() === 0
const owner: SandboxOwner = isRoot
  ? { kind: 'user', uid: 65534, gid: 65534 }
  : { kind: 'user', uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }

describe('URIs of a task', () => {
  let server: Server
  let base: string
  let dir: string
  let sandboxDir: string
  const served = new Map<string, Uint8Array | ((respond: ServerResponse) => void)>()

  before(async () => {
    server = createServer((request, response) => {
      const found = served.get(request.url ?? '')
      if (typeof found === 'function') found(response)
      else if (found) response.end(found)
      else response.writeHead(404).end()
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  beforeEach(async () => {
    served.clear()
    dir = await mkdtemp(join(tmpdir(), 'juice-fetch-'))
    sandboxDir = join(dir, 'sandbox')
    await mkdir(sandboxDir)
    await chmod(sandboxDir, 0o777)
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  const fetch = (
    uris: readonly Uri[],
    o: {
      limits?: Partial<FetchLimits>
      owner?: SandboxOwner
      signal?: AbortSignal
      env?: NodeJS.ProcessEnv
    } = {},
  ): Promise<void> =>
    fetchUris({
      uris,
      sandboxDir,
      owner: o.owner ?? owner,
      limits: { ...defaultFetchLimits, ...o.limits },
      env: o.env ?? process.env,
      signal: o.signal ?? new AbortController().signal,
    })
  const failure = async (...args: Parameters<typeof fetch>): Promise<string> =>
    fetch(...args).then(
      () => 'nothing failed',
      (error: Error) => `${error.name}: ${error.message}`,
    )
  const serve = (path: string, bytes: Uint8Array): string => {
    served.set(path, bytes)
    return base + path
  }
  const inSandbox = (name: string): Promise<string> => readFile(join(sandboxDir, name), 'utf8')

  it('become files of the task’s user, named by their path', async () => {
    const value = serve('/in/data%20set.csv?token=secret', Buffer.from('1,2'))
    await fetch([{ value }, { value: serve('/run.sh', Buffer.from('#!/bin/sh')), executable: true }])
    expect(await readdir(sandboxDir)).to.have.members(['data set.csv', 'run.sh'])
    expect(await inSandbox('data set.csv')).to.equal('1,2')
    const [data, run] = await Promise.all(
      ['data set.csv', 'run.sh'].map(name => stat(join(sandboxDir, name))),
    )
    expect([data!.mode & 0o777, run!.mode & 0o777]).to.deep.equal([0o644, 0o755])
    expect(data!.uid).to.equal(owner.kind === 'user' ? owner.uid : -1)
  })

  it('can be written by any uid where they are for a container', async () => {
    const archive = gzipSync(tar({ name: 'd/tool', content: 'x', mode: 0o755 }))
    await fetch(
      [{ value: serve('/a.tgz', archive), extract: true }, { value: serve('/b', Buffer.from('x')) }],
      {
        owner: { kind: 'container' },
      },
    )
    const modes = await Promise.all(
      ['d', 'd/tool', 'b'].map(async name => (await stat(join(sandboxDir, name))).mode),
    )
    expect(modes.map(mode => (mode & 0o777).toString(8))).to.deep.equal(['777', '777', '666'])
  })

  it('are checked against their sha256', async () => {
    const value = serve('/a', Buffer.from('hello'))
    const sha256 = createHash('sha256').update('hello').digest('hex')
    await fetch([{ value, sha256: sha256.toUpperCase() }])
    await rm(join(sandboxDir, 'a'))
    expect(await failure([{ value, sha256: '0'.repeat(64) }])).to.equal(
      `FetchError: Could not fetch ${value}: its sha256 is ${sha256}, not ${'0'.repeat(64)}`,
    )
    expect(await readdir(sandboxDir)).to.deep.equal([])
  })

  it('follow redirects, a few', async () => {
    served.set('/to', response => response.writeHead(302, { Location: '/there/file' }).end())
    served.set('/there/file', Buffer.from('found'))
    await fetch([{ value: `${base}/to` }])
    expect(await inSandbox('to')).to.equal('found')
    served.set('/round', response => response.writeHead(302, { Location: '/round' }).end())
    expect(await failure([{ value: `${base}/round` }])).to.match(/more than 5 redirects/)
    served.set('/file', response => response.writeHead(302, { Location: 'file:///etc/passwd' }).end())
    expect(await failure([{ value: `${base}/file` }])).to.match(/only http and https are fetched, not file:/)
  })

  it('that can not be had say which and why, without their secrets', async () => {
    const url = `http://user:pass@${base.slice(7)}/no?token=1`
    expect(await failure([{ value: url }])).to.equal(
      `FetchError: Could not fetch ${base}/no?%E2%80%A6: the server answered 404 Not Found`,
    )
    expect(await failure([{ value: 'http://127.0.0.1:9/x' }])).to.match(/ECONNREFUSED/)
    expect(await failure([{ value: 'ftp://example/x' }])).to.match(
      /only http and https are fetched, not ftp:/,
    )
    expect(await failure([{ value: 'no url' }])).to.match(/"no url": it is no URL/)
    expect(await failure([{ value: `${base}/` }])).to.match(/ends without a file name/)
    expect(await failure([{ value: `${base}/..%2Fx` }])).to.match(/leads out of the sandbox/)
    const value = serve('/twice', Buffer.from('x'))
    expect(await failure([{ value }, { value }])).to.match(/twice is there already/)
  })

  it('have limits of size and time', async () => {
    const value = serve('/big', Buffer.alloc(1000))
    expect(await failure([{ value }], { limits: { maxBytes: 999 } })).to.match(/larger than the 999 bytes/)
    served.set('/endless', response => {
      response.write('x'.repeat(2000))
    })
    expect(await failure([{ value: `${base}/endless` }], { limits: { maxBytes: 999 } })).to.match(
      /larger than/,
    )
    const silent = [{ value: `${base}/endless` }]
    expect(await failure(silent, { limits: { idleMs: 30 } })).to.match(/nothing came for 0.03 s/)
    expect(await failure(silent, { limits: { totalMs: 30 } })).to.match(
      /all URIs together took longer than 0.03 s/,
    )
    expect(await readdir(sandboxDir)).to.deep.equal([])
  })

  it('say so when the connection breaks off', async () => {
    served.set('/broken', response => {
      response.writeHead(200, { 'Content-Length': '100' })
      response.write('x', () => response.destroy())
    })
    expect(await failure([{ value: `${base}/broken` }])).to.match(
      /Could not fetch .*: (aborted|.*reset|.*broke off)/,
    )
  })

  it('stop at once when the task is killed', async () => {
    const abort = new AbortController()
    served.set('/slow', response => {
      response.write('x', () => abort.abort(new Error('killed')))
    })
    expect(await failure([{ value: `${base}/slow` }], { signal: abort.signal })).to.equal('Error: killed')
    expect(await readdir(sandboxDir)).to.deep.equal([])
  })

  it('are extracted by their ending, and left alone where it is none of an archive', async () => {
    const archive = tar(
      { name: 'bin/', type: '5', mode: 0o755 },
      { name: 'bin/run', content: '#!', mode: 0o4755 },
      { name: './sub/data', content: 'd' },
      { name: 'link', type: '2', link: 'sub/data' },
      { name: 'sub/up', type: '2', link: '../bin/run' },
      { name: 'hard', type: '1', link: 'sub/data' },
      { name: 'sub/data', content: 'newer' },
    )
    const uris = [
      { value: serve('/a.tar', archive), extract: true },
      { value: serve('/b.tar', archive), extract: false },
      { value: serve('/c.txt', Buffer.from('c')), extract: true },
      { value: serve('/d.tar', archive), extract: true, executable: true },
    ]
    await fetch(uris)
    expect(await readdir(sandboxDir)).to.have.members([
      'bin',
      'sub',
      'link',
      'hard',
      'b.tar',
      'c.txt',
      'd.tar',
    ])
    expect([await inSandbox('sub/data'), await inSandbox('link'), await inSandbox('hard')]).to.deep.equal([
      'newer',
      'newer',
      'd',
    ])
    expect(await readlink(join(sandboxDir, 'sub/up'))).to.equal('../bin/run')
    const run = await stat(join(sandboxDir, 'bin/run'))
    expect(run.mode & 0o7777, 'no special bits').to.equal(0o755)
    expect(run.uid).to.equal(owner.kind === 'user' ? owner.uid : -1)
  })

  it('are not extracted where an archive would leave the sandbox', async () => {
    await writeFile(join(dir, 'outside'), 'untouched')
    const evil: [string, Buffer, RegExp][] = [
      ['absolute', tar({ name: '/etc/juice-evil' }), /absolute path/],
      ['dots', tar({ name: 'a/../../outside', content: 'x' }), /leads out of the sandbox/],
      ['absolute link', tar({ name: 'l', type: '2', link: '/etc/passwd' }), /leads out of the sandbox/],
      ['link above', tar({ name: 'd/l', type: '2', link: '../../outside' }), /leads out of the sandbox/],
      [
        'link by a link',
        tar({ name: 'd/s', type: '2', link: '..' }, { name: 'l', type: '2', link: 'd/s/../outside' }),
        /leads out of the sandbox/,
      ],
      [
        'through a link',
        tar({ name: 'd', type: '2', link: '.' }, { name: 'd/x', content: 'x' }),
        /leads through something that is no folder/,
      ],
      ['hard link', tar({ name: 'h', type: '1', link: '../outside' }), /leads out of the sandbox/],
      [
        'hard link to nothing',
        tar({ name: 'h', type: '1', link: 'none' }),
        /leads to no file of the archive/,
      ],
      [
        'hard link through a link',
        tar({ name: 'd', type: '2', link: '.' }, { name: 'f' }, { name: 'h', type: '1', link: 'd/f' }),
        /leads to no file/,
      ],
      ['device', tar({ name: 'null', type: '3' }), /is a device/],
      ['no archive', Buffer.from('not a tar at all'.repeat(100)), /no tar archive/],
    ]
    for (const [name, bytes, message] of evil) {
      const value = serve(`/${name.replaceAll(' ', '-')}.tgz`, gzipSync(bytes))
      expect(await failure([{ value, extract: true }]), name).to.match(message)
      await rm(sandboxDir, { recursive: true })
      await mkdir(sandboxDir)
    }
    expect(await readFile(join(dir, 'outside'), 'utf8')).to.equal('untouched')
  })

  it('are not extracted beyond the limit, however small the archive', async () => {
    const bomb = gzipSync(tar({ name: 'bomb', content: Buffer.alloc(1_000_000) }))
    const value = serve('/bomb.tar.gz', bomb)
    expect(await failure([{ value, extract: true }], { limits: { maxBytes: 100_000 } })).to.match(
      /holds more than the 100000 bytes/,
    )
  })

  describe('zip', () => {
    it('is extracted by the agent’s unzip, with the same confinement', async () => {
      if (spawnSync('unzip', ['-v']).error) {
        const value = serve('/a.zip', zip({ name: 'a', content: 'a' }))
        expect(await failure([{ value, extract: true }])).to.match(/this agent has no `unzip`/)
        return
      }
      await writeFile(join(dir, 'outside'), 'untouched')
      const good = zip(
        { name: 'd/a', content: 'a' },
        { name: 'run', content: '#!', mode: 0o100755 },
        { name: 'd/l', content: 'a', mode: 0o120777 },
      )
      await fetch([{ value: serve('/a.zip', good), extract: true }])
      expect(await readdir(sandboxDir)).to.have.members(['d', 'run'])
      expect(await inSandbox('d/l')).to.equal('a')
      const run = await stat(join(sandboxDir, 'run'))
      expect([run.mode & 0o777, run.uid]).to.deep.equal([0o755, owner.kind === 'user' ? owner.uid : -1])
      const evil: [string, Buffer, RegExp][] = [
        ['dots', zip({ name: '../outside', content: 'x' }), /leads out of the sandbox/],
        ['absolute', zip({ name: '/etc/juice-evil', content: 'x' }), /absolute path/],
        ['link', zip({ name: 'l', content: '../outside', mode: 0o120777 }), /leads out of the sandbox/],
        ['no zip', Buffer.from('nothing'), /zip/i],
        ['in the way', zip({ name: 'run', content: 'other' }), /"run" is there already/],
      ]
      for (const [name, bytes, message] of evil) {
        const value = serve(`/${name.replaceAll(' ', '-')}.zip`, bytes)
        expect(await failure([{ value, extract: true }]), name).to.match(message)
        expect(await readdir(sandboxDir), name).to.have.members(['d', 'run'])
      }
      const value = serve('/large.zip', zip({ name: 'x', content: 'x'.repeat(1000) }))
      expect(await failure([{ value, extract: true }], { limits: { maxBytes: 1200 } })).to.equal(
        'nothing failed',
      )
      await rm(join(sandboxDir, 'x'))
      expect(await readFile(join(dir, 'outside'), 'utf8')).to.equal('untouched')
    })

    it('says so where the agent has no unzip', async () => {
      const value = serve('/a.zip', zip({ name: 'a', content: 'a' }))
      expect(await failure([{ value, extract: true }], { env: { PATH: '/nowhere' } })).to.match(
        /this agent has no `unzip`/,
      )
    })
  })
})
