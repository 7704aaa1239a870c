import { expect } from 'chai'
import fc from 'fast-check'
import { planDisk } from './disk-plan.ts'
import { defaultSettings } from './settings.ts'

const mib = 1024 * 1024
const runtime = 123 * mib

describe('disk of the executor', () => {
  it('without disk of its own keeps folders as the settings say, and logs too', () => {
    const plan = planDisk({ diskMb: 0, usedBytes: runtime, settings: defaultSettings })
    expect(plan).to.include({ roomBytes: defaultSettings.sandboxBudgetBytes, isStrict: false })
    expect(plan.logSize(0)).to.deep.equal({ fileBytes: 16 * mib, filesKept: 4 })
  })

  it('with some is what is left beside the runtime and its own output', () => {
    const plan = planDisk({ diskMb: 1024, usedBytes: runtime, settings: defaultSettings })
    expect(plan).to.include({ roomBytes: (1024 - 123 - 32) * mib, isStrict: true })
  })

  it('that is too little leaves no room, and says nothing negative', () => {
    expect(planDisk({ diskMb: 64, usedBytes: runtime, settings: defaultSettings }).roomBytes).to.equal(0)
  })

  it('never keeps more than the settings allow', () => {
    const settings = { ...defaultSettings, sandboxBudgetBytes: 10 * mib }
    expect(planDisk({ diskMb: 4096, usedBytes: 0, settings }).roomBytes).to.equal(10 * mib)
  })

  it('bounds the logs of a task by a quarter of its own disk, else by its part of the room', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 100_000 }),
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 0, max: 9 }),
        (diskMb, taskDiskMb, logFilesKept) => {
          const settings = { ...defaultSettings, logFilesKept }
          const plan = planDisk({ diskMb, usedBytes: runtime, settings })
          const most = ({ fileBytes, filesKept }: ReturnType<typeof plan.logSize>): number =>
            2 * (filesKept + 1) * fileBytes
          // No less than 16 KB a file: below that a log is none.
          const smallest = 2 * (logFilesKept + 1) * 16 * 1024
          expect(most(plan.logSize(taskDiskMb))).to.be.at.most(Math.max(smallest, (taskDiskMb * mib) / 4))
          if (diskMb > 0)
            expect(64 * most(plan.logSize(0))).to.be.at.most(
              Math.max(64 * smallest, 64 * mib, plan.roomBytes),
            )
          expect(plan.logSize(taskDiskMb).fileBytes).to.be.at.most(settings.logFileBytes)
        },
      ),
    )
  })
})
