// Tokens of executors, as an agent with `--authenticate_http_executors` gives and asks for them (E4): a JSON web token,
// signed by HMAC-SHA256, that says whose it is. Pure but for the secret, which outlives the agent's restarts.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { HttpReply, HttpRequest } from './server.ts'
import { text } from './server.ts'

/** Framework, executor and container. */
export interface ExecutorClaims {
  readonly fid: string
  readonly eid: string
  readonly cid: string
}

const realm = 'Bearer realm="mesos-agent-executor"'

export class ExecutorTokens {
  readonly #secret: Buffer

  constructor(secret: Buffer = randomBytes(32)) {
    this.#secret = secret
  }

  issue({ fid, eid, cid }: ExecutorClaims): string {
    const said = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ cid, eid, fid })}`
    return `${said}.${this.#sign(said)}`
  }

  /** Whose token a request shows, or the 401. */
  authenticate(request: HttpRequest): { readonly claims: Readonly<Record<string, unknown>> } | HttpReply {
    const { authorization } = request.headers
    if (authorization === undefined) return unauthorized(realm)
    const parts = authorization.split(' ')
    const [scheme, token = ''] = parts
    if (parts.length !== 2) return invalid("Malformed 'Authorization' header")
    if (scheme !== 'Bearer') return invalid(`Scheme '${scheme}' unsupported`)
    const claims = this.#claims(token)
    if (typeof claims === 'string') return invalid(`Invalid JWT: ${claims}`)
    return { claims }
  }

  #claims(token: string): Readonly<Record<string, unknown>> | string {
    const components = token.split('.')
    const [header, payload = '', signature = ''] = components
    if (components.length !== 3) return `Expected 3 components in token, got ${components.length}`
    const expected = Buffer.from(this.#sign(`${header}.${payload}`))
    const shown = Buffer.from(signature)
    if (shown.length !== expected.length || !timingSafeEqual(shown, expected))
      return 'Token signature does not match'
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
    return typeof claims === 'object' && claims !== null ? { ...claims } : {}
  }

  #sign(said: string): string {
    return createHmac('sha256', this.#secret).update(said).digest('base64url')
  }
}

/** Why the claims don't fit the executor that a call speaks for: the text of the 403. */
export function claimsError(
  claims: Readonly<Record<string, unknown>>,
  { fid, eid, cid }: ExecutorClaims,
): string | undefined {
  const who = `Authenticated principal '${JSON.stringify({ claims })}' does not contain`
  if (claims['fid'] !== fid)
    return `${who} an 'fid' claim with the framework ID ${fid}, which is set in the call`
  if (claims['eid'] !== eid)
    return `${who} an 'eid' claim with the executor ID ${eid}, which is set in the call`
  if (claims['cid'] !== cid) return `${who} a 'cid' claim with the correct active ContainerID`
  return undefined
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

function invalid(description: string): HttpReply {
  return unauthorized(`${realm}, error="invalid_token", error_description="${description}"`)
}

function unauthorized(challenge: string): HttpReply {
  return text(401, '401 Unauthorized.', { 'WWW-Authenticate': challenge })
}
