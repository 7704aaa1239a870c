// Packs the image that the demo and the tests run: a static busybox with docker/demo/rootfs, imported into the engine without
// any registry. Installs Debian's busybox-static where there is no such busybox. As a program: `demo-image.ts [name:tag]`.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, readdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { DockerError } from '../executor/docker/errors.ts'
import { EngineHttp } from '../executor/docker/http.ts'
import { parseImage } from '../executor/docker/image-reference.ts'
import { readProgress } from '../executor/docker/pull.ts'
import { tarArchive, type TarEntry } from '../executor/tar.ts'
import { aptInstall, findProgram } from './apt.ts'
import { findDockerEngine } from './docker-engine.ts'

const rootfs = join(import.meta.dirname, '../docker/demo/rootfs')
const contentLabel = 'juice.demo.content'
const timeoutMs = 60_000

/**
 * Makes sure that the engine has the demo image under `image` (such as `juice-demo:latest`), with today's content.
 * @throws Error where no static busybox can be had, DockerError where the engine fails.
 */
export async function packDemoImage(dockerHost: string, image: string): Promise<void> {
  const reference = parseImage(image)
  if (reference === undefined) throw new Error(`${image} is no image's name`)
  const archive = await demoArchive()
  const content = createHash('sha256').update(archive).digest('hex')
  const http = new EngineHttp(dockerHost)
  try {
    if ((await contentOf(http, image)) === content) return
    const answer = await http.stream('POST', '/images/create', {
      query: {
        fromSrc: '-',
        repo: reference.name,
        tag: reference.version,
        changes: ['ENV PATH=/usr/bin:/bin', 'CMD ["demo"]', `LABEL ${contentLabel}=${content}`].join('\n'),
      },
      contentType: 'application/x-tar',
      body: archive,
      timeoutMs,
    })
    await readProgress(answer, timeoutMs, new AbortController().signal)
  } finally {
    http.close()
  }
}

async function contentOf(http: EngineHttp, image: string): Promise<string | undefined> {
  try {
    const { body } = await http.call('GET', `/images/${image}/json`, { timeoutMs })
    return (body as { Config?: { Labels?: Record<string, string> } }).Config?.Labels?.[contentLabel]
  } catch (error) {
    if (error instanceof DockerError && error.kind === 'not_found') return undefined
    throw error
  }
}

/** The image's files as a tar: the same bytes for the same busybox and rootfs. */
export async function demoArchive(): Promise<Uint8Array> {
  const busybox = await staticBusybox()
  const applets = spawnSync(busybox, ['--list'], { encoding: 'utf8' }).stdout.trim().split('\n')
  const entries: TarEntry[] = [
    ...['bin', 'dev', 'etc', 'mnt', 'proc', 'root', 'run', 'sys', 'usr', 'usr/bin', 'var'].map(
      (path): TarEntry => ({ path, kind: 'directory', mode: 0o755 }),
    ),
    { path: 'tmp', kind: 'directory', mode: 0o1777 },
    { path: 'bin/busybox', kind: 'file', mode: 0o755, source: busybox },
    ...applets
      .filter(name => name !== 'busybox')
      .sort()
      .map((name): TarEntry => ({ path: `bin/${name}`, kind: 'symlink', target: 'busybox' })),
    ...(await filesOf(rootfs)),
  ]
  const pieces: Uint8Array[] = []
  for await (const piece of tarArchive(entries)) pieces.push(piece)
  return Buffer.concat(pieces)
}

async function filesOf(folder: string): Promise<TarEntry[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  const sources = found
    .filter(file => file.isFile())
    .map(file => join(file.parentPath, file.name))
    .sort()
  return Promise.all(
    sources.map(async (source): Promise<TarEntry> => {
      const executable = ((await stat(source)).mode & 0o100) !== 0
      return { path: relative(folder, source), kind: 'file', mode: executable ? 0o755 : 0o644, source }
    }),
  )
}

async function staticBusybox(): Promise<string> {
  const present = findProgram('busybox')
  if (present !== undefined && isStatic(await readFile(present))) return present
  try {
    await aptInstall(['busybox-static'])
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`the demo image needs a statically linked busybox: ${reason}`, { cause: error })
  }
  return findProgram('busybox') ?? '/bin/busybox'
}

/** Whether a 64-bit little-endian ELF file has no program header of the type PT_INTERP, so needs no loader. */
function isStatic(elf: Buffer): boolean {
  if (elf.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return false
  const interpreter = 3
  const [offset, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)]
  return !Array.from({ length: count }, (_, index) => elf.readUInt32LE(offset + index * size)).includes(
    interpreter,
  )
}

if (import.meta.main) {
  const engine = await findDockerEngine()
  if (engine === undefined) throw new Error('no Docker engine answers at DOCKER_HOST or the default socket')
  const image = process.argv[2] ?? 'juice-demo:latest'
  await packDemoImage(engine.dockerHost, image)
  process.stdout.write(`${image} is in ${engine.dockerHost}\n`)
}
