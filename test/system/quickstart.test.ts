// The quickstart as a user runs it, but for the engine, which is that of the tests: what it prints, and that it ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { testDocker } from '../support/docker.ts'

const script = join(import.meta.dirname, '../../scripts/quickstart.ts')

/** Runs it; at the first appearance of `stopAt` in its output it gets SIGINT, as by Ctrl-C. */
async function quickstart(
  args: readonly string[],
  stopAt?: string,
): Promise<{ code: number; output: string }> {
  const { dockerHost } = await testDocker()
  const child = spawn(process.execPath, [script, '--any-port', ...args], {
    env: { ...process.env, DOCKER_HOST: dockerHost },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  let output = ''
  let stopping = false
  const take = (chunk: Buffer): void => {
    output += chunk.toString()
    if (stopAt === undefined || stopping || !output.includes(stopAt)) return
    stopping = true
    child.kill('SIGINT')
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  const [code] = (await exited) as [number]
  return { code, output }
}

async function folders(): Promise<string[]> {
  return (await readdir(tmpdir())).filter(name => name.startsWith('juice-stack-'))
}

describe('quickstart', function () {
  this.timeout(180_000)

  it('shows a task’s states, output and record, and with --once ends by itself', async () => {
    const before = await folders()
    const { code, output } = await quickstart(['--once'])
    expect(code, output).to.equal(0)
    expect(output).to.match(/QUEUED[^]*RUNNING[^]*FINISHED/)
    expect(output).to.match(/hello from attempt 1 of task 1[^]*frame 3/)
    expect(output).to.match(/"frames": 3/)
    expect(output).to.match(/\/docs[^]*\/metrics[^]*\/state/)
    expect(await folders()).to.deep.equal(before)
  })

  it('runs on until Ctrl-C, and ends in order', async () => {
    const before = await folders()
    const { code, output } = await quickstart([], 'Ctrl-C ends')
    expect(code, output).to.equal(0)
    expect(await folders()).to.deep.equal(before)
  })

  it('breaks off in order when Ctrl-C comes while it starts', async () => {
    const before = await folders()
    const { code, output } = await quickstart([], 'postgresql')
    expect(code, output).to.equal(130)
    expect(await folders()).to.deep.equal(before)
  })
})
