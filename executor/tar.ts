// Writes tar archives that depend on nothing but their content: no times, no owners, entries in the order given. Reads the
// files that are to be packed, nothing else.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'

export type TarEntry =
  | { readonly path: string; readonly kind: 'file'; readonly mode: number; readonly content: Uint8Array }
  /** Read when its turn comes. */
  | { readonly path: string; readonly kind: 'file'; readonly mode: number; readonly source: string }
  | { readonly path: string; readonly kind: 'directory'; readonly mode: number }
  | { readonly path: string; readonly kind: 'symlink'; readonly target: string }

const blockBytes = 512
const types = { file: '0', symlink: '2', directory: '5' } as const

/** The archive, piece by piece. @throws Error where a path is too long for the ustar format (100 bytes). */
export async function* tarArchive(entries: Iterable<TarEntry>): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    if (entry.kind !== 'file') yield header(entry, 0)
    else if ('content' in entry) {
      yield header(entry, entry.content.length)
      yield entry.content
      yield padding(entry.content.length)
    } else {
      const { size } = await stat(entry.source)
      yield header(entry, size)
      let bytes = 0
      for await (const chunk of createReadStream(entry.source, {
        highWaterMark: 1024 * 1024,
      }) as AsyncIterable<Buffer>) {
        bytes += chunk.length
        yield chunk
      }
      if (bytes !== size) throw new Error(`${entry.source} changed while it was packed`)
      yield padding(size)
    }
  }
  yield new Uint8Array(2 * blockBytes)
}

function padding(size: number): Uint8Array {
  return new Uint8Array((blockBytes - (size % blockBytes)) % blockBytes)
}

function header(entry: TarEntry, size: number): Uint8Array {
  const block = Buffer.alloc(blockBytes)
  const path = entry.kind === 'directory' ? `${entry.path}/` : entry.path
  const target = entry.kind === 'symlink' ? entry.target : ''
  if (Buffer.byteLength(path) > 100 || Buffer.byteLength(target) > 100)
    throw new Error(`${path}: too long for an archive`)
  block.write(path, 0)
  block.write(octal(entry.kind === 'symlink' ? 0o777 : entry.mode, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(0, 8), 116)
  block.write(octal(size, 12), 124)
  block.write(octal(0, 12), 136)
  block.write(types[entry.kind], 156)
  block.write(target, 157)
  block.write('ustar\x0000', 257)
  // The sum counts its own field as spaces.
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${octal(sum, 7)}\0 `, 148)
  return block
}

/** Zero-padded, with room for the NUL that ends it. */
function octal(value: number, width: number): string {
  return value.toString(8).padStart(width - 1, '0')
}
