import { expect } from 'chai'
import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FrameworkInfo, Resource } from 'mesos-http-client'
import { Journal } from './journal.ts'
import { newExecutor, type Executor } from './state.ts'

describe('the journal of an agent', () => {
  let directory: string
  let journal: Journal
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'local-mesos-journal-'))
    journal = new Journal(directory)
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  const framework: FrameworkInfo = { user: 'root', name: 'f', id: { value: 'fw' } }
  const executor = (containerId: string, checkpoint = true): Executor =>
    newExecutor({
      id: 'ex',
      frameworkId: 'fw',
      info: { executor_id: { value: 'ex' }, data: new Uint8Array([1, 2, 255]) },
      containerId,
      directory: '/sandbox',
      user: 'root',
      checkpoint,
      kind: 'custom',
    })

  it('gives back what was written, bytes and large numbers included', () => {
    const one = executor('c-1')
    journal.open(one, framework)
    journal.append(one, {
      type: 'update',
      status: {
        task_id: { value: 't' },
        state: 'TASK_RUNNING',
        uuid: new Uint8Array(16).fill(7),
        unreachable_time: { nanoseconds: 2n ** 62n },
      },
    })
    const [run] = new Journal(directory).readRuns()
    expect(run).to.have.length(2)
    expect(run?.[0]).to.deep.include({ type: 'run', framework, executor: one.info, containerId: 'c-1' })
    const [, update] = run ?? []
    expect(update?.type === 'update' && update.status.uuid).to.deep.equal(new Uint8Array(16).fill(7))
    expect(update?.type === 'update' && update.status.unreachable_time?.nanoseconds).to.equal(2n ** 62n)
  })

  it('leaves out a line that was torn by the death of the agent', async () => {
    const one = executor('c-1')
    journal.open(one, framework)
    journal.append(one, { type: 'started', pid: 7, startTime: '1' })
    await appendFile(join(directory, 'meta/runs/c-1/journal.jsonl'), '{"type":"upd')
    expect(journal.readRuns().map(run => run.length)).to.deep.equal([2])
  })

  it('keeps reservations of the resources that the agent has, not of others', () => {
    const cpus = (value: number): Resource => ({ name: 'cpus', type: 'SCALAR', scalar: { value } })
    const total: Resource[] = [{ ...cpus(1), reservations: [{ type: 'DYNAMIC', role: 'web' }] }, cpus(3)]
    expect(journal.readResources([cpus(4)])).to.equal(undefined)
    journal.writeResources({ declared: [cpus(4)], total })
    expect(journal.readResources([cpus(4)])).to.deep.equal(total)
    expect(journal.readResources([cpus(8)])).to.equal(undefined)
  })

  it('keeps what the agent is drained with until that is over', () => {
    const config = { max_grace_period: { nanoseconds: 2n ** 60n }, mark_gone: true }
    expect(journal.readDrain()).to.equal(undefined)
    journal.writeDrain(config)
    expect(new Journal(directory).readDrain()).to.deep.equal(config)
    journal.writeDrain(undefined)
    expect(journal.readDrain()).to.equal(undefined)
  })

  it('forgets removed runs, and never knew those without checkpoint', async () => {
    const [kept, removed, silent] = [executor('c-1'), executor('c-2'), executor('c-3', false)]
    for (const one of [kept, removed, silent]) journal.open(one, framework)
    journal.remove(removed)
    expect(journal.readRuns()).to.have.length(1)
    journal.writeAgent({ hostname: 'a', id: { value: 'S0' } })
    expect(new Journal(directory).readAgent()?.id?.value).to.equal('S0')
    journal.clear()
    expect(journal.readAgent()).to.equal(undefined)
    expect(await readdir(directory)).to.deep.equal([])
  })
})
