import { expect } from 'chai'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packExecutor, type PackOptions } from './pack.ts'

describe('packExecutor', function () {
  this.timeout(60_000)
  let dir: string
  let options: PackOptions

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'juice-pack-'))
    const [entry, parentScript, nodeBinary] = ['main.ts', 'parent', 'node'].map(name => join(dir, name)) as [
      string,
      string,
      string,
    ]
    await writeFile(entry, "import { word } from './word.ts'\nconsole.log(word)\n")
    await writeFile(join(dir, 'word.ts'), "export const word: string = 'first'\n")
    await writeFile(parentScript, '#!/bin/sh\nexec ./node executor.mjs\n')
    await writeFile(nodeBinary, '#!/bin/sh\nexec "$REAL_NODE" "$@"\n', { mode: 0o755 })
    options = { outDir: join(dir, 'out'), entry, parentScript, nodeBinary }
  })

  afterEach(() => rm(dir, { recursive: true }))

  async function extractAndRun(packed: Awaited<ReturnType<typeof packExecutor>>): Promise<string> {
    const sandbox = await mkdtemp(join(dir, 'sandbox-'))
    for (const { path } of [packed.runtime, packed.bundle]) execFileSync('tar', ['-xzf', path, '-C', sandbox])
    expect((await readdir(sandbox)).sort()).to.deep.equal(['executor.mjs', 'juice-executor', 'node'])
    expect((await stat(join(sandbox, 'node'))).mode & 0o777).to.equal(0o755)
    const env = { REAL_NODE: process.execPath }
    return execFileSync('./juice-executor', { cwd: sandbox, encoding: 'utf8', env })
  }

  it('packs what runs, named by its hash', async () => {
    const packed = await packExecutor(options)
    for (const { path, sha256, file } of [packed.runtime, packed.bundle]) {
      expect(
        createHash('sha256')
          .update(await readFile(path))
          .digest('hex'),
      ).to.equal(sha256)
      expect(path).to.equal(join(dir, 'out', `${sha256}.tar.gz`))
      expect(file).to.equal(`${sha256}.tar.gz`)
    }
    expect(await extractAndRun(packed)).to.equal('first\n')
  })

  it('gives the same bytes elsewhere and later', async () => {
    const first = await packExecutor(options)
    await utimes(options.parentScript ?? '', 1, 1)
    expect(await packExecutor({ ...options, outDir: join(dir, 'other') })).to.deep.equal({
      runtime: { ...first.runtime, path: join(dir, 'other', first.runtime.file) },
      bundle: { ...first.bundle, path: join(dir, 'other', first.bundle.file) },
    })
  })

  it('takes what is there while nothing changed', async () => {
    const { bundle, runtime } = await packExecutor(options)
    const before = await Promise.all([bundle, runtime].map(({ path }) => stat(path)))
    await packExecutor(options)
    const after = await Promise.all([bundle, runtime].map(({ path }) => stat(path)))
    expect(after.map(({ ino }) => ino)).to.deep.equal(before.map(({ ino }) => ino))
  })

  it('packs anew when a file of the bundle, the script or the runtime changed, or an archive is gone', async () => {
    const first = await packExecutor(options)
    await writeFile(join(dir, 'word.ts'), "export const word: string = 'second'\n")
    const second = await packExecutor(options)
    expect(second.bundle.sha256).to.not.equal(first.bundle.sha256)
    expect(second.runtime.sha256).to.equal(first.runtime.sha256)
    expect(await extractAndRun(second)).to.equal('second\n')
    await writeFile(options.parentScript ?? '', '#!/bin/sh\necho third\n')
    expect(await extractAndRun(await packExecutor(options))).to.equal('third\n')
    await writeFile(options.nodeBinary ?? '', '#!/bin/sh\n# another version\n')
    const fourth = await packExecutor(options)
    expect(fourth.runtime.sha256).to.not.equal(first.runtime.sha256)
    await rm(fourth.runtime.path)
    expect(await packExecutor(options)).to.deep.equal(fourth)
    expect((await stat(fourth.runtime.path)).isFile()).to.equal(true)
  })

  it('survives several at once, and a broken note', async () => {
    const packed = await Promise.all([1, 2, 3].map(() => packExecutor(options)))
    expect(new Set(packed.map(({ bundle }) => bundle.sha256)).size).to.equal(1)
    await writeFile(join(dir, 'out', 'bundle.json'), '{')
    expect(await packExecutor(options)).to.deep.equal(packed[0])
  })

  it('keeps archives that another process may be serving, and removes them after a week', async () => {
    const first = await packExecutor(options)
    await writeFile(join(dir, 'word.ts'), "export const word: string = 'second'\n")
    await packExecutor(options)
    expect((await stat(first.bundle.path)).isFile()).to.equal(true)
    const longAgo = Date.now() / 1000 - 8 * 24 * 3600
    await utimes(first.bundle.path, longAgo, longAgo)
    const { bundle, runtime } = await packExecutor(options)
    const left = (await readdir(join(dir, 'out'))).sort()
    expect(left).to.deep.equal([bundle.file, runtime.file, 'bundle.json', 'runtime.json'].sort())
  })

  it('says what is wrong with the code', async () => {
    await mkdir(join(dir, 'copy'))
    await cp(options.entry ?? '', join(dir, 'copy/main.ts'))
    const failing = packExecutor({ ...options, entry: join(dir, 'copy/main.ts') })
    expect(await failing.catch((error: Error) => error.message)).to.contain('word.ts')
  })
})
