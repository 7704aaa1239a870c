import { expect } from 'chai'
import { link, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from './clock.ts'
import { folderBytes, watchFolder } from './disk.ts'
import { EndedFolders, removeFolder } from './folders.ts'
import type { Clock } from './types.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const kib = 1024

/** Time as the test says. */
class ManualClock implements Clock {
  #nowMs = 0
  readonly #due = new Set<{ atMs: number; callback: () => void }>()
  wallMs = (): number => this.#nowMs
  monotonicMs = (): number => this.#nowMs
  after(delayMs: number, callback: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, callback }
    this.#due.add(entry)
    return () => void this.#due.delete(entry)
  }
  pass(ms: number): void {
    this.#nowMs += ms
    const due = [...this.#due].filter(entry => entry.atMs <= this.#nowMs)
    for (const entry of due) if (this.#due.delete(entry)) entry.callback()
  }
}

describe('disk of tasks', () => {
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'juice-folders-'))
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  it('is counted as it is used: several names once, links not followed, gone things as nothing', async () => {
    await mkdir(join(dir, 'a/b'), { recursive: true })
    await writeFile(join(dir, 'a/b/file'), Buffer.alloc(100 * kib, 1))
    await link(join(dir, 'a/b/file'), join(dir, 'a/again'))
    await symlink('/usr', join(dir, 'a/usr'))
    const bytes = await folderBytes(join(dir, 'a'))
    expect(bytes).to.be.within(100 * kib, 150 * kib)
    expect(await folderBytes(join(dir, 'none'))).to.equal(0)
  })

  it('is watched until it is too much', async () => {
    await writeFile(join(dir, 'file'), Buffer.alloc(200 * kib, 1))
    const bytes = await new Promise<number>(resolve => {
      watchFolder({ dir, limitBytes: 100 * kib, intervalMs: 1, clock: systemClock, onExceeded: resolve })
    })
    expect(bytes).to.be.at.least(200 * kib)
  })

  describe('that ended', () => {
    let clock: ManualClock
    let folders: EndedFolders
    const removed: string[] = []
    beforeEach(() => {
      clock = new ManualClock()
      removed.length = 0
      folders = new EndedFolders({
        clock,
        logger: silent,
        remove: path => {
          removed.push(path.slice(dir.length + 1))
          return Promise.resolve()
        },
      })
    })

    async function add(name: string, bytes = 10 * kib): Promise<void> {
      await mkdir(join(dir, name))
      await writeFile(join(dir, name, 'stdout'), Buffer.alloc(bytes, 1))
      await folders.add(join(dir, name))
    }

    it('is deleted after its retention', async () => {
      folders.limit({ retentionMs: 1000, budgetBytes: Infinity, isStrict: false })
      await add('one')
      clock.pass(500)
      await add('two')
      clock.pass(499)
      expect(removed).to.deep.equal([])
      clock.pass(1)
      expect(removed).to.deep.equal(['one'])
      clock.pass(500)
      expect(removed).to.deep.equal(['one', 'two'])
    })

    it('is deleted earlier above the budget, the oldest first, never the newest', async () => {
      folders.limit({ retentionMs: Infinity, budgetBytes: 250 * kib, isStrict: false })
      for (const name of ['one', 'two', 'three']) await add(name, 100 * kib)
      expect(removed).to.deep.equal(['one'])
      await add('huge', 1000 * kib)
      expect(removed).to.deep.equal(['one', 'two', 'three'])
    })
  })

  it('is freed by rm, links and all', async () => {
    await mkdir(join(dir, 'task/sandbox'), { recursive: true })
    await mkdir(join(dir, 'other'))
    await writeFile(join(dir, 'other/file'), '')
    await symlink(join(dir, 'other'), join(dir, 'task/sandbox/link'))
    await removeFolder(process.env)(join(dir, 'task'))
    expect(await readdir(dir)).to.deep.equal(['other'])
    expect(await readdir(join(dir, 'other'))).to.deep.equal(['file'])
  })
})
