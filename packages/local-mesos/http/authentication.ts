// Basic authentication as Mesos' own authenticator does it (S18). Pure.
import type { HttpRequest, HttpReply } from './server.ts'
import { text } from './server.ts'

export type Credentials = Readonly<Record<string, string>>

/**
 * The principal of a request; undefined where nobody is asked for one; else the 401. `realm` names what is guarded,
 * such as `mesos-master-scheduler`.
 */
export function authenticate(
  request: HttpRequest,
  credentials: Credentials | undefined,
  realm: string,
): { readonly principal: string | undefined } | HttpReply {
  if (credentials === undefined) return { principal: undefined }
  const [scheme, encoded = ''] = (request.headers.authorization ?? '').split(' ')
  const [principal = '', ...secret] = Buffer.from(encoded, 'base64').toString().split(':')
  const known = Object.hasOwn(credentials, principal) ? credentials[principal] : undefined
  if (scheme === 'Basic' && known !== undefined && known === secret.join(':')) return { principal }
  return text(401, '401 Unauthorized.', { 'WWW-Authenticate': `Basic realm="${realm}"` })
}
