// Credentials for a registry out of a Docker config.json, as the X-Registry-Auth header wants them. Reads that one file.
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { DockerError } from './errors.ts'

export interface RegistryAuth {
  /** Value of X-Registry-Auth; absent where the file has no credentials for the registry. */
  readonly header?: string
  /** To be added to the message if the pull fails: why there are none although the file speaks of some. */
  readonly hint?: string
}

/**
 * Credentials for `registry` from `file`, or from the user's own `~/.docker/config.json` where that exists.
 * @throws DockerError (auth) where a file that was named can't be read, or the file is wrong.
 */
export async function registryAuth(registry: string, file: string | undefined): Promise<RegistryAuth> {
  const path = file ?? join(homedir(), '.docker', 'config.json')
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (file === undefined) return {}
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new DockerError('auth', `registry credentials: ${path} can't be read (${code})`, { cause: error })
  }
  try {
    return authFromConfig(JSON.parse(text), registry)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new DockerError('auth', `registry credentials: ${path}: ${message}`, { cause: error })
  }
}

/** What a parsed config.json says for `registry`. @throws Error where its entry is malformed. */
export function authFromConfig(config: unknown, registry: string): RegistryAuth {
  const { auths, credHelpers, credsStore } = record(config)
  const entries = Object.entries(record(auths)).filter(([key]) => hostOf(key) === hostOf(registry))
  for (const [key, value] of entries) {
    const entry = record(value)
    const login = loginOf(key, entry)
    if (login) return { header: encode({ ...login, serveraddress: key }) }
  }
  const helper =
    Object.entries(record(credHelpers)).find(([key]) => hostOf(key) === hostOf(registry))?.[1] ?? credsStore
  if (typeof helper !== 'string' || helper === '') return {}
  const where = `the credential helper "${helper}", which the executor does not run`
  return { hint: `credentials for ${registry} would come from ${where}: put them into "auths"` }
}

function loginOf(key: string, entry: Readonly<Record<string, unknown>>): Record<string, string> | undefined {
  const { auth, username, password, identitytoken, registrytoken } = entry
  if (typeof identitytoken === 'string' && identitytoken !== '') return { identitytoken }
  if (typeof registrytoken === 'string' && registrytoken !== '') return { registrytoken }
  if (typeof username === 'string' && typeof password === 'string' && username !== '')
    return { username, password }
  if (typeof auth !== 'string' || auth === '') return undefined
  const decoded = Buffer.from(auth, 'base64').toString()
  const colon = decoded.indexOf(':')
  if (colon < 1) throw new Error(`auths["${key}"].auth is not the base64 of user:password`)
  // Docker's own files end in NUL bytes at times.
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, '') }
}

/** Keys are hosts or, from older days, URLs; Docker Hub has several names. */
function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
  return ['index.docker.io', 'registry-1.docker.io'].includes(host) ? 'docker.io' : host
}

function encode(login: Record<string, string>): string {
  // base64url with its padding, as the engine's own client sends it.
  return Buffer.from(JSON.stringify(login)).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value))
    throw new Error('not an object where one was expected')
  return value as Readonly<Record<string, unknown>>
}
