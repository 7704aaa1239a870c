import { expect } from 'chai'
import type { TaskState, TaskStatus } from 'mesos-http-client'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { UpdateStreams } from './update-streams.ts'

const bytes = (uuid: number): Uint8Array => new Uint8Array(16).fill(uuid)
const status = (taskId: string, state: TaskState, uuid: number): TaskStatus => ({
  task_id: { value: taskId },
  state,
  uuid: bytes(uuid),
})

describe('update streams', () => {
  let clock: VirtualClock
  let streams: UpdateStreams
  let sent: string[]
  beforeEach(() => {
    clock = new VirtualClock(0)
    sent = []
    streams = new UpdateStreams({
      clock,
      retryMs: 10_000,
      forward: (_frameworkId, { task_id: taskId, state }) =>
        sent.push(`${clock.now()} ${taskId.value} ${state}`),
    })
    streams.resume()
  })
  afterEach(() => streams.close())

  it('send one update of a task at a time, the next when it is acknowledged', () => {
    for (const [uuid, state] of (['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED'] as const).entries()) {
      streams.add('f', status('t', state, uuid))
    }
    streams.add('f', status('other', 'TASK_RUNNING', 9))
    expect(sent).to.deep.equal(['0 t TASK_STARTING', '0 other TASK_RUNNING'])
    expect(streams.acknowledge('f', 't', bytes(7))).to.equal('ignored')
    expect(streams.acknowledge('f', 't', bytes(0))).to.equal('next')
    expect(streams.acknowledge('f', 't', bytes(0))).to.equal('ignored')
    expect(streams.acknowledge('f', 't', bytes(1))).to.equal('next')
    expect(streams.acknowledge('f', 't', bytes(2))).to.equal('terminal')
    expect(sent.slice(2)).to.deep.equal(['0 t TASK_RUNNING', '0 t TASK_FINISHED'])
  })

  it('send again after 10, 20, 40 s … and at most each 10 min', async () => {
    streams.add('f', status('t', 'TASK_RUNNING', 1))
    await clock.advanceTo(4_000_000)
    const times = sent.map(line => Number(line.split(' ')[0]) / 1000)
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0))
    expect(pauses).to.deep.equal([10, 20, 40, 80, 160, 320, 600, 600, 600, 600, 600].slice(0, pauses.length))
    streams.acknowledge('f', 't', bytes(1))
    await clock.advanceTo(9_000_000)
    expect(sent).to.have.length(times.length)
  })

  it('take the same uuid only once, even after its acknowledgement', () => {
    expect(streams.add('f', status('t', 'TASK_RUNNING', 1))).to.equal(true)
    expect(streams.add('f', status('t', 'TASK_RUNNING', 1))).to.equal(false)
    streams.acknowledge('f', 't', bytes(1))
    expect(streams.add('f', status('t', 'TASK_RUNNING', 1))).to.equal(false)
    expect(sent).to.have.length(1)
  })

  it('keep silent while paused and say it all when resumed', async () => {
    streams.pause()
    streams.add('f', status('t', 'TASK_RUNNING', 1))
    await clock.advanceTo(100_000)
    expect(sent).to.deep.equal([])
    streams.resume()
    streams.resume()
    expect(sent).to.deep.equal(['100000 t TASK_RUNNING', '100000 t TASK_RUNNING'])
  })

  it('forget a framework with everything of it', async () => {
    streams.add('f', status('t', 'TASK_RUNNING', 1))
    streams.forget('f')
    await clock.advanceTo(100_000)
    expect(sent).to.have.length(1)
    expect(streams.acknowledge('f', 't', bytes(1))).to.equal('ignored')
  })
})
