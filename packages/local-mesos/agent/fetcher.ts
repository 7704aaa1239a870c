// Brings an executor's URIs into its sandbox: http(s) and files, extraction by the ending, executable bit, cache.
// What a fetch says goes to the sandbox' stderr, as with Mesos' own fetcher; a failing one fails the launch.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { appendFile, chmod, copyFile, mkdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, normalize } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { CommandInfoURI } from 'mesos-http-client'
import { errorText } from '../core/log.ts'

const run = promisify(execFile)

/** Endings that are unpacked, and how; the archive stays beside what was in it. */
const archives: readonly (readonly [RegExp, (file: string, directory: string) => [string, string[]]])[] = [
  [
    /\.(tar|tgz|tar\.gz|tbz2|tar\.bz2|txz|tar\.xz)$/,
    (file, directory) => ['tar', ['-C', directory, '-xf', file]],
  ],
  [/\.zip$/, (file, directory) => ['unzip', ['-o', '-d', directory, file]]],
]

export class Fetcher {
  readonly #cacheDirectory: string
  /** One download per URI at a time; the others wait for it. */
  readonly #underway = new Map<string, Promise<string>>()

  constructor(cacheDirectory: string) {
    this.#cacheDirectory = cacheDirectory
  }

  /** Fetches all, in parallel. Throws at the first that fails. */
  async fetch(uris: readonly CommandInfoURI[], directory: string, signal: AbortSignal): Promise<void> {
    await Promise.all(uris.map(uri => this.#one(uri, directory, signal)))
  }

  async #one(uri: CommandInfoURI, directory: string, signal: AbortSignal): Promise<void> {
    const say = (line: string): Promise<void> => appendFile(join(directory, 'stderr'), `${line}\n`)
    try {
      const name = outputName(uri)
      const target = join(directory, name)
      await mkdir(dirname(target), { recursive: true })
      await say(`Fetching URI '${uri.value}'`)
      const unpack = archives.find(([ending]) => ending.test(name))
      const extract = uri.executable !== true && uri.extract !== false && unpack !== undefined
      let source = target
      if (uri.cache === true) source = await this.#cached(uri.value, name, signal)
      else await download(uri.value, target, signal)
      if (extract) {
        const [program, args] = unpack[1](source, directory)
        await run(program, args, { signal })
        await say(`Extracted '${source}' into '${directory}'`)
      } else if (source !== target) {
        await copyFile(source, target)
      }
      if (uri.executable === true) await chmod(target, 0o755)
      await say(`Fetched '${uri.value}' to '${target}'`)
    } catch (error) {
      await say(`Failed to fetch '${uri.value}': ${errorText(error)}`).catch(() => undefined)
      throw error
    }
  }

  #cached(uri: string, name: string, signal: AbortSignal): Promise<string> {
    const folder = createHash('sha256').update(uri).digest('hex')
    const file = join(this.#cacheDirectory, folder, basename(name))
    const underway = this.#underway.get(file)
    if (underway !== undefined) return underway
    const done = this.#fill(uri, file, signal).finally(() => this.#underway.delete(file))
    this.#underway.set(file, done)
    return done
  }

  async #fill(uri: string, file: string, signal: AbortSignal): Promise<string> {
    const present = await stat(file).catch(() => undefined)
    if (present !== undefined) return file
    await mkdir(dirname(file), { recursive: true })
    // Mesos asks for the size first, to make room in its cache.
    if (isHttp(uri)) await (await fetch(uri, { method: 'HEAD', signal })).body?.cancel()
    await download(uri, `${file}.part`, signal)
    await rename(`${file}.part`, file)
    return file
  }
}

/** The file's name in the sandbox; may not lead out of it. */
function outputName(uri: CommandInfoURI): string {
  if (uri.output_file !== undefined && uri.output_file !== '') {
    const name = normalize(uri.output_file)
    if (isAbsolute(name) || name.startsWith('..')) throw new Error(`output file '${name}' leaves the sandbox`)
    return name
  }
  const path = /^[a-z][a-z0-9+.-]*:\/\//i.test(uri.value) ? new URL(uri.value).pathname : uri.value
  const name = basename(decodeURIComponent(path))
  if (name === '') throw new Error('the URI names no file')
  return name
}

function isHttp(uri: string): boolean {
  return /^https?:\/\//i.test(uri)
}

async function download(uri: string, target: string, signal: AbortSignal): Promise<void> {
  if (isHttp(uri)) {
    const response = await fetch(uri, { signal })
    if (!response.ok || response.body === null) {
      await response.body?.cancel()
      throw new Error(`the server answered ${response.status}`)
    }
    await pipeline(Readable.fromWeb(response.body), createWriteStream(target), { signal })
    return
  }
  const path = uri.startsWith('file://') ? fileURLToPath(uri) : uri
  if (!isAbsolute(path)) throw new Error('unknown scheme')
  await rm(target, { force: true })
  await copyFile(path, target)
}
