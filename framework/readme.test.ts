// README's table of variables against the configuration: every name is there, and every default is the real one.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { readConfig, type Config } from './config.ts'
import type { Environment } from './environment.ts'

/** Of what is not there yet: they are refused or warned about, and no table promises them. */
const notYet = ['JUICE_CALLBACK_ALLOW', 'JUICE_CALLBACK_SECRET', 'JUICE_GRPC_PORT', 'JUICE_V1_TENANT']

interface Row {
  readonly names: readonly string[]
  readonly defaultText: string
}

function table(): Row[] {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
  const section = readme.split(/^## /m).find(text => text.startsWith('Configuration'))
  return [...(section ?? '').matchAll(/^\|([^|]*JUICE_[^|]*)\|([^|]*)\|/gm)].map(([, names, text]) => ({
    names: [...(names ?? '').matchAll(/JUICE_\w+/g)].map(([name]) => name),
    defaultText: (text ?? '').trim(),
  }))
}

function read(env: Environment): Config {
  return readConfig({ JUICE_DATABASE_URL: 'postgres://juice@db/juice', ...env })
}

/** Each variable is asked for with its file beside it. */
function known(): string[] {
  const asked = new Set<string>()
  try {
    readConfig(new Proxy<Environment>({}, { get: (_, name) => void asked.add(String(name)) }))
  } catch {
    // No database: every variable was asked for all the same.
  }
  return [...asked].filter(name => asked.has(`${name}_FILE`))
}

describe("README's configuration", () => {
  it('names every variable, and none that does not exist', () => {
    const named = table().flatMap(({ names }) => names)
    expect([...named, ...notYet].sort()).to.deep.equal(known().sort())
  })

  it('tells the real defaults', () => {
    const unchanged = read({})
    let checked = 0
    for (const { names, defaultText } of table()) {
      const defaults = defaultText.split(', ')
      for (const [index, name] of names.entries()) {
        // `$PORT0` or 8080: the last one is it where nothing else is set.
        const value = (defaults[index] ?? '').split(' or ').at(-1)?.replaceAll('`', '') ?? ''
        if (value === '' || value === 'required' || /\s/.test(value)) continue
        checked++
        expect(read({ [name]: value }), `${name}=${value}`).to.deep.equal(unchanged)
      }
    }
    expect(checked).to.be.at.least(17)
  })
})
