// Which folders of an agent can be read over HTTP, and under which names: a sandbox by its own path, by `latest`, and
// by Mesos' virtual path. Nothing outside of an attached folder is ever resolved.
import { realpathSync } from 'node:fs'
import { dirname, join, normalize, posix, sep } from 'node:path'
import type { Executor } from './state.ts'

export type Resolved =
  | { readonly kind: 'found'; readonly path: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'inaccessible' }

export class Attachments {
  readonly #folders = new Map<string, string>()

  /** Attached from the launch on, and left so after the executor's end. */
  attach(executor: Executor): void {
    const { directory, frameworkId, id } = executor
    this.#folders.set(directory, directory)
    this.#folders.set(join(dirname(directory), 'latest'), directory)
    this.#folders.set(posix.join('/frameworks', frameworkId, 'executors', id, 'runs/latest'), directory)
  }

  /** Name → folder. */
  list(): Record<string, string> {
    return Object.fromEntries([...this.#folders].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** The file or folder behind a name. Links are followed as far as they stay inside. */
  resolve(name: string): Resolved {
    const asked = normalize(name)
    for (let prefix = asked; ; prefix = dirname(prefix)) {
      const folder = this.#folders.get(prefix)
      if (folder !== undefined) return inside(folder, asked.slice(prefix.length))
      if (prefix === dirname(prefix)) return { kind: 'missing' }
    }
  }
}

function inside(folder: string, rest: string): Resolved {
  try {
    const root = realpathSync(folder)
    const path = realpathSync(join(folder, rest))
    if (path === root || path.startsWith(root + sep)) return { kind: 'found', path }
    return { kind: 'inaccessible' }
  } catch {
    return { kind: 'missing' }
  }
}
