import { expect } from 'chai'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tarArchive, type TarEntry } from './tar.ts'

async function archive(entries: readonly TarEntry[]): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of tarArchive(entries)) pieces.push(piece)
  return Buffer.concat(pieces)
}

describe('tarArchive', () => {
  let dir: string
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'juice-tar-'))))
  afterEach(() => rm(dir, { recursive: true }))

  it('writes what tar reads', async () => {
    await writeFile(join(dir, 'source'), Buffer.alloc(513, 'x'))
    const bytes = await archive([
      { path: 'bin', kind: 'directory', mode: 0o755 },
      { path: 'bin/tool', kind: 'file', mode: 0o755, source: join(dir, 'source') },
      { path: 'bin/link', kind: 'symlink', target: 'tool' },
      { path: 'empty', kind: 'file', mode: 0o600, content: new Uint8Array() },
      { path: 'block', kind: 'file', mode: 0o644, content: Buffer.alloc(512, 'y') },
    ])
    const { status, stderr } = spawnSync('tar', ['-xpf', '-', '-C', dir], { input: bytes })
    expect(status, stderr.toString()).to.equal(0)
    expect(await readFile(join(dir, 'bin/link'), 'utf8')).to.equal('x'.repeat(513))
    expect(await readlink(join(dir, 'bin/link'))).to.equal('tool')
    expect((await stat(join(dir, 'bin/tool'))).mode & 0o777).to.equal(0o755)
    expect((await stat(join(dir, 'empty'))).mode & 0o777).to.equal(0o600)
    expect(await readFile(join(dir, 'block'), 'utf8')).to.equal('y'.repeat(512))
  })

  it('writes the same bytes every time', async () => {
    const source = join(dir, 'source')
    const entries: TarEntry[] = [{ path: 'a', kind: 'file', mode: 0o644, source }]
    await writeFile(source, 'a')
    const first = await archive(entries)
    await rm(source)
    await writeFile(source, 'a')
    expect((await archive(entries)).equals(first)).to.equal(true)
  })

  it('refuses a path that does not fit', async () => {
    const long = archive([{ path: 'a'.repeat(101), kind: 'file', mode: 0o644, content: new Uint8Array() }])
    expect(await long.catch((error: Error) => error.message)).to.contain('too long')
  })
})
