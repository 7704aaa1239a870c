import { expect } from 'chai'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { authFromConfig, registryAuth } from './registry-auth.ts'

function decoded(header: string | undefined): unknown {
  return header === undefined ? undefined : JSON.parse(Buffer.from(header, 'base64url').toString())
}

describe('registry credentials', () => {
  const auth = Buffer.from('me:pass:word').toString('base64')

  it('reads user and password from auth, for the host or its URL', () => {
    for (const key of ['registry.example:5000', 'https://registry.example:5000/v2/']) {
      const { header } = authFromConfig({ auths: { [key]: { auth } } }, 'registry.example:5000')
      expect(decoded(header)).to.deep.equal({ username: 'me', password: 'pass:word', serveraddress: key })
    }
  })

  it('knows the old name of Docker Hub', () => {
    const { header } = authFromConfig({ auths: { 'https://index.docker.io/v1/': { auth } } }, 'docker.io')
    expect(decoded(header)).to.include({ username: 'me' })
  })

  it('takes an identity token, and no other registry’s credentials', () => {
    const config = { auths: { 'a.example': { identitytoken: 'T' }, 'b.example': { auth } } }
    expect(decoded(authFromConfig(config, 'a.example').header)).to.include({ identitytoken: 'T' })
    expect(authFromConfig(config, 'c.example')).to.deep.equal({})
  })

  it('names a credential helper, which is not run', () => {
    const store = authFromConfig({ auths: { 'a.example': {} }, credsStore: 'desktop' }, 'a.example')
    expect(store.header).to.equal(undefined)
    expect(store.hint).to.contain('"desktop"')
    expect(authFromConfig({ credHelpers: { 'a.example': 'ecr-login' } }, 'b.example')).to.deep.equal({})
  })

  it('says what is wrong with a file', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'juice-auth-'))
    try {
      const file = join(dir, 'config.json')
      const failing = async (): Promise<string> =>
        registryAuth('a.example', file).then(
          () => 'none',
          (error: Error) => error.message,
        )
      expect(await failing()).to.contain("can't be read (ENOENT)")
      await writeFile(file, '{')
      expect(await failing()).to.contain(file)
      await writeFile(file, JSON.stringify({ auths: { 'a.example': { auth: 'eA==' } } }))
      expect(await failing()).to.contain('user:password')
    } finally {
      await rm(dir, { recursive: true })
    }
  })
})
