// A task's folders on the agent: `tasks/<mesos task id>/` is the executor's (stdout, stderr), `sandbox/` in it is the
// task's. What a task wrote is never trusted: no link is followed, no special file opened, no size believed.
//
// The outer folder is closed (0700) while the executor works in the sandbox itself, before the task's start and after
// its end: command tasks share a user, and another task of that user must not be able to swap folders for links under
// the hands of an executor that is root. It is open (0711) only while a command task runs. For a container it stays
// closed, which is why `sandbox/` can then be writable for everyone: only root and the container, whose uid nobody
// knows beforehand (the image decides), reach it at all.
import { constants } from 'node:fs'
import { chmod, chown, mkdir, open, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { reasonOf } from './logger.ts'

const maxResultBytes = 64 * 1024

/** Who works in the sandbox: a user of this machine, or a container with any uid. */
export type SandboxOwner =
  { readonly kind: 'user'; readonly uid: number; readonly gid: number } | { readonly kind: 'container' }

export interface TaskResult {
  /** Valid JSON. */
  readonly json?: string
  /** Why a result.json that was there could not be taken. */
  readonly error?: string
}

export function taskFolder(root: string, mesosTaskId: string): string {
  return join(root, mesosTaskId)
}

/** The id becomes a folder and a container name (S46, E41): anything else than a plain name is refused. */
export function isPlainName(id: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(id) && id.length <= 255
}

export class TaskFolder {
  /** `tasks/<mesos task id>` */
  readonly dir: string
  readonly sandboxDir: string
  readonly owner: SandboxOwner

  /** Makes the folders, closed. Throws where they exist: an id is never used twice. */
  static async create(root: string, mesosTaskId: string, owner: SandboxOwner): Promise<TaskFolder> {
    await mkdir(root, { recursive: true, mode: 0o711 })
    const folder = new TaskFolder(taskFolder(root, mesosTaskId), owner)
    await mkdir(folder.dir, { mode: 0o700 })
    await mkdir(folder.sandboxDir, { mode: 0o700 })
    // mkdir's mode is cut by the umask.
    if (owner.kind === 'container') await chmod(folder.sandboxDir, 0o777)
    else if (owner.uid !== process.getuid?.()) await chown(folder.sandboxDir, owner.uid, owner.gid)
    return folder
  }

  private constructor(dir: string, owner: SandboxOwner) {
    this.dir = dir
    this.sandboxDir = join(dir, 'sandbox')
    this.owner = owner
  }

  /** Lets the task's user reach its sandbox by its path. */
  async open(): Promise<void> {
    if (this.owner.kind === 'user') await chmod(this.dir, 0o711)
  }

  async close(): Promise<void> {
    await chmod(this.dir, 0o700)
  }

  /** `result.json`, at most 64 KB. Nothing there is no error. Never throws. */
  async readResult(): Promise<TaskResult> {
    try {
      // NONBLOCK: a FIFO would hold the open until somebody writes.
      const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants
      await using file = await open(
        join(this.sandboxDir, 'result.json'),
        O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
      )
      const found = await file.stat()
      if (!found.isFile()) return { error: 'result.json is not a regular file' }
      if (found.size > maxResultBytes)
        return { error: `result.json has ${found.size} bytes, the limit is 65536` }
      const buffer = Buffer.alloc(maxResultBytes + 1)
      let length = 0
      for (let bytesRead = -1; bytesRead !== 0 && length < buffer.length; length += bytesRead)
        ({ bytesRead } = await file.read(buffer, length, buffer.length - length, length))
      if (length > maxResultBytes) return { error: 'result.json has more than 65536 bytes' }
      const json = new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length))
      JSON.parse(json)
      return { json }
    } catch (error) {
      return resultError(error)
    }
  }
}

function resultError(error: unknown): TaskResult {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return {}
    case 'ELOOP':
      return { error: 'result.json is a symbolic link' }
    case 'ENXIO':
      return { error: 'result.json is not a regular file' }
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return { error: 'result.json is not valid UTF-8' }
  }
  if (error instanceof SyntaxError) return { error: `result.json is not valid JSON: ${error.message}` }
  return { error: `result.json could not be read: ${reasonOf(error)}` }
}

/**
 * Mesos makes an executor's folder 0750, so that a task with another user could not reach its sandbox by its path: lets
 * others pass through `dir` (not list it). Returns the folders above it that are in the way and not ours to change.
 */
export async function letOthersPass(dir: string): Promise<string[]> {
  await chmod(dir, ((await stat(dir)).mode & 0o7777) | 0o011)
  const closed: string[] = []
  for (let parent = dirname(dir); ; parent = dirname(parent)) {
    if (((await stat(parent)).mode & 0o001) === 0) closed.push(parent)
    if (parent === dirname(parent)) return closed
  }
}
