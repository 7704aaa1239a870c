// A task on an agent that keeps resources for us in every way that Mesos knows, and what its executor is told later (S29, S47).
import { expect } from 'chai'
import type { Resource, SchedulerCall } from 'mesos-http-client'
import { eventually, pendingTask, scalar, taskSpec } from './testing/support.ts'
import { TermFixture } from './testing/term-fixture.ts'

const fixed = { reservations: [{ type: 'STATIC' as const, role: 'juice' }] }
const labels = { labels: [{ key: 'team', value: 'video' }] }
const dynamic = { reservations: [{ type: 'DYNAMIC' as const, role: 'juice', principal: 'ops', labels }] }
const refined = {
  reservations: [
    { type: 'STATIC' as const, role: 'eng' },
    { type: 'DYNAMIC' as const, role: 'eng/juice', principal: 'ops' },
  ],
}

function launchIn(call: SchedulerCall | undefined) {
  const [info] = call?.accept?.operations?.[0]?.launch?.task_infos ?? []
  if (!info) throw new Error('no launch')
  return info
}

function task(id: number, cpuMillis: number, memMb: number) {
  return pendingTask(id, { spec: taskSpec({ resources: { cpuMillis, memMb, diskMb: 0, ports: 0 } }) })
}

describe('launch on reserved resources', () => {
  let at: TermFixture

  beforeEach(() => {
    at = new TermFixture()
  })

  afterEach(() => at.term.close())

  async function launched(resources: readonly Resource[], ...tasks: ReturnType<typeof task>[]) {
    at.pending = tasks
    const mesos = await at.start()
    mesos.subscribe()
    await eventually(() => at.term.subscribed)
    mesos.offer('o1', { resources })
    await mesos.until('ACCEPT')
    return mesos
  }

  it('mixes what was reserved statically, dynamically, in layers and not at all, each as it came', async () => {
    const mesos = await launched(
      [
        scalar('cpus', 4),
        scalar('cpus', 0.3, fixed),
        scalar('cpus', 0.2, fixed),
        scalar('cpus', 0.25, dynamic),
        scalar('mem', 4096),
        scalar('mem', 100, refined),
      ],
      task(1, 900, 128),
    )
    const info = launchIn(mesos.of('ACCEPT')[0])
    expect(info.executor?.resources).to.deep.equal([scalar('cpus', 0.1, fixed), scalar('mem', 32, refined)])
    expect(info.resources).to.deep.equal([
      scalar('cpus', 0.4, fixed),
      scalar('cpus', 0.25, dynamic),
      scalar('cpus', 0.25),
      scalar('mem', 68, refined),
      scalar('mem', 60),
    ])
  })

  it('uses an agent that has nothing but reserved resources, also in the format of before', async () => {
    const old = { role: 'juice', reservation: { principal: 'ops' } }
    const mesos = await launched([scalar('cpus', 1, old), scalar('mem', 512, fixed)], task(1, 500, 64))
    const info = launchIn(mesos.of('ACCEPT')[0])
    expect(info.resources).to.deep.equal([scalar('cpus', 0.5, old), scalar('mem', 64, fixed)])
  })

  it('is told the same executor again, whatever later offers are made of (S47)', async () => {
    const mesos = await launched([scalar('cpus', 1, fixed), scalar('mem', 512, fixed)], task(1, 500, 64))
    const first = launchIn(mesos.of('ACCEPT')[0])
    mesos.play([
      {
        type: 'UPDATE',
        update: {
          status: {
            task_id: first.task_id,
            state: 'TASK_RUNNING',
            source: 'SOURCE_EXECUTOR',
            agent_id: first.agent_id,
            ...(first.executor ? { executor_id: first.executor.executor_id } : {}),
          },
        },
      },
    ])
    await eventually(() => at.heard.length > 0)
    at.pending = [task(2, 1000, 512)]
    at.term.hint('pending')
    await mesos.until('REVIVE')
    // No room is left in it for an executor: it runs.
    mesos.offer('o2', { resources: [scalar('cpus', 1), scalar('mem', 512)] })
    await mesos.until('ACCEPT', 2)
    const second = launchIn(mesos.of('ACCEPT')[1])
    expect(second.executor).to.deep.equal(first.executor)
    expect(second.resources).to.deep.equal([scalar('cpus', 1), scalar('mem', 512)])
  })

  it('leaves revocable resources alone, and says what is missing (S31)', async () => {
    at.pending = [task(1, 500, 64)]
    const mesos = await at.start()
    mesos.subscribe()
    await eventually(() => at.term.subscribed)
    mesos.offer('o1', { resources: [scalar('cpus', 8, { revocable: {} }), scalar('mem', 4096)] })
    await mesos.until('DECLINE')
    expect(at.term.whyWaits(1)).to.equal('1 agent: not enough cpus (largest free 0 of 0.5)')
    expect(mesos.of('ACCEPT')).to.deep.equal([])
  })
})
