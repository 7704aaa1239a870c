import { expect } from 'chai'
import { mkdtemp, readFile, readdir, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openTaskLogs, tailBytes, type TaskLogs } from './logs.ts'

describe('logs of a task', () => {
  let dir: string
  const errors: string[] = []
  const openLogs = (fileBytes: number, filesKept = 2): Promise<TaskLogs> =>
    openTaskLogs({ dir, fileBytes, filesKept, onError: stream => errors.push(stream) })

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'juice-logs-'))
    errors.length = 0
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  it('are there from the start, hold binary data as it is, and keep the streams apart', async () => {
    const logs = await openLogs(1000)
    expect((await readdir(dir)).sort()).to.deep.equal(['stderr', 'stdout'])
    const bytes = Uint8Array.from([255, 0, 1, 0xc3, 10])
    void logs.stdout(bytes)
    bytes.fill(7)
    void logs.stderr(Buffer.from('error'))
    await logs.close()
    expect([...(await readFile(join(dir, 'stdout')))]).to.deep.equal([255, 0, 1, 0xc3, 10])
    expect(await readFile(join(dir, 'stderr'), 'utf8')).to.equal('error')
    expect(Buffer.from(logs.tails().stderr).toString()).to.equal('error')
  })

  it('rotate 10 MB without a newline by size, lose no byte that is kept, and hold the writer back (E44)', async () => {
    const logs = await openLogs(4 * 1024 * 1024, 3)
    const chunk = Buffer.alloc(64 * 1024, 'x')
    let heldBack = 0
    for (let sent = 0; sent < 10 * 1024 * 1024; sent += chunk.length) {
      const pressure = logs.stdout(chunk)
      if (pressure) heldBack++
      await pressure
    }
    await logs.close()
    const sizes = await Promise.all(
      ['stdout', 'stdout.1', 'stdout.2'].map(async name => (await stat(join(dir, name))).size),
    )
    expect(sizes).to.deep.equal([2 * 1024 * 1024, 4 * 1024 * 1024, 4 * 1024 * 1024])
    expect(heldBack).to.be.greaterThan(0)
  })

  it('keep only so many files', async () => {
    const logs = await openLogs(10, 2)
    for (let number = 0; number < 10; number++) await logs.stdout(Buffer.from(`line ${number}...\n`))
    await logs.close()
    const names = (await readdir(dir)).filter(name => name.startsWith('stdout')).sort()
    expect(names).to.deep.equal(['stdout', 'stdout.1', 'stdout.2'])
    const kept = await Promise.all(
      ['stdout.2', 'stdout.1', 'stdout'].map(name => readFile(join(dir, name), 'utf8')),
    )
    expect(kept.join('')).to.match(/line 8\.\.\.\nline 9\.\.\.\n$/)
  })

  it('keep the current file alone where no rotated one is wanted', async () => {
    const logs = await openLogs(4, 0)
    void logs.stdout(Buffer.from('abcdefghij'))
    await logs.close()
    expect((await readdir(dir)).sort()).to.deep.equal(['stderr', 'stdout'])
    expect(await readFile(join(dir, 'stdout'), 'utf8')).to.equal('ij')
  })

  it('keep the last bytes of each stream for the record', async () => {
    const logs = await openLogs(1024 * 1024)
    for (let number = 0; number < 5000; number++) void logs.stdout(Buffer.from(`${number},`))
    await logs.close()
    const tail = Buffer.from(logs.tails().stdout).toString()
    expect(tail).to.have.length(tailBytes)
    expect(tail).to.match(/,4998,4999,$/)
  })

  it('are never written through what is there already', async () => {
    await symlink(join(dir, 'elsewhere'), join(dir, 'stdout'))
    const failure = await openLogs(10).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error,
    )
    expect(failure?.code).to.equal('EEXIST')
    expect(await readdir(dir)).to.deep.equal(['stdout'])
  })

  it('get their name back where a task put a link in their place', async () => {
    const target = join(dir, 'target')
    await writeFile(target, 'untouched')
    const logs = await openLogs(1000)
    await logs.stdout(Buffer.from('one '))
    await rm(join(dir, 'stdout'))
    await symlink(target, join(dir, 'stdout'))
    expect(await readlink(join(dir, 'stdout'))).to.equal(target)
    void logs.stdout(Buffer.from('two'))
    await logs.close()
    expect(await readFile(target, 'utf8')).to.equal('untouched')
    expect(await readFile(join(dir, 'stdout'), 'utf8')).to.equal('one two')
  })

  it('rotate away a link that a task planted', async () => {
    const target = join(dir, 'target')
    await writeFile(target, 'untouched')
    const logs = await openLogs(4)
    void logs.stdout(Buffer.from('1234'))
    await rename(join(dir, 'stdout'), join(dir, 'moved'))
    await symlink(target, join(dir, 'stdout'))
    void logs.stdout(Buffer.from('5678'))
    await logs.close()
    expect(await readFile(target, 'utf8')).to.equal('untouched')
    expect(await readFile(join(dir, 'stdout'), 'utf8')).to.equal('5678')
  })

  it('drop output after their end, and go on without a disk', async () => {
    const logs = await openLogs(4)
    await rm(dir, { recursive: true })
    for (let number = 0; number < 3; number++) await logs.stdout(Buffer.from('12345678'))
    await logs.close()
    expect(errors.filter(stream => stream === 'stdout')).to.have.length(1)
    void logs.stdout(Buffer.from('late'))
    expect(Buffer.from(logs.tails().stdout).toString()).to.equal('123456781234567812345678')
  })
})
