// A run that leaves something behind is found out, and what an interrupted one leaves is ended.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect } from 'chai'
import { EngineHttp } from '../../executor/docker/http.ts'
import { testDocker, testImage } from '../../test/support/docker.ts'
import { killProcessesOf, leftovers, removeContainersOf } from './leftovers.ts'

describe('what a test run leaves behind', () => {
  let dir: string
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'juice-leftovers-'))
  })
  after(() => rm(dir, { recursive: true }))

  it('is nothing after a tidy one', async () => {
    expect(await leftovers(dir, 0)).to.deep.equal([])
  })

  it('is told and ended: processes in sessions of their own, by environment and by folder; and files', async () => {
    const options = { detached: true, stdio: 'ignore' } as const
    const marked = spawn('sleep', ['60'], { ...options, env: { PATH: '/bin:/usr/bin', TMPDIR: dir } })
    const below = spawn('sleep', ['61'], { ...options, cwd: dir, env: { PATH: '/bin:/usr/bin' } })
    const ended = [marked, below].map(process => once(process, 'exit'))
    await Promise.all([marked, below].map(process => once(process, 'spawn')))
    await writeFile(join(dir, 'forgotten'), '')
    const found = await leftovers(dir, 0)
    expect(found.join('\n'))
      .to.include('sleep 60')
      .and.to.include('sleep 61')
      .and.to.include(`file ${dir}/forgotten`)
    expect(found).to.have.lengthOf(3)
    await killProcessesOf(dir)
    expect((await Promise.all(ended)).map(([, signal]) => String(signal))).to.deep.equal([
      'SIGKILL',
      'SIGKILL',
    ])
  })

  it('is removed: containers that have a folder of it', async () => {
    const { dockerHost } = await testDocker()
    const http = new EngineHttp(dockerHost)
    const body = { Image: testImage, HostConfig: { Binds: [`${dir}:/mnt`] } }
    await http.call('POST', '/containers/create', { query: { name: basename(dir) }, body, timeoutMs: 60_000 })
    http.close()
    expect(await removeContainersOf(dockerHost, dir)).to.deep.equal([basename(dir)])
    expect(await removeContainersOf(dockerHost, dir)).to.deep.equal([])
  })
})
