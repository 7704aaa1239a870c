// What a test run left behind: processes that know its folder of temporary files, and what is in that folder. Linux only.
import { readdir, readFile, readlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { commandLine } from './processes.ts'

/** Those that have `TMPDIR=dir` in their environment or work below `dir`. */
export async function processesOf(dir: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async pid => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
      return environment.split('\0').includes(`TMPDIR=${dir}`) || `${cwd}/`.startsWith(`${dir}/`)
    }),
  )
  return pids.filter((pid, index) => found[index] && pid !== process.pid)
}

/** Gives processes that are just ending `patienceMs`; then one line for each that is still there, and for each file. */
export async function leftovers(dir: string, patienceMs: number): Promise<string[]> {
  const deadline = performance.now() + patienceMs
  let pids = await processesOf(dir)
  while (pids.length > 0 && performance.now() < deadline) {
    await sleep(100)
    pids = await processesOf(dir)
  }
  const processes = await Promise.all(pids.map(async pid => `process ${pid}: ${await commandLine(pid)}`))
  return [...processes, ...(await readdir(dir)).map(name => `file ${dir}/${name}`)]
}

/** SIGKILL to every one of them, and to what they start meanwhile. */
export async function killProcessesOf(dir: string): Promise<void> {
  for (;;) {
    const pids = await processesOf(dir)
    if (pids.length === 0) return
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has ended by itself.
      }
    }
    await sleep(20)
  }
}
