// The parent script, with a stub in node's place that notes how it was called and does what the test says.
import { expect } from 'chai'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause, systemClock } from './clock.ts'

const script = join(import.meta.dirname, 'juice-executor')
/** Those of the usual shells that this machine has. */
const shells = [['sh'], ['dash'], ['bash', '--posix'], ['busybox', 'sh']].filter(
  ([program, ...args]) => spawnSync(program!, [...args, '-c', 'true']).status === 0,
)

for (const shell of shells)
  describe(`parent script of the executor, by ${shell.join(' ')}`, () => {
    let dir: string
    beforeEach(async () => {
      dir = await mkdtemp(join(tmpdir(), 'juice-parent-'))
    })
    afterEach(() => rm(dir, { recursive: true, force: true }))

    /** `run` and `sweep` are shell lines. */
    async function start(run: string, sweep = 'exit 0'): Promise<ChildProcess> {
      const stub = `#!/bin/sh
        case $1 in --*) shift ;; esac
        echo "$1 $2 $JUICE_OWNER $$" >> calls
        case $2 in run) ${run} ;; sweep) ${sweep} ;; esac\n`
      await writeFile(join(dir, 'node'), stub)
      await chmod(join(dir, 'node'), 0o755)
      const [program, ...args] = shell
      return spawn(program!, [...args, script], { cwd: dir, stdio: 'ignore' })
    }
    const ended = (child: ChildProcess): Promise<number | null> =>
      child.exitCode === null
        ? new Promise(resolve => child.once('exit', resolve))
        : Promise.resolve(child.exitCode)
    const read = (name: string): Promise<string> => readFile(join(dir, name), 'utf8').catch(() => '')
    const calls = async (): Promise<string[][]> =>
      (await read('calls'))
        .trim()
        .split('\n')
        .map(line => line.split(' '))
    async function written(name: string): Promise<string> {
      for (;;) {
        const text = await read(name)
        if (text.endsWith('\n')) return text.trim()
        await pause(systemClock, 5)
      }
    }

    it('passes on a normal end, and sweeps nothing', async () => {
      expect(await ended(await start('exit 0'))).to.equal(0)
      const [run, ...others] = await calls()
      expect(run!.slice(0, 2)).to.deep.equal(['executor.mjs', 'run'])
      expect(run![2]).to.match(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/)
      expect(others).to.deep.equal([])
    })

    it('sweeps for the same owner when it died, and says so by 3, or 4 where something may be left', async () => {
      for (const [run, sweep, code] of [
        ['exit 1', 'exit 0', 3],
        ['exit 1', 'exit 1', 4],
        ['kill -9 $$', 'exit 0', 3],
        ['exit 143', 'kill -9 $$', 4],
      ] as const) {
        await rm(join(dir, 'calls'), { force: true })
        expect(await ended(await start(run, sweep)), `${run}; ${sweep}`).to.equal(code)
        const [first, second] = await calls()
        expect(second!.slice(0, 3)).to.deep.equal(['executor.mjs', 'sweep', first![2]])
      }
    })

    it('passes TERM on and waits for the orderly end', async () => {
      const orderly = 'trap "echo bye > bye; exit 0" TERM; echo ready > ready; while :; do sleep 0.02; done'
      const child = await start(orderly)
      await written('ready')
      child.kill('SIGTERM')
      expect(await ended(child)).to.equal(0)
      expect(await read('bye')).to.equal('bye\n')
      expect(await calls()).to.have.length(1)
    })

    it('takes many signals for one, and does not mistake one of its own for its child’s end', async () => {
      const child = await start(
        'trap "echo bye > bye" TERM; echo ready > ready; until test -e bye; do sleep 0.02; done; exit 7',
      )
      await written('ready')
      for (let times = 0; times < 5; times++) child.kill('SIGTERM')
      expect(await ended(child)).to.equal(3)
      expect(await calls()).to.have.length(2)
    })

    it('sweeps also when its child is killed from outside', async () => {
      const child = await start('echo ready > ready; while :; do sleep 0.02; done')
      await written('ready')
      process.kill(Number((await calls())[0]![3]), 'SIGKILL')
      expect(await ended(child)).to.equal(3)
    })

    it('is not stopped from sweeping by TERM', async () => {
      const child = await start('exit 1', 'echo ready > ready; until test -e go; do sleep 0.02; done')
      await written('ready')
      child.kill('SIGTERM')
      await writeFile(join(dir, 'go'), '')
      expect(await ended(child)).to.equal(3)
    })

    it('has an owner of its own each time', async () => {
      await ended(await start('exit 0'))
      await ended(await start('exit 0'))
      const [first, second] = await calls()
      expect(first![2]).to.not.equal(second![2])
    })
  })
