// What `juice framework show` prints, for people and as JSON. Pure.
import { compareOrigins, shownCluster, shownDatabase } from '../domain/origin.ts'
import type { FrameworkDescription, Leader } from '../usecases/index.ts'

export function leaderText({ holder, address, since, until }: Leader): string {
  const at = address === '' ? '' : ` at ${address}`
  return `${holder}${at}, since ${since.toISOString()}, lease until ${until.toISOString()}`
}

export function showText(description: FrameworkDescription): string {
  const { name, names, framework, leader, tasks } = description
  const others = names.filter(other => other !== name)
  const rows: (readonly [string, string])[] = [['name', name]]
  if (framework) {
    const { frameworkId, origin, principal, user, savedAt } = framework
    const note = isCopy(description)
      ? ` (not this one, ${shownDatabase(description.database)}: it looks like a copy)`
      : ''
    rows.push(
      ['framework id', frameworkId],
      ['cluster', origin.cluster ? shownCluster(origin.cluster) : 'not known yet'],
      ['database', `${origin.database ? shownDatabase(origin.database) : 'not known'}${note}`],
      ['principal', principal ?? 'none'],
      ['user', user],
      ['since', savedAt.toISOString()],
    )
  } else rows.push(['framework id', 'none yet: the next leader registers'])
  rows.push(
    ['leader', leader ? leaderText(leader) : 'none'],
    ['tasks', `${tasks.live} live, ${tasks.waiting} waiting`],
  )
  if (others.length > 0) rows.push(['other names', others.join(', ')])
  return rows.map(([label, value]) => `${`${label}:`.padEnd(14)}${value}\n`).join('')
}

export function showJson(description: FrameworkDescription): string {
  const { name, names, framework, database, leader, tasks } = description
  const value = {
    name,
    frameworkId: framework?.frameworkId ?? null,
    cluster: framework?.origin.cluster ? shownCluster(framework.origin.cluster) : null,
    database: framework?.origin.database ?? null,
    databaseHere: database ?? null,
    copied: isCopy(description),
    principal: framework?.principal ?? null,
    user: framework?.user ?? null,
    since: framework?.savedAt ?? null,
    leader: leader ?? null,
    tasks,
    names,
  }
  return `${JSON.stringify(value, undefined, 2)}\n`
}

function isCopy({ framework, database }: FrameworkDescription): boolean {
  return compareOrigins(framework?.origin ?? {}, database ? { database } : {}).database === 'other'
}
