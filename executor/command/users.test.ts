import { expect } from 'chai'
import { Users } from './users.ts'

describe('users of command tasks', () => {
  it('are found by name, number, or both numbers', async () => {
    const users = new Users({ self: { uid: 0, gid: 0 }, env: process.env })
    expect(await users.resolve('root')).to.include({ uid: 0, gid: 0 })
    expect(await users.resolve('0')).to.include({ uid: 0 })
    expect(await users.resolve('3210987')).to.deep.include({ uid: 3210987, gid: 3210987, groups: [] })
    expect(await users.resolve('12:34')).to.deep.include({ uid: 12, gid: 34, groups: [] })
  })

  it('that are unknown or not to be had are told in a sentence', async () => {
    const failure = async (users: Users, name: string): Promise<string> =>
      users.resolve(name).then(
        () => '',
        (error: Error) => `${error.name}: ${error.message}`,
      )
    const root = new Users({ self: { uid: 0, gid: 0 }, env: process.env })
    expect(await failure(root, 'no-such-user-x')).to.match(
      /^UserError: user no-such-user-x is unknown on this agent/,
    )
    expect(await failure(root, '-x; rm')).to.match(/^UserError: "-x; rm" is no user name/)
    const other = new Users({ self: { uid: 4711, gid: 4711 }, env: process.env })
    expect(await failure(other, 'root')).to.equal(
      "UserError: the executor runs as uid 4711, which is not root, and so can't run a task as user root",
    )
    expect(await other.resolve('4711')).to.include({ uid: 4711 })
  })
})
