// Juice finds its master through a real ZooKeeper, and loses nothing when the leader dies, when ZooKeeper restarts, and
// when it freezes. A given Mesos has a ZooKeeper of its operator: this runs on the local one only.
import { expect } from 'chai'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Cluster } from '../support/cluster.ts'
import { givenMesos } from '../support/given-mesos.ts'
import { TestZooKeeper, installMs } from '../support/zookeeper.ts'

if (givenMesos() === undefined) {
  describe('masters found through ZooKeeper', function () {
    this.timeout(180_000)
    let zooKeeper: TestZooKeeper
    let cluster: Cluster
    before(async function () {
      this.timeout(installMs)
      zooKeeper = await TestZooKeeper.start()
      const place = `${zooKeeper.address}/clusters/mesos`
      cluster = await Cluster.start({
        mesos: { standbyMasters: 1, zookeeper: `zk://${place}`, electionTimeoutMs: 8000 },
        env: { JUICE_MESOS_MASTER: `zk://juice:topsecret@${place}` },
      })
    })
    after(async () => {
      await cluster[Symbol.asyncDispose]()
      await zooKeeper[Symbol.asyncDispose]()
    })

    it('a running task survives whatever happens to the leader and to ZooKeeper; nothing runs twice', async () => {
      const shared = join(cluster.dir, 'shared')
      await mkdir(shared)
      const submit = (wait: boolean) =>
        cluster.submit({
          command: `echo run >> /shared/$TASK_ID; while ${wait} && ! test -e /shared/go; do sleep 0.1; done`,
          docker: {
            network: 'none',
            volumes: [{ hostPath: shared, containerPath: '/shared', readOnly: false }],
          },
        })
      const finished = async (id: number): Promise<void> => {
        expect(await cluster.ended(id)).to.include({ state: 'FINISHED', attempt: 1 })
      }
      const { mesos } = cluster
      const [first, second] = mesos.masters
      const long = await submit(true)
      await cluster.running(long.id)

      // the leader dies: ZooKeeper names it until its session has expired
      await mesos.stopMaster()
      expect(await mesos.waitForLeader()).to.equal(second)
      await finished((await submit(false)).id)

      // ZooKeeper restarts, while the subscription stands
      await mesos.startMaster()
      await zooKeeper.stop()
      await finished((await submit(false)).id)
      await zooKeeper.start()
      await cluster.logged('ZooKeeper answers again', 1)

      // ZooKeeper freezes
      zooKeeper.freeze()
      try {
        await finished((await submit(false)).id)
        await cluster.logged('ZooKeeper does not answer', 2)
      } finally {
        zooKeeper.thaw()
      }
      await cluster.logged('ZooKeeper answers again', 2)

      // after all that, the next leader is found still
      await mesos.stopMaster()
      expect(await mesos.waitForLeader()).to.equal(first)
      await finished((await submit(false)).id)

      expect(await cluster.get(long.id)).to.include({ state: 'RUNNING', attempt: 1 })
      await writeFile(join(shared, 'go'), '')
      await finished(long.id)
      const notes = (await readdir(shared)).filter(name => name !== 'go')
      expect(notes).to.have.length(5)
      for (const name of notes) expect(await readFile(join(shared, name), 'utf8')).to.equal('run\n')
      const log = await cluster.frameworkLog()
      expect(log).to.include(`zk://${zooKeeper.address}/clusters/mesos`).and.not.include('topsecret')
    })
  })
}
