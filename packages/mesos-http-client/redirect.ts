// Following the leading master: 307 with a Location that has no scheme and another path (S8). Bounded, since for some
// seconds after a take-over a master can point at the dead leader, or two at each other.
//
// Who asks a master sends its credential to the place that it is redirected to, although that is another host: the leader
// authenticates like every master, and a redirect to it is the only way to learn where it is. Whoever can answer in a
// master's place has got the credential anyway, by the first request. What it must never do is leave TLS: the credential,
// Basic and as good as plain text, would be read on the way.
import type { IncomingMessage } from 'node:http'
import { MesosError } from './errors.ts'

const MAX_HOPS = 5
const redirects: ReadonlySet<number | undefined> = new Set([301, 302, 307, 308])

/**
 * Where an answer points to; undefined if it is no redirect.
 * @throws MesosError `redirect_loop` for a Location that is none, or that would leave TLS
 */
function redirectTarget(from: URL, answer: IncomingMessage): URL | undefined {
  const { location } = answer.headers
  if (!redirects.has(answer.statusCode) || location === undefined) return undefined
  const target = URL.parse(location, from.href)
  if (target === null || !/^https?:$/.test(target.protocol)) {
    throw new MesosError('redirect_loop', `${from.href} redirects to nowhere: ${location}`)
  }
  if (from.protocol === 'https:' && target.protocol !== 'https:') {
    throw new MesosError('redirect_loop', `${from.href} redirects out of TLS: ${location}`)
  }
  return target
}

/**
 * Asks `url`, and on as long as the answers redirect.
 * @returns the first answer that is no redirect, and where it came from
 * @throws MesosError `redirect_loop` after 5 hops or at a place that was asked before; whatever `ask` throws
 */
export async function followRedirects(
  url: URL,
  ask: (url: URL) => Promise<IncomingMessage>,
): Promise<{ url: URL; answer: IncomingMessage }> {
  const seen = new Set<string>()
  let at = url
  for (;;) {
    seen.add(at.href)
    const answer = await asked(url, at, ask)
    const target = redirectTarget(at, answer)
    if (target === undefined) return { url: at, answer }
    // its body is of no use, but the connection may be
    answer.resume()
    if (seen.has(target.href) || seen.size > MAX_HOPS) {
      throw new MesosError('redirect_loop', `redirected ${seen.size} times, at last to ${target.href}`)
    }
    at = target
  }
}

/** A leader's name may mean nothing here, or be that of a dead one (S8): the error says who sent us there. */
async function asked(
  from: URL,
  at: URL,
  ask: (url: URL) => Promise<IncomingMessage>,
): Promise<IncomingMessage> {
  try {
    return await ask(at)
  } catch (error) {
    if (at === from || !(error instanceof MesosError)) throw error
    throw new MesosError(error.code, `${error.message} (${from.origin} redirects there)`, { cause: error })
  }
}
