// Which configurations name the same cluster, which databases are copies, and what a start does about it.
import { expect } from 'chai'
import fc from 'fast-check'
import {
  type Cluster,
  clusterOf,
  type Confirmation,
  decideOrigin,
  newNameProblem,
  type Origin,
  type OriginDecision,
  originProblem,
  shownCluster,
  unconfirmed,
} from './origin.ts'

describe('the cluster that a configuration names', () => {
  const table: readonly (readonly [readonly string[], Cluster])[] = [
    [['http://m2:5050', 'http://m1:5050'], { hosts: ['m1:5050', 'm2:5050'] }],
    [['http://M1:5050', 'http://m1:5050'], { hosts: ['m1:5050'] }],
    [['http://m1', 'https://m2'], { hosts: ['m1:80', 'm2:443'] }],
    [['http://[::1]:5050'], { hosts: ['[::1]:5050'] }],
    [['zk://b:2181,a:2182/mesos'], { hosts: ['a:2182', 'b:2181'], zkPath: '/mesos' }],
    [['zk://a,B/mesos/'], { hosts: ['a:2181', 'b:2181'], zkPath: '/mesos' }],
    [['zk://a:2181'], { hosts: ['a:2181'], zkPath: '/' }],
    [['zk://user:pass@a:2181/x//y'], { hosts: ['a:2181'], zkPath: '/x/y' }],
    [
      ['zk://juice:p@ss@localhost:2181, [::1]:2182,127.0.0.2/clusters/one'],
      { hosts: ['127.0.0.2:2181', '[::1]:2182', 'localhost:2181'], zkPath: '/clusters/one' },
    ],
    [['zk://user:p@s/s,w@a:2181,b:2181/mesos'], { hosts: ['a:2181', 'b:2181'], zkPath: '/mesos' }],
  ]
  for (const [masters, cluster] of table) {
    it(`is known by ${masters.join(',')}`, () => expect(clusterOf(masters)).to.deep.equal(cluster))
  }

  it('never holds credentials', () => {
    const password = fc.string({ minLength: 1 }).map(text => `hush${text}`)
    fc.assert(
      fc.property(password, secret => {
        expect(JSON.stringify(clusterOf([`zk://user:${secret}@a:2181/mesos`]))).to.not.contain('hush')
      }),
    )
  })

  it('is shown as it is configured', () => {
    expect(shownCluster(clusterOf(['http://b:1', 'http://a:1']))).to.equal('a:1,b:1')
    expect(shownCluster(clusterOf(['zk://u:p@b,a/mesos']))).to.equal('zk://a:2181,b:2181/mesos')
  })
})

describe('a start with a store that remembers where its framework is at home (S5, S16)', () => {
  const database = { systemIdentifier: '7000000000000000001', oid: 16384 }
  const ab: Origin = { cluster: { hosts: ['a:1', 'b:1'] }, database }
  const yes: Confirmation = { yes: true, sameCluster: false }
  const same: Confirmation = { yes: false, sameCluster: true }
  const both: Confirmation = { yes: true, sameCluster: true }
  const elsewhere: Origin = { ...ab, cluster: { hosts: ['c:1'] } }
  const zookeeper: Origin = { ...ab, cluster: { hosts: ['a:1'], zkPath: '/mesos' } }
  const copy: Origin = { ...ab, database: { ...database, oid: 16385 } }
  const restored: Origin = { ...ab, database: { ...database, systemIdentifier: '7000000000000000002' } }
  const local = (host: string): Origin => ({ database, cluster: { hosts: [host] } })
  const elsewhereCopy: Origin = { ...elsewhere, database: copy.database ?? database }

  const table: readonly (readonly [string, Origin, Origin, Confirmation, OriginDecision])[] = [
    ['the same', ab, ab, unconfirmed, 'go_on'],
    ['a master more', ab, { ...ab, cluster: { hosts: ['b:1', 'c:1'] } }, unconfirmed, 'remember'],
    ['nothing known yet', {}, ab, unconfirmed, 'remember'],
    ['the database does not tell', ab, { cluster: { hosts: ['a:1', 'b:1'] } }, unconfirmed, 'go_on'],
    ['another cluster', ab, elsewhere, unconfirmed, 'refuse'],
    ['another cluster', ab, elsewhere, yes, 'forget'],
    ['another cluster', ab, elsewhere, same, 'remember'],
    ['another cluster', ab, elsewhere, both, 'remember'],
    ['another way to find the master', ab, zookeeper, unconfirmed, 'refuse'],
    ['another way to find the master', ab, zookeeper, same, 'remember'],
    ['another word for this machine', local('localhost:1'), local('127.0.0.1:1'), unconfirmed, 'remember'],
    ['another word for this machine', local('127.0.0.1:1'), local('[::1]:1'), unconfirmed, 'remember'],
    ['another port of this machine', local('localhost:1'), local('127.0.0.1:2'), unconfirmed, 'refuse'],
    ['another loopback address', local('localhost:1'), local('127.0.0.2:1'), unconfirmed, 'refuse'],
    ['another path', zookeeper, { ...ab, cluster: { hosts: ['a:1'], zkPath: '/x' } }, unconfirmed, 'refuse'],
    ['a copy', ab, copy, unconfirmed, 'refuse'],
    ['a copy', ab, copy, yes, 'remember'],
    ['a copy', ab, copy, same, 'refuse'],
    ['a restored dump', ab, restored, unconfirmed, 'refuse'],
    ['another cluster and a copy', ab, elsewhereCopy, unconfirmed, 'refuse'],
    ['another cluster and a copy', ab, elsewhereCopy, yes, 'forget'],
    ['another cluster and a copy', ab, elsewhereCopy, same, 'refuse'],
    ['another cluster and a copy', ab, elsewhereCopy, both, 'remember'],
  ]
  for (const [title, remembered, present, said, decision] of table) {
    const flags = [said.yes ? '--yes' : '', said.sameCluster ? '--same-cluster' : ''].join(' ').trim()
    it(`${title}${flags === '' ? '' : ` with ${flags}`}: ${decision}`, () => {
      expect(decideOrigin(remembered, present, said)).to.equal(decision)
    })
  }

  it('says what is remembered, what was asked for, and what to do', () => {
    const framework = { name: 'juice', frameworkId: 'f-1' }
    const moved = originProblem(framework, ab, elsewhereCopy, unconfirmed)
    for (const part of ['a:1,b:1', 'c:1', 'f-1', 'JUICE_MESOS_MASTER', '--yes', '--same-cluster'])
      expect(moved).to.contain(part)
    const copied = originProblem(framework, ab, copy, unconfirmed)
    for (const part of ['16384', '16385', 'JUICE_DATABASE_URL', '--yes', 'juice framework reset'])
      expect(copied).to.contain(part)
  })

  it('says under which names an id is kept where it was to begin under another one', () => {
    expect(newNameProblem('new', ['a', 'b'])).to.contain(
      'Set JUICE_FRAMEWORK_NAME back (ids are kept under: "a", "b"). To',
    )
    expect(newNameProblem('new', [])).to.contain('a second time. To give them up, start once with --yes')
  })

  it('goes on to the next problem where one was confirmed, and does not give up what that has saved', () => {
    const framework = { name: 'juice', frameworkId: 'f-1' }
    const next = originProblem(framework, ab, elsewhereCopy, same)
    expect(next).to.contain('this looks like a copy').and.to.contain('--yes --same-cluster')
  })

  it('says of a copy that would move to another cluster that its original goes on', () => {
    const framework = { name: 'juice', frameworkId: 'f-1' }
    expect(originProblem(framework, ab, elsewhereCopy, unconfirmed)).to.match(
      /copy.*16384.*16385.*run here as well/,
    )
    expect(originProblem(framework, ab, elsewhere, unconfirmed)).not.to.contain('copy')
  })
})
