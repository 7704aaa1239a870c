// Packs what an agent fetches to run the executor: the runtime (the node binary, once a version) and the bundle (the executor's
// code and its parent script), each a tar.gz named by its hash, the same bytes for the same content. Writes `outDir` only.
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, type Dirent } from 'node:fs'
import { mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { tarArchive, type TarEntry } from './tar.ts'

export interface PackedArchive {
  readonly path: string
  /** Of the archive, hexadecimal. */
  readonly sha256: string
  /** `<sha256>.tar.gz`: Mesos' fetcher extracts by the ending. */
  readonly file: string
}

export interface PackOptions {
  /** Archives are kept here and taken again while what they were made of is unchanged. */
  readonly outDir: string
  /** For tests. */
  readonly entry?: string
  readonly parentScript?: string
  readonly nodeBinary?: string
}

/** What an archive was made of: path → hash, or whatever else tells that it is unchanged. */
type Inputs = Readonly<Record<string, string>>

interface Note {
  readonly inputs: Inputs
  readonly sha256: string
}

const root = resolve(import.meta.dirname, '..')
/** Of the runtime: higher levels take as long again for two per cent. */
const runtimeGzipLevel = 4

/**
 * The two archives, packed now or found unchanged. Several processes may do this at once in one folder.
 * @throws Error where the bundle must be made anew and its tool (esbuild, a development dependency) isn't installed.
 */
export async function packExecutor(
  options: PackOptions,
): Promise<{ runtime: PackedArchive; bundle: PackedArchive }> {
  const outDir = resolve(options.outDir)
  await mkdir(outDir, { recursive: true })
  const packing = [
    packRuntime(outDir, options.nodeBinary ?? process.execPath),
    packBundle(
      outDir,
      resolve(options.entry ?? join(import.meta.dirname, 'main.ts')),
      resolve(options.parentScript ?? join(import.meta.dirname, 'juice-executor')),
    ),
  ] as const
  // Where one fails, the other one still writes: whoever is told of it may want to delete the folder.
  await Promise.allSettled(packing)
  const [runtime, bundle] = await Promise.all(packing)
  await removeOld(outDir, [runtime.file, bundle.file])
  return { runtime, bundle }
}

async function packRuntime(outDir: string, binary: string): Promise<PackedArchive> {
  const { size, mtimeMs } = await stat(binary)
  // Its 120 MB aren't read to see that they are the same. Whole seconds: image layers keep no more of a time.
  const inputs = { [binary]: `${size} ${Math.floor(mtimeMs / 1000)} ${process.version}` }
  const found = await current(outDir, 'runtime', noted => Promise.resolve(isEqual(noted, inputs)))
  if (found) return found
  const entries: TarEntry[] = [{ path: 'node', kind: 'file', mode: 0o755, source: binary }]
  return write(outDir, 'runtime', entries, inputs, runtimeGzipLevel)
}

async function packBundle(outDir: string, entry: string, parentScript: string): Promise<PackedArchive> {
  const isCurrent = async (noted: Inputs): Promise<boolean> =>
    nameOf(entry) in noted && isEqual(noted, await hashes(Object.keys(noted)).catch(() => ({})))
  const found = await current(outDir, 'bundle', isCurrent)
  if (found) return found
  const { code, files } = await bundle(entry)
  const entries: TarEntry[] = [
    { path: 'executor.mjs', kind: 'file', mode: 0o644, content: code },
    { path: 'juice-executor', kind: 'file', mode: 0o755, content: await readFile(parentScript) },
  ]
  return write(outDir, 'bundle', entries, await hashes([...files, nameOf(parentScript)]), 9)
}

/** The executor's code as one module, and the files that it came from. */
async function bundle(entry: string): Promise<{ code: Uint8Array; files: string[] }> {
  const { buildSync } = await import('esbuild')
  // The asynchronous one would leave a helper process beside us for our whole life.
  const { outputFiles, metafile } = buildSync({
    entryPoints: [entry],
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Not minified: an uncaught error prints the line that it came from.
    outfile: 'executor.mjs',
    // CommonJS packages inside ask for Node's own modules by require.
    banner: {
      js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)",
    },
    write: false,
    metafile: true,
    logLevel: 'silent',
  })
  const [output] = outputFiles
  if (output === undefined) throw new Error('esbuild made nothing')
  return { code: output.contents, files: Object.keys(metafile.inputs) }
}

/** The archive of that kind if it is there and was made of what there is now. */
async function current(
  outDir: string,
  kind: string,
  isCurrent: (inputs: Inputs) => Promise<boolean>,
): Promise<PackedArchive | undefined> {
  try {
    const note = JSON.parse(await readFile(join(outDir, `${kind}.json`), 'utf8')) as Note
    const archive = archiveOf(outDir, note.sha256)
    await stat(archive.path)
    if (!(await isCurrent(note.inputs))) return undefined
    // In an image the archives belong to another user than the service; there nothing grows old either.
    const now = new Date()
    await utimes(archive.path, now, now).catch(() => {})
    return archive
  } catch {
    return undefined
  }
}

async function write(
  outDir: string,
  kind: string,
  entries: readonly TarEntry[],
  inputs: Inputs,
  level: number,
): Promise<PackedArchive> {
  const partial = join(outDir, `${kind}.${randomUUID()}.partial`)
  const hash = createHash('sha256')
  const tee = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  try {
    await pipeline(tarArchive(entries), createGzip({ level }), tee, createWriteStream(partial))
    const archive = archiveOf(outDir, hash.digest('hex'))
    // Complete files appear under their names; the note comes last.
    await rename(partial, archive.path)
    await writeFile(partial, JSON.stringify({ inputs, sha256: archive.sha256 } satisfies Note, null, 2))
    await rename(partial, join(outDir, `${kind}.json`))
    return archive
  } finally {
    await rm(partial, { force: true })
  }
}

/** Archives that no start has asked for in a week go: a process of another version may still be serving a younger one. */
async function removeOld(outDir: string, kept: readonly string[]): Promise<void> {
  const oldMs = Date.now() - 7 * 24 * 3_600_000
  const isOld = async (file: Dirent): Promise<boolean> =>
    !kept.includes(file.name) &&
    /^[0-9a-f]{64}\.tar\.gz$|\.partial$/.test(file.name) &&
    (await stat(join(outDir, file.name))).mtimeMs < oldMs
  for (const file of await readdir(outDir, { withFileTypes: true }))
    if (await isOld(file).catch(() => false)) await rm(join(outDir, file.name), { force: true })
}

function archiveOf(outDir: string, sha256: string): PackedArchive {
  const file = `${sha256}.tar.gz`
  return { path: join(outDir, file), sha256, file }
}

/** Relative to the project, so that a note made in one place is good in a copy of it. */
function nameOf(path: string): string {
  return relative(root, path)
}

async function hashes(names: readonly string[]): Promise<Inputs> {
  const pairs = names.toSorted().map(async name => {
    const hash = createHash('sha256')
    await pipeline(createReadStream(resolve(root, name)), hash)
    return [name, hash.digest('hex')] as const
  })
  return Object.fromEntries(await Promise.all(pairs))
}

function isEqual(a: Inputs, b: Inputs): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every(name => a[name] === b[name])
}

// As a program: packs ahead of the first start, for an image without the development dependencies (docker/Dockerfile).
if (import.meta.main) {
  const { runtime, bundle } = await packExecutor({ outDir: process.argv[2] ?? join(root, 'build/executor') })
  process.stdout.write(`${runtime.path}\n${bundle.path}\n`)
}
