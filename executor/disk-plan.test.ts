import { expect } from 'chai'
import fc from 'fast-check'
import { logBytes, planDisk } from './disk-plan.ts'
import { defaultSettings } from './settings.ts'

const mib = 1024 * 1024
const runtime = 123 * mib

describe('disk of the executor', () => {
  it('without disk of its own keeps folders as the settings say, and logs too', () => {
    const plan = planDisk({ diskMb: 0, usedBytes: runtime, isEnforced: true, settings: defaultSettings })
    expect(plan).to.include({ roomBytes: defaultSettings.sandboxBudgetBytes, isStrict: false })
    expect(plan.logSize(0, 0)).to.deep.equal({ fileBytes: 16 * mib, filesKept: 4 })
  })

  it('with some is what is left beside the runtime and its own output', () => {
    const plan = planDisk({ diskMb: 1024, usedBytes: runtime, isEnforced: true, settings: defaultSettings })
    expect(plan).to.include({ roomBytes: (1024 - 123 - 32) * mib, isStrict: true })
  })

  it('on an agent that enforces nothing is asked for, and holds nothing', () => {
    const asked = { diskMb: 1024, usedBytes: runtime, settings: defaultSettings }
    const plan = planDisk({ ...asked, isEnforced: false })
    expect(plan).to.include({ roomBytes: defaultSettings.sandboxBudgetBytes, isStrict: false })
    expect(plan.logSize(0, 0)).to.deep.equal({ fileBytes: 16 * mib, filesKept: 4 })
  })

  it('that is too little leaves no room, and says nothing negative', () => {
    expect(
      planDisk({ diskMb: 64, usedBytes: runtime, isEnforced: true, settings: defaultSettings }).roomBytes,
    ).to.equal(0)
  })

  it('never keeps more than the settings allow', () => {
    const settings = { ...defaultSettings, sandboxBudgetBytes: 10 * mib }
    expect(planDisk({ diskMb: 4096, usedBytes: 0, isEnforced: true, settings }).roomBytes).to.equal(10 * mib)
  })

  it('lends the first tasks more than 10 MB a stream by default', () => {
    const plan = planDisk({ diskMb: 1024, usedBytes: runtime, isEnforced: true, settings: defaultSettings })
    const { fileBytes, filesKept } = plan.logSize(0, 0)
    expect(fileBytes * filesKept).to.be.above(20 * mib)
  })

  it('bounds the logs of a task by a quarter of its own disk, those of all others together by the room', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 100_000 }),
        fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 200 }),
        fc.integer({ min: 0, max: 9 }),
        (diskMb, taskDisks, logFilesKept) => {
          const settings = { ...defaultSettings, logFilesKept }
          const plan = planDisk({ diskMb, usedBytes: runtime, isEnforced: true, settings })
          // No less than 16 KB a file: below that a log is none.
          const smallest = 2 * (logFilesKept + 1) * 16 * 1024
          let lent = 0
          for (const taskDiskMb of taskDisks) {
            const size = plan.logSize(taskDiskMb, lent)
            expect(size.fileBytes).to.be.at.most(settings.logFileBytes)
            if (taskDiskMb > 0)
              expect(logBytes(size)).to.be.at.most(Math.max(smallest, (taskDiskMb * mib) / 4))
            else lent += logBytes(size)
          }
          if (diskMb > 0) expect(lent).to.be.at.most(plan.roomBytes + taskDisks.length * smallest)
        },
      ),
    )
  })
})
