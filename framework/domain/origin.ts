// Where a framework id is at home: the Mesos cluster that assigned it, and the database that keeps it. Pure.
// A master takes any framework id it is told, one of another cluster's too, and a copied database looks like its original
// (S5, S16): so the store remembers both, and this says whether a start meets them again.

export interface Cluster {
  /** `host:port` of the masters, or of ZooKeeper, sorted, each once. */
  readonly hosts: readonly string[]
  /** Set where ZooKeeper tells the master. */
  readonly zkPath?: string
}

/** PostgreSQL's own words for a database: a promoted replica keeps them, a restored dump and a copy don't. */
export interface Database {
  /** Of the server's data folder; a number beyond 2^53. */
  readonly systemIdentifier: string
  readonly oid: number
}

/** What is not known is absent. */
export interface Origin {
  readonly cluster?: Cluster
  readonly database?: Database
}

/** What an operator said at the start. */
export interface Confirmation {
  /** `--yes` */
  readonly yes: boolean
  /** `--same-cluster` */
  readonly sameCluster: boolean
}

/** What an operator said about one problem, in the words in which it was told: it counts for no other one. */
export interface Confirmed {
  readonly said: Confirmation
  readonly problem: string
}

export const unconfirmed: Confirmation = { yes: false, sameCluster: false }

type Match = 'same' | 'other' | 'unknown'

export interface Comparison {
  readonly cluster: Match
  readonly database: Match
}

/**
 * `go_on`: nothing to do. `remember`: the id stays, and the present origin is kept with it. `forget`: another cluster, agreed
 * to: what was live there is lost, and the next subscription gets a new id. `refuse`: an operator has to say more.
 */
export type OriginDecision = 'go_on' | 'remember' | 'forget' | 'refuse'

const defaultPorts: ReadonlyMap<string, string> = new Map([
  ['http:', '80'],
  ['https:', '443'],
])

/** The cluster that a configuration names, as `JUICE_MESOS_MASTER` gives it; credentials are left out. */
export function clusterOf(masters: readonly string[]): Cluster {
  const hosts = new Set<string>()
  let zkPath: string | undefined
  for (const master of masters) {
    // Whatever a password holds, nothing before the last @ is kept.
    const zk = /^zk:\/\/(?:.*@)?([^/@]*)(\/[^@]*)?$/.exec(master)
    if (zk) {
      const path = (zk[2] ?? '').replaceAll(/\/+/g, '/').replace(/\/$/, '')
      zkPath = path === '' ? '/' : path
      for (const host of (zk[1] ?? '').split(',')) hosts.add(withPort(host.trim().toLowerCase(), '2181'))
    } else {
      const { protocol, host } = new URL(master)
      hosts.add(withPort(host, defaultPorts.get(protocol) ?? ''))
    }
  }
  return { hosts: [...hosts].toSorted(), ...(zkPath === undefined ? {} : { zkPath }) }
}

function withPort(host: string, port: string): string {
  return /:\d+$/.test(host) ? host : `${host}:${port}`
}

/** Lists that share a host are one cluster, since masters come and go: `a,b` becomes `b,c`, and later `c,d`. */
export function compareOrigins(remembered: Origin, present: Origin): Comparison {
  return {
    cluster: match(remembered.cluster, present.cluster, sameCluster),
    database: match(
      remembered.database,
      present.database,
      (a, b) => a.systemIdentifier === b.systemIdentifier && a.oid === b.oid,
    ),
  }
}

/** What becomes of a start with this origin. */
export function decideOrigin(remembered: Origin, present: Origin, said: Confirmation): OriginDecision {
  const { cluster, database } = compareOrigins(remembered, present)
  if (cluster === 'other' && !said.sameCluster) return said.yes ? 'forget' : 'refuse'
  if (database === 'other' && !said.yes) return 'refuse'
  return isNews(remembered, present) ? 'remember' : 'go_on'
}

/** What becomes of a start under a name that has no id, where the store has `live` attempts: its new id would not know them. */
export function decideNewName(live: number, said: Confirmation): OriginDecision {
  if (live === 0) return 'go_on'
  return said.yes ? 'forget' : 'refuse'
}

/** Why that was refused. `names`: those that have an id. Says the same for as long as they stay the same. */
export function newNameProblem(name: string, names: readonly string[]): string {
  const kept = names.map(other => `"${other}"`).join(', ')
  const back = kept === '' ? '' : `Set JUICE_FRAMEWORK_NAME back (ids are kept under: ${kept}). `
  return (
    `no framework id is kept under "${name}", and attempts are live. Mesos would not know them by a new id, so they would be ` +
    `judged lost and run a second time. ${back}To give them up, start once with --yes: they end as lost, and their tasks ` +
    `wait again.`
  )
}

/** Why a start was refused although that was said, what would happen, and what to do, for the operator. */
export function originProblem(
  framework: Framework,
  remembered: Origin,
  present: Origin,
  said: Confirmation,
): string {
  const { cluster, database } = compareOrigins(remembered, present)
  const { name, frameworkId } = framework
  if (cluster === 'other' && !said.sameCluster) {
    const copied =
      ` The database looks like a copy, too (${shownDatabase(remembered.database)}; this one is ` +
      `${shownDatabase(present.database)}): where its original is still used, all that runs or waits there would then ` +
      `run here as well.`
    return (
      `framework "${name}" (${frameworkId}) was registered with the Mesos cluster at ${shownCluster(remembered.cluster)}, ` +
      `and this start is for the one at ${shownCluster(present.cluster)}. That would take the id for its own, and the tasks ` +
      `that are live at the other would be judged lost and run a second time. Point JUICE_MESOS_MASTER back; or, if it is ` +
      `the same cluster by other addresses, start once with --same-cluster; or, to move this store to the other cluster, ` +
      `start once with --yes: live attempts then end as lost, their tasks wait again, and the framework gets a new id.` +
      (database === 'other' ? copied : '')
    )
  }
  // Without the second word the first would mean a move to another cluster.
  const flags = said.sameCluster ? '--yes --same-cluster' : '--yes'
  return (
    `framework "${name}" (${frameworkId}) was saved in another database (${shownDatabase(remembered.database)}; this one is ` +
    `${shownDatabase(present.database)}): this looks like a copy. Started beside its original, the two would take the ` +
    `subscription and the tasks from each other. If the original is no longer used (a restore, a new server), start once ` +
    `with ${flags}: the framework keeps its id. If it is, point JUICE_DATABASE_URL back, or make the copy a framework of its ` +
    `own with: juice framework reset --yes`
  )
}

interface Framework {
  readonly name: string
  readonly frameworkId: string
}

/** As JUICE_MESOS_MASTER would say it, without credentials. */
export function shownCluster(cluster: Cluster | undefined): string {
  if (!cluster) return 'an unknown address'
  const hosts = cluster.hosts.join(',')
  return cluster.zkPath === undefined ? hosts : `zk://${hosts}${cluster.zkPath}`
}

export function shownDatabase(database: Database | undefined): string {
  return database ? `system ${database.systemIdentifier}, database ${database.oid}` : 'unknown'
}

function match<T>(a: T | undefined, b: T | undefined, same: (a: T, b: T) => boolean): Match {
  if (a === undefined || b === undefined) return 'unknown'
  return same(a, b) ? 'same' : 'other'
}

function sameCluster(a: Cluster, b: Cluster): boolean {
  const others = new Set(b.hosts.map(plainLoopback))
  return a.zkPath === b.zkPath && a.hosts.some(host => others.has(plainLoopback(host)))
}

/** This machine has three names for itself. */
function plainLoopback(host: string): string {
  return host.replace(/^(localhost|\[::1\])(?=:\d+$)/, '127.0.0.1')
}

/** Does the present origin say something that is not remembered yet? */
function isNews(remembered: Origin, { cluster, database }: Origin): boolean {
  const known = remembered.cluster
  const clusterKnown =
    !cluster || (known?.zkPath === cluster.zkPath && known?.hosts.join() === cluster.hosts.join())
  const { database: before } = remembered
  const databaseKnown =
    !database || (before?.systemIdentifier === database.systemIdentifier && before.oid === database.oid)
  return !clusterKnown || !databaseKnown
}
