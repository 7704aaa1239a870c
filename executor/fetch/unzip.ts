// Extracts a zip by the agent's `unzip`, as the task's user, into a folder of its own; only what passes the check gets from
// there into the sandbox, which must be closed to other tasks meanwhile (sandbox.ts).
import { execFile } from 'node:child_process'
import { chmod, lstat, mkdtemp, readdir, readlink, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { reasonOf } from '../logger.ts'
import type { SandboxOwner } from '../sandbox.ts'
import { confinedPath, confineLink, giveLinkTo, giveTo } from './confine.ts'
import { FetchError } from './errors.ts'
import type { ExtractOptions } from './untar.ts'

const run = promisify(execFile)
const listingBytes = 64 * 1024 * 1024
/** For a container, whose uid nobody knows: as nobody, so that no parser of strange bytes runs as root. */
const nobody = { uid: 65534, gid: 65534 }

/** `env` is what `unzip` is started with. @throws FetchError as untar does, and where the agent has no `unzip`. */
export async function unzip(o: ExtractOptions & { readonly env: NodeJS.ProcessEnv }): Promise<void> {
  const tool = (args: readonly string[]): Promise<{ stdout: string }> =>
    run('unzip', args, {
      cwd: o.into,
      env: o.env,
      signal: o.signal,
      maxBuffer: listingBytes,
      ...(process.getuid?.() === 0 ? idsOf(o.owner) : {}),
    })
  // Relative: as another user the folders above are closed.
  const archive = `./${basename(o.archive)}`
  await chmod(o.archive, 0o644)
  const fresh = await mkdtemp(join(o.into, '.juice-unzip-'))
  try {
    const { stdout } = await tool(['-Z1', archive])
    for (const name of stdout.split('\n')) confinedPath(name)
    const totals = /, (\d+) bytes uncompressed/.exec((await tool(['-Zt', archive])).stdout)
    if (Number(totals?.[1] ?? 0) > o.maxBytes)
      throw new FetchError(`it holds more than the ${o.maxBytes} bytes that are allowed`)
    await chmod(fresh, 0o777)
    await tool(['-qq', '-o', archive, '-d', `./${basename(fresh)}`])
    await check(fresh, [], o.owner)
    for (const name of await readdir(fresh)) await move(join(fresh, name), join(o.into, name))
  } catch (error) {
    o.signal.throwIfAborted()
    throw explain(error)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

function idsOf(owner: SandboxOwner): { uid: number; gid: number } {
  return owner.kind === 'user' ? { uid: owner.uid, gid: owner.gid } : nobody
}

function explain(error: unknown): FetchError {
  if (error instanceof FetchError) return error
  const { code, stderr } = error as { readonly code?: unknown; readonly stderr?: string }
  if (code === 'ENOENT') return new FetchError('this agent has no `unzip`')
  return new FetchError(stderr?.trim() || reasonOf(error))
}

/** Everything below is a file, a folder, or a link that stays inside; and is handed to the task's user. */
async function check(root: string, at: readonly string[], owner: SandboxOwner): Promise<void> {
  for (const name of await readdir(join(root, ...at))) {
    const components = [...at, name]
    const path = join(root, ...components)
    const found = await lstat(path)
    if (found.isSymbolicLink()) {
      confineLink(components, await readlink(path))
      await giveLinkTo(owner, path)
    } else if (found.isDirectory()) {
      await check(root, components, owner)
      await giveTo(owner, path, found.mode, 'folder')
    } else if (found.isFile()) await giveTo(owner, path, found.mode, 'file')
    else
      throw new FetchError(`${JSON.stringify(components.join('/'))} is neither a file, a folder nor a link`)
  }
}

async function move(from: string, to: string): Promise<void> {
  const found = await lstat(to).catch(() => undefined)
  if (found) throw new FetchError(`${JSON.stringify(basename(to))} is there already`)
  await rename(from, to)
}
