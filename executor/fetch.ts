// A task's URIs: downloaded into its sandbox before its start, checked, extracted, handed to its user. The sandbox must be
// closed to other tasks meanwhile (sandbox.ts).
import { lstat, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Uri } from '../proto/payload.ts'
import { confinedPath, giveTo } from './fetch/confine.ts'
import { download } from './fetch/download.ts'
import { FetchError } from './fetch/errors.ts'
import { untar } from './fetch/untar.ts'
import { unzip } from './fetch/unzip.ts'
import { reasonOf } from './logger.ts'
import type { SandboxOwner } from './sandbox.ts'

export { FetchError } from './fetch/errors.ts'

export interface FetchLimits {
  /** Each download, and the content of each archive. */
  readonly maxBytes: number
  readonly idleMs: number
  /** All URIs of a task together. */
  readonly totalMs: number
}

export const defaultFetchLimits: FetchLimits = { maxBytes: 10 * 2 ** 30, idleMs: 60_000, totalMs: 1_800_000 }

export interface FetchOptions {
  readonly uris: readonly Uri[]
  readonly sandboxDir: string
  readonly owner: SandboxOwner
  readonly limits: FetchLimits
  /** For the programs that are started. */
  readonly env: NodeJS.ProcessEnv
  /** Aborted when the task is killed; then its reason is thrown. */
  readonly signal: AbortSignal
}

/** Fetches one after another, in their order. @throws FetchError with a sentence that names the URI. */
export async function fetchUris(o: FetchOptions): Promise<void> {
  const timeout = AbortSignal.timeout(o.limits.totalMs)
  const signal = AbortSignal.any([o.signal, timeout])
  for (const [index, uri] of o.uris.entries()) {
    try {
      await fetchUri(uri, index, { ...o, signal })
    } catch (error) {
      o.signal.throwIfAborted()
      const why = timeout.aborted
        ? `all URIs together took longer than ${o.limits.totalMs / 1000} s`
        : reasonOf(error)
      throw new FetchError(`Could not fetch ${withoutSecrets(uri.value ?? '')}: ${why}`)
    }
  }
}

async function fetchUri(uri: Uri, index: number, o: FetchOptions): Promise<void> {
  const { sandboxDir, owner, signal, env, limits } = o
  const name = fileName(uri.value ?? '')
  const file = join(sandboxDir, `.juice-fetch-${index}`)
  try {
    const { maxBytes, idleMs } = limits
    const sha256 = await download({ url: uri.value ?? '', file, maxBytes, idleMs, signal })
    if (uri.sha256 && uri.sha256.toLowerCase() !== sha256)
      throw new FetchError(`its sha256 is ${sha256}, not ${uri.sha256.toLowerCase()}`)
    const extract = uri.extract && !uri.executable ? extractorOf(name) : undefined
    if (extract) {
      await extract({ archive: file, into: sandboxDir, owner, maxBytes, signal, env })
      return
    }
    const path = join(sandboxDir, name)
    if (await lstat(path).catch(() => undefined)) throw new FetchError(`${name} is there already`)
    await giveTo(owner, file, uri.executable ? 0o755 : 0o644, 'file')
    await rename(file, path)
  } finally {
    await rm(file, { force: true })
  }
}

type Extractor = (o: Parameters<typeof unzip>[0]) => Promise<void>

/** By the name's ending, as Mesos' own fetcher does; a file with another ending is left as it is. */
function extractorOf(name: string): Extractor | undefined {
  if (/\.(tar\.gz|tgz)$/i.test(name)) return o => untar({ ...o, gzipped: true })
  if (/\.tar$/i.test(name)) return o => untar({ ...o, gzipped: false })
  return /\.zip$/i.test(name) ? unzip : undefined
}

/** The last part of the URL's path. */
function fileName(uri: string): string {
  const url = URL.parse(uri)
  if (!url) throw new FetchError('it is no URL')
  const encoded = url.pathname.split('/').at(-1) ?? ''
  let name = encoded
  try {
    name = decodeURIComponent(encoded)
  } catch {
    // Not percent-encoded: the name it has is as good.
  }
  const components = confinedPath(name)
  if (components.length !== 1 || name.includes('/')) throw new FetchError('its path ends without a file name')
  return name
}

/** Credentials in a URI are the task's, and the message of an update is for everyone. */
function withoutSecrets(uri: string): string {
  const url = URL.parse(uri)
  if (!url) return JSON.stringify(uri)
  url.username = ''
  url.password = ''
  url.search = url.search ? '?…' : ''
  return url.href
}
