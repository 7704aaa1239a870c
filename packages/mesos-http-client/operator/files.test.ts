import { expect } from 'chai'
import fc from 'fast-check'
import { FakeMesos } from '../testing/fake-mesos.ts'
import type { FakeRequest } from '../testing/fake-mesos.ts'
import { closers, rejection } from '../testing/scheduler-harness.ts'
import type { TraceExchange } from '../testing/traces.ts'
import { textOf, trace } from '../testing/traces.ts'
import { FILE_PAGE_BYTES, FilesClient, parseReadAnswer } from './files.ts'

/** As Mesos writes it: quotes, backslashes and control characters are escaped, other bytes stand as they are. */
function mesosAnswer(data: Uint8Array, offset: number): Buffer {
  const short: Record<number, string> = {
    8: '\\b',
    9: '\\t',
    10: '\\n',
    12: '\\f',
    13: '\\r',
    34: '\\"',
    92: '\\\\',
  }
  const escaped = [...data].map(byte => {
    const known = short[byte]
    if (known !== undefined) return Buffer.from(known)
    return byte < 32
      ? Buffer.from(`\\u00${byte.toString(16).padStart(2, '0').toUpperCase()}`)
      : Buffer.of(byte)
  })
  return Buffer.concat([Buffer.from('{"data":"'), ...escaped, Buffer.from(`","offset":${offset}}`)])
}

/** An agent that has one file. */
const serving = (content: Uint8Array) => (request: FakeRequest) => {
  const url = new URL(request.path, 'http://agent')
  if (url.searchParams.get('path') !== '/a file&x') request.answer(404)
  else if (url.pathname === '/files/download') request.answer(200, content)
  else {
    const offset = Number(url.searchParams.get('offset'))
    const length = Math.min(Number(url.searchParams.get('length') ?? content.length), FILE_PAGE_BYTES)
    const answer =
      offset < 0
        ? mesosAnswer(new Uint8Array(0), content.length)
        : mesosAnswer(content.subarray(offset, offset + length), offset)
    request.answer(200, answer, { 'Content-Type': 'application/json' })
  }
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

describe('FilesClient', () => {
  const toClose = closers()

  async function clientFor(handle: (request: FakeRequest) => void) {
    const agent = await FakeMesos.start(handle)
    toClose.push(() => agent.close())
    const client = new FilesClient({ url: agent.url })
    toClose.push(async () => client.close())
    return { agent, client }
  }

  const recorded = (matches: (exchange: TraceExchange) => boolean) => {
    const exchange = trace('18').exchanges.find(matches)
    if (exchange === undefined) throw new Error('not recorded')
    const { response } = exchange
    const base64 = response.body_invalid_utf8_base64 ?? response.body_base64
    const body = base64 === undefined ? textOf(response.body) : Buffer.from(base64, 'base64')
    return (request: FakeRequest) => request.answer(response.status, body)
  }

  it('reads the recorded answers that are no JSON: binary, and half a character', () => {
    const answers = trace('18').exchanges.flatMap(({ response }) =>
      response.body_invalid_utf8_base64 === undefined
        ? []
        : [Buffer.from(response.body_invalid_utf8_base64, 'base64')],
    )
    expect(answers.map(answer => parseReadAnswer('x', answer))).to.deep.equal([
      { data: Uint8Array.of(0xa9), offset: 10 },
      { data: Uint8Array.of(0, 0xff, 0x62, 0x69, 0x6e), offset: 0 },
    ])
  })

  it('gives back any bytes exactly (property)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), (data, offset) => {
        expect(parseReadAnswer('x', mesosAnswer(data, offset))).to.deep.equal({ data, offset })
      }),
    )
  })

  it('gives back any text from an agent that writes proper JSON (property)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text => {
        const answer = Buffer.from(JSON.stringify({ offset: 3, data: text }))
        expect(Buffer.from(parseReadAnswer('x', answer).data).toString()).to.equal(text)
      }),
    )
    const escaped = Buffer.from('{"data":"\\u00e9\\u0000\\ud83d\\ude00\\/","offset":0}')
    expect(Buffer.from(parseReadAnswer('x', escaped).data).toString()).to.equal('é\0😀/')
  })

  it('refuses an answer that is none', async () => {
    for (const text of [
      '',
      '{}',
      '{"data":"abc',
      '{"data":"abc\\',
      '{"data":"a"}',
      '{"data":"\\x","offset":0}',
      '[]',
    ]) {
      expect(() => parseReadAnswer('x', Buffer.from(text)), text).to.throw('x: ')
    }
    const { client } = await clientFor(request => request.answer(200, '{'))
    expect((await rejection(client.browse('/'))).code).to.equal('unreadable')
    const { client: other } = await clientFor(request => request.answer(200, '{}'))
    expect((await rejection(other.browse('/'))).code).to.equal('unreadable')
  })

  it('reads page by page, whatever is asked for, and tells the size', async () => {
    const content = Uint8Array.from({ length: 150_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff)
    const { client } = await clientFor(serving(content))
    const first = await client.read('/a file&x', 0, 1e9)
    expect([first.data.length, first.offset, first.size]).to.deep.equal([FILE_PAGE_BYTES, 0, 150_000])
    const pages: Uint8Array[] = []
    let offset = 0
    for (;;) {
      const page = await client.read('/a file&x', offset)
      if (page.data.length === 0) break
      pages.push(page.data)
      offset += page.data.length
    }
    expect(Buffer.concat(pages).equals(content)).to.equal(true)
    expect(await client.read('/a file&x', 10, 3)).to.deep.equal({
      data: content.slice(10, 13),
      offset: 10,
      size: 150_000,
    })
    expect(await client.read('/a file&x', 10, 0)).to.deep.equal({
      data: new Uint8Array(0),
      offset: 10,
      size: 150_000,
    })
    // beyond the end: the file was cut meanwhile
    const beyond = await client.read('/a file&x', 200_000)
    expect([beyond.data.length, beyond.size]).to.deep.equal([0, 150_000])
  })

  it('downloads a whole file, and stops when the reader has enough', async () => {
    const content = Uint8Array.from({ length: 2_000_000 }, (_, index) => index & 0xff)
    const { client, agent } = await clientFor(serving(content))
    expect((await bytesOf(client.download('/a file&x'))).equals(content)).to.equal(true)
    let seen = 0
    for await (const chunk of client.download('/a file&x')) {
      seen += chunk.length
      break
    }
    expect(seen).to.be.within(1, 1_999_999)
    client.close()
    await agent.disconnected()
  })

  it('lists a directory as recorded, nothing for a file', async () => {
    const { client } = await clientFor(recorded(({ request }) => request.path.startsWith('/files/browse')))
    const [entry] = await client.browse('/x')
    expect(entry).to.deep.include({
      sizeBytes: 21,
      mode: '-rw-r--r--',
      user: 'root',
      group: 'root',
      isDirectory: false,
    })
    expect(entry?.path).to.match(/\/stderr$/)
    expect(entry?.modifiedMs).to.equal(1795329617000)
    const { client: file } = await clientFor(recorded(({ note }) => note === 'browse of a file'))
    expect(await file.browse('/x')).to.deep.equal([])
  })

  it('says what is not there, and what is a directory', async () => {
    const { client: missing } = await clientFor(recorded(({ note }) => note === 'a missing file'))
    for (const failed of [missing.read('/x', 0), missing.browse('/x'), bytesOf(missing.download('/x'))]) {
      expect((await rejection(failed)).code).to.equal('not_found')
    }
    const { client: directory } = await clientFor(recorded(({ note }) => note === 'a directory'))
    expect((await rejection(directory.read('/x', 0))).message).to.contain('Cannot read a directory.')
  })

  describe('at the recorded agent', () => {
    const asked = (path: string) => {
      const url = new URL(path, 'http://agent')
      url.searchParams.sort()
      return `${url.pathname}?${url.searchParams.toString()}`
    }

    /** Answers each question that was recorded as it was answered then. */
    async function recordedAgent() {
      const answers = new Map(
        trace('18')
          .exchanges.filter(({ request }) => request.method === 'GET')
          .map(exchange => [asked(exchange.request.path), exchange]),
      )
      return clientFor(request => {
        const exchange = answers.get(asked(request.path))
        if (exchange === undefined) request.answer(500, `not recorded: ${request.path}`)
        else {
          const { status, body, body_base64, body_invalid_utf8_base64 } = exchange.response
          const base64 = body_invalid_utf8_base64 ?? body_base64
          request.answer(status, base64 === undefined ? textOf(body) : Buffer.from(base64, 'base64'))
        }
      })
    }

    const pathOf = ({ request }: TraceExchange) =>
      new URL(request.path, 'http://agent').searchParams.get('path') ?? ''
    const noted = (note: string) => {
      const exchange = trace('18').exchanges.find(each => each.note === note)
      if (exchange === undefined) throw new Error(`not recorded: ${note}`)
      return pathOf(exchange)
    }
    const stdout = noted('offset 0 length 5')
    const content = Buffer.from('hello\ncafé\n')

    it('browses every folder, and reads what is listed there', async () => {
      const { client } = await recordedAgent()
      const folders = trace('18').exchanges.filter(
        ({ request, response }) => request.path.startsWith('/files/browse') && response.status === 200,
      )
      for (const folder of folders) {
        const entries = await client.browse(pathOf(folder))
        expect(entries).to.have.length(Array.isArray(folder.response.body) ? folder.response.body.length : 0)
        for (const { path, sizeBytes, modifiedMs, mode, isDirectory } of entries) {
          expect(path.startsWith('/')).to.equal(true)
          expect(sizeBytes).to.be.a('number')
          expect(new Date(modifiedMs).getFullYear()).to.equal(2026)
          expect(isDirectory).to.equal(mode.startsWith('d'))
        }
      }
      const sandbox = await client.browse(noted("the command task's sandbox (executor id = task id)"))
      expect(sandbox.map(({ path }) => path.split('/').at(-1))).to.include.members(['stdout', 'sub'])
      expect(sandbox.find(({ path }) => path.endsWith('/stdout'))?.sizeBytes).to.equal(content.length)
      expect(sandbox.find(({ path }) => path.endsWith('/sub'))?.isDirectory).to.equal(true)
    })

    it('reads from any byte, within a character too', async () => {
      const { client } = await recordedAgent()
      expect(await client.read(stdout, 0, 5)).to.deep.equal({
        data: Uint8Array.from(content.subarray(0, 5)),
        offset: 0,
        size: 12,
      })
      expect((await client.read(stdout, 10, 1)).data).to.deep.equal(Uint8Array.of(content[10] ?? 0))
      expect((await client.read(stdout, 100_000, 10)).data).to.have.length(0)
    })

    it('downloads text and binary data byte for byte', async () => {
      const { client } = await recordedAgent()
      expect(await bytesOf(client.download(stdout))).to.deep.equal(content)
      const binary = noted('binary file')
      expect(await bytesOf(client.download(binary))).to.deep.equal(Buffer.from([0, 0xff, 0x62, 0x69, 0x6e]))
    })

    it('is told what can be neither read nor downloaded', async () => {
      const { client } = await recordedAgent()
      const directory = await rejection(bytesOf(client.download(noted('download of a directory'))))
      expect([directory.code, directory.status]).to.deep.equal(['invalid_call', 400])
      expect(directory.message).to.contain('Cannot download a directory.')
      const missing = trace('18').exchanges.find(
        ({ request, response }) => request.path.startsWith('/files/download') && response.status === 404,
      )
      if (missing === undefined) throw new Error('not recorded')
      expect((await rejection(bytesOf(client.download(pathOf(missing))))).code).to.equal('not_found')
    })
  })
})
