// Extracts a tar or tar.gz into a sandbox, confined to it. The sandbox must be closed to other tasks meanwhile (sandbox.ts).
import { constants, createReadStream } from 'node:fs'
import { link, lstat, open, rm, symlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { reasonOf } from '../logger.ts'
import type { SandboxOwner } from '../sandbox.ts'
import { confinedPath, confineLink, giveLinkTo, giveTo, makeFolders } from './confine.ts'
import { FetchError } from './errors.ts'
import { TarReader, type TarEntry, type TarPiece } from './tar-reader.ts'

export interface ExtractOptions {
  readonly archive: string
  readonly into: string
  readonly owner: SandboxOwner
  /** Of all files together. */
  readonly maxBytes: number
  readonly signal: AbortSignal
}

/** Entries are small on disk too, and each costs system calls: more than this is a bomb, not an input. */
const maxEntries = 1_000_000

/** @throws FetchError for an archive that is broken, too large, or leads out of the sandbox; nothing is taken back then. */
export async function untar(o: ExtractOptions & { readonly gzipped: boolean }): Promise<void> {
  const reader = new TarReader()
  await using writer = new Writer(o)
  const file = createReadStream(o.archive, { signal: o.signal })
  try {
    const bytes: Readable = o.gzipped ? file.pipe(createGunzip()) : file
    file.on('error', error => bytes.destroy(error))
    for await (const chunk of bytes as AsyncIterable<Buffer>)
      for (const piece of reader.push(chunk)) await writer.take(piece)
    reader.end()
  } catch (error) {
    o.signal.throwIfAborted()
    throw error instanceof FetchError ? error : new FetchError(reasonOf(error))
  } finally {
    file.destroy()
  }
}

class Writer implements AsyncDisposable {
  readonly #o: ExtractOptions
  #current: { readonly path: string; readonly entry: TarEntry; readonly file: FileHandle } | undefined
  #bytes = 0
  #entries = 0

  constructor(o: ExtractOptions) {
    this.#o = o
  }

  async take(piece: TarPiece): Promise<void> {
    switch (piece.type) {
      case 'entry':
        return this.#begin(piece.entry)
      case 'data':
        this.#bytes += piece.bytes.length
        if (this.#bytes > this.#o.maxBytes)
          throw new FetchError(`it holds more than the ${this.#o.maxBytes} bytes that are allowed`)
        await this.#current?.file.writeFile(piece.bytes)
        return
      case 'end':
        return this.#end()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current?.file.close()
  }

  async #begin(entry: TarEntry): Promise<void> {
    if (++this.#entries > maxEntries) throw new FetchError(`it holds more than ${maxEntries} entries`)
    const { into, owner } = this.#o
    const components = confinedPath(entry.path)
    if (entry.kind === 'folder') {
      const folder = await makeFolders(into, components, owner)
      if (components.length > 0) await giveTo(owner, folder, entry.mode, 'folder')
      return
    }
    if (components.length === 0) throw new FetchError('it holds a file without a name')
    const path = join(await makeFolders(into, components.slice(0, -1), owner), components.at(-1)!)
    await this.#clear(path)
    if (entry.kind === 'symlink') {
      confineLink(components, entry.link)
      await symlink(entry.link, path)
      return giveLinkTo(owner, path)
    }
    if (entry.kind === 'hardlink') return this.#hardlink(entry, path)
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
    this.#current = { path, entry, file: await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600) }
  }

  async #end(): Promise<void> {
    const current = this.#current
    if (!current) return
    this.#current = undefined
    await current.file.close()
    await giveTo(this.#o.owner, current.path, current.entry.mode, 'file')
  }

  /** A later entry of the same name replaces an earlier one, but never a folder. */
  async #clear(path: string): Promise<void> {
    const found = await lstat(path).catch(() => undefined)
    if (found?.isDirectory()) throw new FetchError(`${JSON.stringify(path)} is a folder and a file`)
    if (found) await rm(path)
  }

  async #hardlink(entry: TarEntry, path: string): Promise<void> {
    const components = confinedPath(entry.link)
    let target = this.#o.into
    for (const [index, component] of components.entries()) {
      target = join(target, component)
      const found = await lstat(target).catch(() => undefined)
      const isLast = index === components.length - 1
      if (!found || (isLast ? !found.isFile() : !found.isDirectory()))
        throw new FetchError(`hard link ${JSON.stringify(entry.path)} leads to no file of the archive`)
    }
    await link(target, path)
  }
}
