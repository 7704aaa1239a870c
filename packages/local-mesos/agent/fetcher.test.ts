import { expect } from 'chai'
import { execFileSync } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fetcher } from './fetcher.ts'

describe('the fetcher', () => {
  let directory: string
  let sandbox: string
  let origin: Server
  let url: string
  let asked: string[]
  let fetcher: Fetcher
  const never = new AbortController().signal
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'local-mesos-fetcher-'))
    sandbox = join(directory, 'sandbox')
    await mkdir(sandbox)
    await writeFile(join(directory, 'hello.txt'), 'hello')
    execFileSync('tar', ['-C', directory, '-czf', join(directory, 'a.tar.gz'), 'hello.txt'])
    asked = []
    origin = createServer((request, response) => {
      const name = request.url ?? ''
      asked.push(`${request.method} ${name}`)
      readFile(join(directory, name.split('?')[0] ?? '')).then(
        bytes => response.end(bytes),
        () => response.writeHead(404).end(),
      )
    })
    await new Promise<void>(resolve => origin.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
    fetcher = new Fetcher(join(directory, 'cache'))
  })
  afterEach(async () => {
    origin.closeAllConnections()
    await new Promise(resolve => origin.close(resolve))
    await rm(directory, { recursive: true, force: true })
  })
  const text = (name: string): Promise<string> => readFile(join(sandbox, name), 'utf8')
  const error = async (value: string): Promise<unknown> =>
    fetcher.fetch([{ value }], sandbox, never).catch((reason: unknown) => reason)

  it('extracts archives by their ending and leaves them there', async () => {
    await fetcher.fetch([{ value: `${url}/a.tar.gz` }], sandbox, never)
    expect(await text('hello.txt')).to.equal('hello')
    expect((await stat(join(sandbox, 'a.tar.gz'))).size).to.be.above(0)
    expect(await text('stderr')).to.include(`Fetched '${url}/a.tar.gz'`)
  })

  it('does not extract where it is told not to, and names and marks files', async () => {
    await fetcher.fetch(
      [
        { value: `${url}/a.tar.gz`, extract: false, output_file: 'dir/renamed.tar.gz' },
        { value: `${url}/hello.txt?x=1`, executable: true },
      ],
      sandbox,
      never,
    )
    expect((await stat(join(sandbox, 'dir/renamed.tar.gz'))).size).to.be.above(0)
    expect((await stat(join(sandbox, 'hello.txt'))).mode & 0o777).to.equal(0o755)
  })

  it('asks the origin once for what is cached, also when several ask at the same time', async () => {
    const uri = { value: `${url}/a.tar.gz`, cache: true }
    const other = join(directory, 'other')
    await mkdir(other)
    await Promise.all([fetcher.fetch([uri], sandbox, never), fetcher.fetch([uri], other, never)])
    await fetcher.fetch([{ ...uri, extract: false }], other, never)
    expect(asked).to.deep.equal(['HEAD /a.tar.gz', 'GET /a.tar.gz'])
    expect(await text('hello.txt')).to.equal('hello')
    expect((await stat(join(other, 'a.tar.gz'))).size).to.be.above(0)
  })

  it('takes files of the agent', async () => {
    await fetcher.fetch([{ value: `file://${directory}/hello.txt` }], sandbox, never)
    expect(await text('hello.txt')).to.equal('hello')
  })

  it('fails on what is not there or leads out of the sandbox', async () => {
    for (const value of [`${url}/nope.tar.gz`, 'nope://x/y', 'http://127.0.0.1:1/x', '']) {
      expect(await error(value), value).to.be.instanceOf(Error)
    }
    const out = fetcher.fetch([{ value: `${url}/hello.txt`, output_file: '../out' }], sandbox, never)
    expect(await out.catch((reason: unknown) => reason)).to.be.instanceOf(Error)
    expect(await text('stderr')).to.include(`Failed to fetch '${url}/nope.tar.gz': the server answered 404`)
  })
})
