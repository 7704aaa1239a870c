// What a test run left behind: processes that know its folder of temporary files, containers that have a part of it, and
// what is in it. Linux only.
import { readdir, readFile, readlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineHttp } from '../../executor/docker/http.ts'
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

/** Removes containers that have something below `dir` mounted, running or not, with their volumes; gives their names. */
export async function removeContainersOf(dockerHost: string, dir: string): Promise<string[]> {
  const http = new EngineHttp(dockerHost)
  const timeoutMs = 60_000
  try {
    const { body } = await http.call('GET', '/containers/json', { query: { all: true }, timeoutMs })
    const found = (body as ListedContainer[]).filter(({ Mounts }) =>
      Mounts?.some(({ Source }) => `${Source ?? ''}/`.startsWith(`${dir}/`)),
    )
    for (const { Id } of found) {
      await http.call('DELETE', `/containers/${Id}`, { query: { force: true, v: true }, timeoutMs })
    }
    return found.map(({ Names }) => Names?.[0]?.slice(1) ?? 'without a name')
  } finally {
    http.close()
  }
}

interface ListedContainer {
  readonly Id: string
  readonly Names?: readonly string[]
  readonly Mounts?: readonly { readonly Source?: string }[]
}
