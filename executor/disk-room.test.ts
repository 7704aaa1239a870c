// The shared room with real folders, looked at every few milliseconds.
import { expect } from 'chai'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from './clock.ts'
import { planDisk } from './disk-plan.ts'
import { DiskRoom } from './disk-room.ts'
import { defaultSettings } from './settings.ts'
import { EndedFolders, removeFolder } from './folders.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const mib = 1024 * 1024

describe('room for folders without disk of their own', () => {
  let dir: string
  let room: DiskRoom
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'juice-room-'))
    start()
  })
  function start(clock = systemClock): void {
    const folders = new EndedFolders({
      clock: systemClock,
      logger: silent,
      remove: removeFolder(process.env),
    })
    room = new DiskRoom({ clock, folders, intervalMs: 5 })
    room.use(
      { roomBytes: 10 * mib, isStrict: true, logSize: () => ({ fileBytes: 1, filesKept: 0 }) },
      Infinity,
    )
  }
  afterEach(async () => {
    room.close()
    await rm(dir, { recursive: true, force: true })
  })

  async function folder(name: string, logMb: number, sandboxMb: number): Promise<string> {
    await mkdir(join(dir, name, 'sandbox'), { recursive: true })
    await writeFile(join(dir, name, 'stdout'), Buffer.alloc(logMb * mib, 1))
    await writeFile(join(dir, name, 'sandbox', 'data'), Buffer.alloc(sandboxMb * mib, 1))
    return join(dir, name)
  }
  const left = (): string[] => ['a', 'b', 'c'].filter(name => existsSync(join(dir, name)))

  it('keeps ended folders while they fit, the newest longest', async () => {
    for (const name of ['a', 'b', 'c']) await room.ended(await folder(name, 1, 3))
    expect(left()).to.deep.equal(['b', 'c'])
  })

  it('takes a large folder’s own files at once, not its logs, and leaves the others alone', async () => {
    await room.ended(await folder('a', 1, 1))
    await room.ended(await folder('b', 1, 20))
    expect(left()).to.deep.equal(['a', 'b'])
    expect(existsSync(join(dir, 'b', 'stdout'))).to.equal(true)
    expect(existsSync(join(dir, 'b', 'sandbox'))).to.equal(false)
  })

  it('gives ended folders up for running tasks, and of those ends the largest alone', async () => {
    await room.ended(await folder('a', 1, 1))
    const spared: string[] = []
    room.watch(await folder('b', 1, 2), () => spared.push('b'))
    const message = await folder('c', 0, 9).then(
      large => new Promise<string>(resolve => void room.watch(large, resolve)),
    )
    expect(message).to.match(
      /^Out of disk: tasks without diskMb have 13 MB together, there is room for 10 MB, .* the most, 10 MB$/,
    )
    expect(spared).to.deep.equal([])
    expect(left()).to.deep.equal(['b', 'c'])
  })

  it('counts what a task has left once, as an ended folder, not as a running one as well', async () => {
    // the second wait begins when the first look is over; there is no second look
    const looks = Promise.withResolvers<void>()
    let waits = 0
    start({
      ...systemClock,
      after(delayMs, look) {
        if (++waits === 1) return systemClock.after(delayMs, look)
        looks.resolve()
        return () => undefined
      },
    })
    await room.ended(await folder('a', 1, 3))
    const running = await folder('b', 1, 3)
    const endWatch = room.watch(running, () => undefined)
    await looks.promise
    endWatch()
    await room.ended(running)
    expect(left()).to.deep.equal(['a', 'b'])
  })

  it('watches nobody where no disk was asked for', async () => {
    room.use({ roomBytes: 0, isStrict: false, logSize: () => ({ fileBytes: 1, filesKept: 0 }) }, Infinity)
    let asked = 0
    room.watch(await folder('a', 1, 1), () => asked++)()
    await room.ended(join(dir, 'a'))
    expect([asked, left()]).to.deep.equal([0, ['a']])
  })

  it('lends logs what others have left, and takes it back once', () => {
    const plan = planDisk({ diskMb: 1024, usedBytes: 0, isEnforced: true, settings: defaultSettings })
    room.use(plan, Infinity)
    const first = room.lendLogs(0)
    const second = room.lendLogs(0)
    expect(second.size.fileBytes).to.be.below(first.size.fileBytes)
    expect(room.lendLogs(100).size).to.deep.equal(plan.logSize(100, 0))
    first.giveBack()
    first.giveBack()
    second.giveBack()
    expect(room.lendLogs(0).size).to.deep.equal(first.size)
  })
})
