import { expect } from 'chai'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isPlainName, letOthersPass, TaskFolder, type SandboxOwner } from './sandbox.ts'

const ourselves: SandboxOwner = {
  kind: 'user',
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
}
const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8)

describe('folders of a task', () => {
  let root: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'juice-sandbox-'))
  })
  afterEach(() => rm(root, { recursive: true, force: true }))

  it('are closed, open while a command task runs, and closed again', async () => {
    const folder = await TaskFolder.create(join(root, 'tasks'), 'a-1-1-x', ourselves)
    expect([await mode(folder.dir), await mode(folder.sandboxDir)]).to.deep.equal(['700', '700'])
    await folder.open()
    expect([await mode(folder.dir), await mode(folder.sandboxDir)]).to.deep.equal(['711', '700'])
    await folder.close()
    expect(await mode(folder.dir)).to.equal('700')
  })

  it('let any uid write for a container, behind a closed door', async () => {
    const folder = await TaskFolder.create(join(root, 'tasks'), 'a-1-1-x', { kind: 'container' })
    await folder.open()
    expect([await mode(folder.dir), await mode(folder.sandboxDir)]).to.deep.equal(['700', '777'])
  })

  it('belong to the task in its sandbox only', async () => {
    const other: SandboxOwner =
      process.getuid?.() === 0 ? { kind: 'user', uid: 65534, gid: 65534 } : ourselves
    const folder = await TaskFolder.create(join(root, 'tasks'), 'a-1-1-x', other)
    expect((await stat(folder.sandboxDir)).uid).to.equal(other.kind === 'user' && other.uid)
    expect((await stat(folder.dir)).uid).to.equal(process.getuid?.())
  })

  it('are never used twice', async () => {
    await TaskFolder.create(root, 'a', ourselves)
    const failure = await TaskFolder.create(root, 'a', ourselves).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    )
    expect(failure).to.equal('EEXIST')
  })

  it('have plain names', () => {
    for (const good of ['a', 'transcode-12-1-x9f2', 'A.b_c-1', 'x'.repeat(255)])
      expect(isPlainName(good), good).to.equal(true)
    for (const bad of ['', '.', '..', '../a', 'a/b', 'a\\b', 'a b', 'ä', '-a', 'a\n', 'x'.repeat(256), 'a\0'])
      expect(isPlainName(bad), JSON.stringify(bad)).to.equal(false)
  })

  describe('result.json', () => {
    let folder: TaskFolder
    let path: string
    beforeEach(async () => {
      folder = await TaskFolder.create(root, 'task', ourselves)
      path = join(folder.sandboxDir, 'result.json')
    })

    it('is taken as it stands, and may be missing', async () => {
      expect(await folder.readResult()).to.deep.equal({})
      await writeFile(path, '{"n": 1, "s": "ü"}\n')
      expect(await folder.readResult()).to.deep.equal({ json: '{"n": 1, "s": "ü"}\n' })
    })

    it('may have 64 KB and no byte more', async () => {
      await writeFile(path, JSON.stringify('x'.repeat(65534)))
      expect((await folder.readResult()).json).to.have.length(65536)
      await writeFile(path, JSON.stringify('x'.repeat(65535)))
      expect((await folder.readResult()).error).to.equal('result.json has 65537 bytes, the limit is 65536')
    })

    it('is refused with the reason where it is anything else than a small regular JSON file', async () => {
      const cases: [string, () => unknown, RegExp][] = [
        ['a link', () => symlink('/etc/passwd', path), /is a symbolic link/],
        ['a link to nowhere', () => symlink('/no/such', path), /is a symbolic link/],
        ['a folder', () => mkdir(path), /not a regular file/],
        ['a FIFO', () => execFileSync('mkfifo', [path]), /not a regular file/],
        ['no JSON', () => writeFile(path, '{"n": '), /not valid JSON/],
        ['empty', () => writeFile(path, ''), /not valid JSON/],
        ['no UTF-8', () => writeFile(path, Buffer.from([0x22, 0xff, 0x22])), /not valid UTF-8/],
      ]
      for (const [name, make, expected] of cases) {
        await rm(path, { recursive: true, force: true })
        await make()
        const result = await folder.readResult()
        expect(result.json, name).to.equal(undefined)
        expect(result.error, name).to.match(expected)
      }
    })
  })

  it('let others pass through the executor’s own folder, and tell which other folders are in the way', async () => {
    const outer = join(root, 'outer')
    const inner = join(outer, 'inner')
    await mkdir(inner, { recursive: true })
    await chmod(outer, 0o750)
    await chmod(inner, 0o750)
    const closed = await letOthersPass(inner)
    expect(await mode(inner)).to.equal('751')
    expect(closed).to.include(outer).and.not.include(inner)
  })
})
