// What dies and comes back while tasks run: nothing is lost, nothing runs twice.
import { expect } from 'chai'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Cluster } from '../support/cluster.ts'
import { containersOf } from '../support/docker.ts'
import { givenMesos } from '../support/given-mesos.ts'

describe('what must survive', function () {
  this.timeout(180_000)
  let cluster: Cluster
  beforeEach(async () => {
    cluster = await Cluster.start()
  })
  afterEach(() => cluster[Symbol.asyncDispose]())

  /** Tasks that each note every start in a shared folder, run until `go` exists there, then end well. */
  async function submitTwenty(): Promise<{
    ids: number[]
    starts: () => Promise<Map<number, number>>
    go: () => Promise<void>
  }> {
    const shared = join(cluster.dir, 'shared')
    await mkdir(shared)
    const ids = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const task = await cluster.submit({
          name: `survivor-${index}`,
          command:
            'echo "$JUICE_ATTEMPT" >> /shared/$TASK_ID; while ! test -e /shared/go; do sleep 0.1; done',
          docker: {
            network: 'none',
            volumes: [{ hostPath: shared, containerPath: '/shared', readOnly: false }],
          },
        })
        return task.id
      }),
    )
    return {
      ids,
      starts: async () => {
        const files = (await readdir(shared)).filter(file => file !== 'go')
        const counts = await Promise.all(
          files.map(async file => {
            const lines = (await readFile(join(shared, file), 'utf8')).trim().split('\n')
            return [Number(file), lines.length] as const
          }),
        )
        return new Map(counts)
      },
      go: async () => {
        await mkdir(join(shared, 'go'))
      },
    }
  }

  async function expectAllEndedOnce(ids: readonly number[], starts: Map<number, number>): Promise<void> {
    for (const id of ids) {
      expect(await cluster.ended(id)).to.include({ state: 'FINISHED', attempt: 1 })
      expect(starts.get(id), `starts of task ${id}`).to.equal(1)
    }
  }

  it('the framework is killed with -9 and started again while 20 tasks run', async () => {
    const { ids, starts, go } = await submitTwenty()
    await Promise.all(ids.map(id => cluster.running(id)))
    await cluster.killFramework()
    await go()
    await cluster.startFramework()
    await Promise.all(ids.map(id => cluster.ended(id)))
    await expectAllEndedOnce(ids, await starts())
  })

  it('the framework is killed with -9 while 20 tasks are being launched', async () => {
    const { ids, starts, go } = await submitTwenty()
    await cluster.killFramework()
    await go()
    await cluster.startFramework()
    for (const id of ids) expect(await cluster.ended(id)).to.include({ state: 'FINISHED' })
    for (const [id, count] of await starts()) expect(count, `starts of task ${id}`).to.equal(1)
  })

  // A given cluster's own processes are its operator's.
  if (givenMesos() === undefined) {
    it('the master restarts', async () => {
      const { ids, starts, go } = await submitTwenty()
      await Promise.all(ids.map(id => cluster.running(id)))
      await cluster.mesos.stopMaster()
      await go()
      await cluster.mesos.startMaster()
      await Promise.all(ids.map(id => cluster.ended(id)))
      await expectAllEndedOnce(ids, await starts())
      const next = await cluster.submit({ command: 'true' })
      expect(await cluster.ended(next.id)).to.include({ state: 'FINISHED' })
    })

    it('the agents restart: tasks go on (E34)', async () => {
      const { ids, starts, go } = await submitTwenty()
      await Promise.all(ids.map(id => cluster.running(id)))
      for (const agent of cluster.mesos.agents) await agent.stop()
      await go()
      for (const agent of cluster.mesos.agents) await agent.start()
      await Promise.all(ids.map(id => cluster.ended(id)))
      await expectAllEndedOnce(ids, await starts())
    })
  }

  for (const [what, victims] of [
    [
      'the executor alone',
      (parents: number[], children: number[]) => children.filter(pid => !parents.includes(pid)),
    ],
    [
      'the executor together with its parent',
      (parents: number[], children: number[]) => [...parents, ...children],
    ],
  ] as const) {
    it(`kill -9 of ${what}: its containers are gone before its tasks run again`, async () => {
      const task = await cluster.submit({ command: 'sleep 600' })
      await cluster.running(task.id)
      const { parents, children } = await cluster.executorPids()
      expect(children, 'executors on this machine').to.have.lengthOf(1)
      for (const pid of victims(parents, children)) process.kill(pid, 'SIGKILL')
      const again = await cluster.until(task.id, ({ attempt, state }) => attempt === 2 && state === 'RUNNING')
      expect(again.attempts[0]).to.include({ blame: 'mesos' })
      const containers = await containersOf(cluster.dockerHost, { 'juice.task': String(task.id) })
      expect(containers.map(container => container.labels['juice.mesos-task'])).to.deep.equal([
        again.attempts[1]!.mesosTaskId,
      ])
      await cluster.kill(task.id)
      expect(await cluster.ended(task.id)).to.include({ state: 'KILLED' })
    })
  }
})
