// Reading one stream while its file grows and rotates; the property tests find what the examples miss.
import { expect } from 'chai'
import fc from 'fast-check'
import { RotatedLog, type LogStart } from './rotated-log.ts'
import { FakeAgent } from './test-support.ts'

/** Bytes that tell their place in the stream. */
function counting(from: number, length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (from + index) % 251))
}

function open(files: FakeAgent, start: LogStart, chunkBytes = 300): Promise<RotatedLog> {
  return RotatedLog.open({ files, folder: '/sandbox', stream: 'stdout', chunkBytes }, start)
}

async function toEnd(log: RotatedLog): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for (let bytes = await log.next(); bytes.length > 0; bytes = await log.next())
    chunks.push(Buffer.from(bytes))
  return Buffer.concat(chunks)
}

describe('a rotated log', function () {
  this.timeout(20_000)
  it('is empty while there is no file', async () => {
    const log = await open(new FakeAgent(), { position: 0 })
    expect(await toEnd(log)).to.have.lengthOf(0)
  })

  it('is read from its oldest file to its newest', async () => {
    const agent = new FakeAgent()
    agent.write('stdout', counting(0, 3500))
    agent.write('stderr', 'other')
    const log = await open(agent, { position: 0 })
    expect((await toEnd(log)).equals(counting(0, 3500))).to.equal(true)
    expect(log.position).to.equal(3500)
    expect(log.remaining).to.equal(0)
  })

  const starts: [LogStart, number][] = [
    [{ position: 1 }, 1],
    [{ position: 999 }, 999],
    [{ position: 1000 }, 1000],
    [{ position: 2500 }, 2500],
    [{ position: 3500 }, 3500],
    [{ tail: 0 }, 3500],
    [{ tail: 600 }, 2900],
    [{ tail: 99_999 }, 0],
  ]
  for (const [start, from] of starts) {
    it(`begins at ${JSON.stringify(start)}`, async () => {
      const agent = new FakeAgent()
      agent.write('stdout', counting(0, 3500))
      const log = await open(agent, start)
      expect(log.position).to.equal(from)
      expect((await toEnd(log)).equals(counting(from, 3500 - from))).to.equal(true)
    })
  }

  it('resumes at the right byte although old files were dropped meanwhile', async () => {
    const agent = new FakeAgent({ kept: 2 })
    agent.write('stdout', counting(0, 7400))
    const log = await open(agent, { position: 7200 })
    expect((await toEnd(log)).equals(counting(7200, 200))).to.equal(true)
    expect(log.position).to.equal(7400)
  })

  it('goes on in the renamed file when a rotation comes between two reads', async () => {
    const agent = new FakeAgent()
    agent.write('stdout', counting(0, 10))
    const log = await open(agent, { position: 0 })
    expect(await log.next()).to.have.lengthOf(10)
    agent.nowSeconds++
    agent.write('stdout', counting(10, 2500))
    expect((await toEnd(log)).equals(counting(10, 2500))).to.equal(true)
    expect(log.gaps).to.equal(0)
  })

  it('asks the agent once where nothing is new', async () => {
    const agent = new FakeAgent()
    agent.write('stdout', counting(0, 10))
    const log = await open(agent, { position: 0 })
    await toEnd(log)
    const before = agent.calls
    await log.next()
    expect(agent.calls - before).to.equal(1)
  })

  it('counts a gap where output went away unread, and goes on with the oldest that is left', async () => {
    const agent = new FakeAgent({ kept: 2 })
    agent.write('stdout', counting(0, 1100))
    const log = await open(agent, { position: 0 })
    await toEnd(log)
    agent.nowSeconds++
    agent.write('stdout', counting(1100, 8400))
    const rest = await toEnd(log)
    expect(log.gaps).to.equal(1)
    expect(rest.equals(counting(7000, 2500))).to.equal(true)
  })

  it('begins anew where the file was replaced', async () => {
    const agent = new FakeAgent({ kept: 0 })
    agent.write('stdout', counting(0, 900))
    const log = await open(agent, { position: 0 })
    await toEnd(log)
    agent.write('stdout', counting(900, 200))
    expect((await toEnd(log)).equals(counting(1000, 100))).to.equal(true)
    expect(log.gaps).to.equal(1)
  })

  it('gives every byte once and in order, however writing and reading interleave', async () => {
    const step = fc.record({
      write: fc.integer({ min: 0, max: 900 }),
      duringRead: fc.integer({ min: 0, max: 400 }),
      tick: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 20 }),
        fc.integer({ min: 1, max: 700 }),
        async (steps, chunkBytes) => {
          const agent = new FakeAgent({ fileBytes: 500, kept: 30 })
          let written = 0
          const write = (length: number): void => {
            agent.write('stdout', counting(written, length))
            written += length
          }
          const log = await open(agent, { position: 0 }, chunkBytes)
          const read: Uint8Array[] = []
          for (const { write: length, duringRead, tick } of steps) {
            write(length)
            if (tick) agent.nowSeconds++
            agent.beforeRead = () => {
              agent.beforeRead = () => undefined
              write(duringRead)
            }
            read.push(Buffer.from(await log.next()))
          }
          agent.beforeRead = () => undefined
          read.push(await toEnd(log))
          expect(Buffer.concat(read).equals(counting(0, written))).to.equal(true)
          expect(log.position).to.equal(written)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('is given whole, however it is written to meanwhile, with nothing twice and nothing left out', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 12 })
    const place = fc.integer({ min: 0, max: 3000 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 3000 }), sizes, place, async (before, during, from) => {
        const agent = new FakeAgent({ fileBytes: 500, kept: 60 })
        agent.write('stdout', counting(0, before))
        let written = before
        agent.beforeRead = () => {
          const length = during.pop() ?? 0
          agent.write('stdout', counting(written, length))
          written += length
        }
        const log = await open(agent, { position: from }, 200)
        const read: Uint8Array[] = []
        for await (const bytes of log.toEnd()) read.push(Buffer.from(bytes))
        const start = Math.min(from, before)
        const resumedInFile = from > before && before > 500
        if (resumedInFile) return
        expect(Buffer.concat(read).equals(counting(start, before - start))).to.equal(true)
      }),
      { numRuns: 300 },
    )
  })
})
