import { expect } from 'chai'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { TarReader, type TarEntry } from './tar-reader.ts'
import { tar } from './test-archives.ts'

type Read = TarEntry & { readonly content: string }

/** Reads an archive in pieces of the given lengths, the last one over and over. */
function read(archive: Uint8Array, lengths: readonly number[] = [archive.length]): Read[] {
  const reader = new TarReader()
  const found: Read[] = []
  let entry: TarEntry | undefined
  let content: Buffer[] = []
  for (let offset = 0, turn = 0; offset < archive.length; turn++) {
    const length = Math.max(1, lengths[Math.min(turn, lengths.length - 1)] ?? 1)
    for (const piece of reader.push(archive.subarray(offset, offset + length)))
      if (piece.type === 'entry') ({ entry } = piece)
      else if (piece.type === 'data') content.push(Buffer.from(piece.bytes))
      else {
        if (entry) found.push({ ...entry, content: Buffer.concat(content).toString() })
        content = []
      }
    offset += length
  }
  reader.end()
  return found
}

describe('tar reader', () => {
  const archive = tar(
    { name: 'a.txt', content: 'hello', mode: 0o600 },
    { name: 'd/', type: '5', mode: 0o755 },
    { name: 'd/empty' },
    { name: 'd/block', content: 'x'.repeat(512) },
    { name: 'link', type: '2', link: 'a.txt' },
    { name: 'hard', type: '1', link: 'a.txt' },
  )
  const expected = [
    ['file', 'a.txt', 'hello', 0o600, ''],
    ['folder', 'd/', '', 0o755, ''],
    ['file', 'd/empty', '', 0o644, ''],
    ['file', 'd/block', 'x'.repeat(512), 0o644, ''],
    ['symlink', 'link', '', 0o644, 'a.txt'],
    ['hardlink', 'hard', '', 0o644, 'a.txt'],
  ]
  const rows = (found: readonly Read[]): unknown[] =>
    found.map(({ kind, path, content, mode, link }) => [kind, path, content, mode, link])

  it('reads files, folders and links', () => {
    expect(rows(read(archive))).to.deep.equal(expected)
  })

  it('reads the same at any cut of the bytes', () => {
    expect(rows(read(archive, [1]))).to.deep.equal(expected)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1 }), lengths => {
        expect(rows(read(archive, lengths))).to.deep.equal(expected)
      }),
    )
  })

  it('reads what tar itself writes, with long names, in each of its formats', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'juice-tar-'))
    try {
      const long = `${'deep/'.repeat(30)}${'n'.repeat(120)}`
      await mkdir(join(dir, 'in', 'deep/'.repeat(30)), { recursive: true })
      await writeFile(join(dir, 'in', long), 'content')
      await writeFile(join(dir, 'in', 'ü €'), 'ü')
      await symlink('x'.repeat(150), join(dir, 'in', 'long-link'))
      for (const format of ['gnu', 'posix']) {
        const path = join(dir, `${format}.tar`)
        execFileSync('tar', [`--format=${format}`, '-cf', path, '-C', join(dir, 'in'), '.'])
        const found = read(await readFile(path), [700])
        const byPath = Object.fromEntries(found.map(each => [each.path, each]))
        expect(byPath[`./${long}`], format).to.include({ kind: 'file', content: 'content' })
        expect(byPath['./ü €'], format).to.include({ content: 'ü' })
        expect(byPath['./long-link'], format).to.include({ kind: 'symlink', link: 'x'.repeat(150) })
      }
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  })

  it('refuses what it is not sure of', () => {
    const cases: [string, Uint8Array, RegExp][] = [
      ['text', Buffer.from('x'.repeat(2000)), /no tar archive/],
      ['a wrong sum', archive.map((byte, index) => (index === 0 ? byte + 1 : byte)), /no tar archive/],
      ['cut in a header', archive.subarray(0, 100), /cut off/],
      ['cut in a file', archive.subarray(0, 514), /cut off/],
      ['a device', tar({ name: 'null', type: '3' }), /"null" is a device/],
      ['a FIFO', tar({ name: 'pipe', type: '6' }), /"pipe" is a device, a FIFO/],
      ['a sparse file', tar({ name: 'sparse', type: 'S' }), /not extracted/],
      ['a broken pax header', tar({ name: 'x', type: 'x', content: '999 path=a\n' }), /broken pax header/],
      [
        'an endless size',
        tar({ name: 'x', type: 'x', content: '13 size=1e99\n' }, { name: 'y' }),
        /impossible size/,
      ],
    ]
    for (const [name, bytes, message] of cases) expect(() => read(bytes), name).to.throw(message)
  })

  it('never fails in another way than by saying so, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.nat(archive.length - 1), fc.nat(255), fc.nat(700), (at, byte, length) => {
        const broken = Uint8Array.from(archive)
        broken[at] = byte
        try {
          read(broken, [length])
        } catch (error) {
          expect((error as Error).name).to.equal('FetchError')
        }
      }),
    )
  })
})
