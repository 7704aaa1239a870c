// The commands that README and docs/ show are run as they stand there, against a Juice on another port.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import type { TaskJson } from '../../scripts/lib/task-client.ts'
import { Cluster } from '../support/cluster.ts'

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)

/** The shell block that follows `<!-- run: name -->`. */
function block(text: string, name: string): string {
  const found = new RegExp(`<!-- run: ${name} -->\\s*\`\`\`sh\\n([\\s\\S]*?)\`\`\``).exec(text)
  if (found?.[1] === undefined) throw new Error(`there is no block "${name}"`)
  return found[1]
}

/** A given cluster may be shared. */
const name = `docs-${process.pid}`

describe('README', function () {
  this.timeout(60_000)
  let cluster: Cluster
  let readme: string
  before(async () => {
    readme = await readFile(join(root, 'README.md'), 'utf8')
    cluster = await Cluster.start({ agents: 1, env: { JUICE_FRAMEWORK_NAME: name } })
  })
  after(() => cluster[Symbol.asyncDispose]())

  /** Nothing but what an operator's command needs. */
  function operatorsEnv(): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      JUICE_DATABASE_URL: cluster.databaseUrl,
      JUICE_FRAMEWORK_NAME: name,
    }
  }

  /** Runs a block line by line as `sh -e` and gives what each command printed. */
  async function shell(text: string, id?: number): Promise<string> {
    const script = text
      .replaceAll('http://127.0.0.1:8080', cluster.url)
      .replaceAll('tasks/1', `tasks/${id ?? 1}`)
      .replaceAll(/^curl/gm, 'curl --fail-with-body')
    const { stdout } = await run('sh', ['-e', '-c', script])
    return stdout
  }

  it('shows how to submit a task, and how to ask for it', async () => {
    const task = JSON.parse(await shell(block(readme, 'submit'))) as TaskJson
    expect(task).to.include({ name: 'count', state: 'QUEUED' })
    expect(await cluster.ended(task.id)).to.include({ state: 'FINISHED' })
    const answers = await shell(block(readme, 'ask'), task.id)
    expect(answers).to.include('"FINISHED"').and.to.include('1\n2\n3\n')
  })

  it('shows how an operator looks at the framework, and that nothing is reset while a process leads', async () => {
    const failed: unknown = await run('sh', ['-e', '-c', block(readme, 'framework')], {
      cwd: root,
      env: operatorsEnv(),
    }).catch((error: unknown) => error)
    expect(failed).to.include({ code: 3 })
    expect(failed)
      .to.have.property('stdout')
      .that.matches(/^framework id: +\S+-\d{4}$/m)
    expect(failed).to.have.property('stderr').that.contains('a process leads: ')
  })

  it('and docs/marathon.md: how to see who leads', async () => {
    const text = await readFile(join(root, 'docs/marathon.md'), 'utf8')
    const { stdout } = await run('sh', ['-e', '-c', block(text, 'marathon-show')], {
      cwd: root,
      env: operatorsEnv(),
    })
    const [forPeople = '', json = ''] = stdout.split(/^(?=\{)/m)
    expect(forPeople).to.match(/^leader: +\S+ process \d+ at http/m)
    expect(JSON.parse(json)).to.deep.include({
      name,
      copied: false,
      tasks: { live: 0, waiting: 0 },
    })
  })
})
