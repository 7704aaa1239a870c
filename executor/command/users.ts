// Unix users of command tasks: name → ids, through `id`, so that LDAP and the like are asked too.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export interface UnixUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
  /** Supplementary groups, without `gid`. */
  readonly groups: readonly number[]
}

/** The task can't run as the user that it should run as; the message says why, for people. */
export class UserError extends Error {
  override readonly name = 'UserError'
}

export interface Self {
  readonly uid: number
  readonly gid: number
}

const run = promisify(execFile)

export class Users {
  readonly #self: Self
  readonly #env: NodeJS.ProcessEnv
  readonly #known = new Map<string, Promise<UnixUser>>()

  /** `env` is what `id` is started with. */
  constructor(o: { readonly self: Self; readonly env: NodeJS.ProcessEnv }) {
    this.#self = o.self
    this.#env = o.env
  }

  /** `name`, `uid` or `uid:gid`. Throws UserError for an unknown user, and for another one where we are not root. */
  async resolve(name: string): Promise<UnixUser> {
    let user = this.#known.get(name)
    if (!user) this.#known.set(name, (user = this.#lookUp(name)))
    try {
      return this.#permitted(await user)
    } catch (error) {
      this.#known.delete(name)
      throw error
    }
  }

  #permitted(user: UnixUser): UnixUser {
    if (this.#self.uid === 0 || user.uid === this.#self.uid) return user
    throw new UserError(
      `the executor runs as uid ${this.#self.uid}, which is not root, and so can't run a task as user ${user.name}`,
    )
  }

  async #lookUp(name: string): Promise<UnixUser> {
    const ids = /^(\d+):(\d+)$/.exec(name)
    if (ids) return { name, uid: Number(ids[1]), gid: Number(ids[2]), groups: [] }
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?$/.test(name))
      throw new UserError(`${JSON.stringify(name)} is no user name`)
    try {
      const [uid, gid, groups] = await Promise.all(['-u', '-g', '-G'].map(flag => this.#id(flag, name)))
      return { name, uid: uid![0]!, gid: gid![0]!, groups: groups!.filter(group => group !== gid![0]) }
    } catch (error) {
      // A uid without an entry is a user too, of no group but the one with its number.
      if (/^\d+$/.test(name)) return { name, uid: Number(name), gid: Number(name), groups: [] }
      const { stderr } = error as { readonly stderr?: string }
      throw new UserError(`user ${name} is unknown on this agent${stderr ? ` (${stderr.trim()})` : ''}`)
    }
  }

  async #id(flag: string, name: string): Promise<number[]> {
    const { stdout } = await run('id', [flag, name], { env: this.#env, timeout: 10_000 })
    return stdout.trim().split(/\s+/).map(Number)
  }
}
