// Which names inside an archive may be written, and to whom what was written belongs. The rule that keeps everything inside:
// nothing is ever written through a link, and every link leads to a place inside.
import { chmod, lchown, lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { SandboxOwner } from '../sandbox.ts'
import { FetchError } from './errors.ts'

/** Path components of an archive's member; empty for the folder itself. @throws FetchError for one that leaves it. */
export function confinedPath(name: string): string[] {
  const shown = JSON.stringify(name)
  if (name.includes('\0')) throw new FetchError(`${shown} is no file name`)
  if (name.startsWith('/')) throw new FetchError(`${shown} is an absolute path`)
  const components = name.split('/').filter(component => component !== '' && component !== '.')
  if (components.includes('..')) throw new FetchError(`${shown} leads out of the sandbox`)
  if (components.some(component => Buffer.byteLength(component) > 255))
    throw new FetchError(`${shown} has a name that is too long`)
  return components
}

/**
 * A symbolic link may go up from its folder, not above the top, and then down. With every link like that none leads out,
 * whatever other links are on its way. @throws FetchError for any other target.
 */
export function confineLink(path: readonly string[], target: string): void {
  const shown = `link ${JSON.stringify(path.join('/'))} to ${JSON.stringify(target)}`
  if (target === '' || target.includes('\0') || target.startsWith('/'))
    throw new FetchError(`${shown} leads out of the sandbox`)
  const components = target.split('/').filter(component => component !== '' && component !== '.')
  const up = components.findIndex(component => component !== '..')
  const ups = up === -1 ? components.length : up
  if (ups > path.length - 1 || components.slice(ups).includes('..'))
    throw new FetchError(`${shown} leads out of the sandbox`)
}

/** Makes the folders on the way to a member, each a real one. @throws FetchError where a link or file is in the way. */
export async function makeFolders(
  root: string,
  path: readonly string[],
  owner: SandboxOwner,
): Promise<string> {
  let folder = root
  for (const component of path) {
    folder = join(folder, component)
    const found = await lstat(folder).catch(() => undefined)
    if (found?.isDirectory()) continue
    if (found)
      throw new FetchError(`${JSON.stringify(path.join('/'))} leads through something that is no folder`)
    await mkdir(folder, { mode: 0o700 })
    await giveTo(owner, folder, 0o755, 'folder')
  }
  return folder
}

/**
 * Hands a new file or folder to the task's user; special bits are dropped. In a container's sandbox everyone may write,
 * since the container's uid is unknown and nobody else gets there (sandbox.ts).
 */
export async function giveTo(
  owner: SandboxOwner,
  path: string,
  mode: number,
  kind: 'file' | 'folder',
): Promise<void> {
  const executable = kind === 'folder' || (mode & 0o111) !== 0
  if (owner.kind === 'user') {
    await chmod(path, (mode & 0o777) | (kind === 'folder' ? 0o700 : 0o600))
    await giveLinkTo(owner, path)
  } else await chmod(path, executable ? 0o777 : 0o666)
}

export async function giveLinkTo(owner: SandboxOwner, path: string): Promise<void> {
  if (owner.kind === 'user' && owner.uid !== process.getuid?.()) await lchown(path, owner.uid, owner.gid)
}
