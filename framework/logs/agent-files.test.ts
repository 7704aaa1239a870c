// Agents' files over HTTP, as an agent answers.
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { expect } from 'chai'
import { MesosError } from 'mesos-http-client'
import { AllAgentFiles } from './agent-files.ts'
import { RotatedLog } from './rotated-log.ts'

const content: Record<string, Buffer> = {
  '/s/stdout.1': Buffer.alloc(100_000, 'old '),
  '/s/stdout': Buffer.from([0xff, 0x00, 0x22, 0x5c, 0xc3]),
}

/** An agent's /files as Mesos answers. */
function agent(seen: IncomingHttpHeaders[]): Server {
  return createServer((request, response) => {
    seen.push(request.headers)
    const url = new URL(request.url ?? '/', 'http://agent')
    const path = url.searchParams.get('path') ?? ''
    if (url.pathname === '/files/browse' && path === '/s') {
      const entries = Object.entries(content).map(([file, bytes]) => ({
        path: file,
        size: bytes.length,
        mtime: 1795329617.0,
      }))
      response.end(
        JSON.stringify([...entries, { path: '/s/sandbox', mode: 'drwxr-xr-x', size: 4096, mtime: 1 }]),
      )
      return
    }
    const bytes = content[path]
    if (bytes === undefined) {
      response.writeHead(404).end()
    } else if (url.pathname === '/files/download') {
      response.end(bytes)
    } else {
      const offset = Number(url.searchParams.get('offset'))
      const length = Number(url.searchParams.get('length') ?? 0)
      const data = offset < 0 ? '' : bytes.subarray(offset, offset + length).toString('latin1')
      const escaped = data.replace(/["\\]/g, '\\$&').replaceAll('\0', '\\u0000')
      response.end(
        Buffer.from(`{"data":"${escaped}","offset":${offset < 0 ? bytes.length : offset}}`, 'latin1'),
      )
    }
  })
}

describe("agents' files", function () {
  this.timeout(20_000)
  it('are read byte for byte, with the credentials for agents', async () => {
    const seen: IncomingHttpHeaders[] = []
    const server = agent(seen).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const all = new AllAgentFiles({ credential: { principal: 'reader', secret: 'x' } })
    try {
      const files = all.of(`http://127.0.0.1:${address.port}`)
      expect(await files.list('/s')).to.deep.include({
        name: 'stdout',
        size: 5,
        modifiedMs: 1_795_329_617_000,
      })
      expect(Buffer.from(await files.read('/s/stdout', 0, 10))).to.deep.equal(content['/s/stdout'])
      const log = await RotatedLog.open({ files, folder: '/s', stream: 'stdout' }, { position: 0 })
      const chunks: Uint8Array[] = []
      for await (const bytes of log.toEnd()) chunks.push(Buffer.from(bytes))
      const whole = Buffer.concat([
        content['/s/stdout.1'] ?? Buffer.alloc(0),
        content['/s/stdout'] ?? Buffer.alloc(0),
      ])
      expect(Buffer.concat(chunks).equals(whole)).to.equal(true)
      const missing = await files.list('/nowhere').catch((error: unknown) => error)
      expect(missing).to.be.instanceOf(MesosError).and.to.include({ code: 'not_found' })
      const basic = `Basic ${Buffer.from('reader:x').toString('base64')}`
      expect(new Set(seen.map(headers => headers.authorization))).to.deep.equal(new Set([basic]))
    } finally {
      all.close()
      server.close()
    }
  })
})
