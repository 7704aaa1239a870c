// For tests: archives byte by byte, also such as no honest program writes.
import { crc32 } from 'node:zlib'

export interface TarMember {
  readonly name: string
  readonly content?: string | Uint8Array
  /** `0` file, `1` hard link, `2` symbolic link, `5` folder, … */
  readonly type?: string
  readonly link?: string
  readonly mode?: number
}

export function tar(...members: readonly TarMember[]): Buffer {
  return Buffer.concat([...members.map(tarMember), Buffer.alloc(1024)])
}

function tarMember({ name, content = '', type = '0', link = '', mode = 0o644 }: TarMember): Buffer {
  const body = Buffer.from(content)
  const header = Buffer.alloc(512)
  const octal = (value: number, length: number, at: number): number =>
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1')
  header.write(name, 0, 100)
  octal(mode, 8, 100)
  octal(0, 8, 108)
  octal(0, 8, 116)
  octal(body.length, 12, 124)
  octal(0, 12, 136)
  header.write(type, 156, 'latin1')
  header.write(link, 157, 100)
  header.write('ustar\x0000', 257, 'latin1')
  header.fill(' ', 148, 156)
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    7,
    148,
  )
  return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512)])
}

export interface ZipMember {
  readonly name: string
  readonly content: string
  /** Unix mode with its type: 0o100644 a file, 0o120777 a symbolic link. */
  readonly mode?: number
}

/** Stored, not compressed. */
export function zip(...members: readonly ZipMember[]): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, content, mode = 0o100644 } of members) {
    const body = Buffer.from(content)
    const nameBytes = Buffer.from(name)
    // From "version needed" to "extra length": the same in both headers.
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt32LE(crc32(body), 10)
    common.writeUInt32LE(body.length, 14)
    common.writeUInt32LE(body.length, 18)
    common.writeUInt16LE(nameBytes.length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, nameBytes, body])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(mode * 0x10000, 6)
    tail.writeUInt32LE(offset, 10)
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, tail, nameBytes]))
    parts.push(local)
    offset += local.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0, 'latin1')
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, central, end])
}
