// The agent's /files: browse, read, download, debug, over what is attached. Its JSON of binary data is as raw (and as
// invalid) as Mesos' own.
import { createReadStream, readFileSync, readdirSync, statSync, type Stats } from 'node:fs'
import { open } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Attachments } from '../agent/attachments.ts'
import { json, jsonType, text, type HttpReply, type HttpRequest } from './server.ts'

/** A read gives at most 16 pages. */
const readLimitBytes = 16 * 4096

export async function handleFiles(
  endpoint: string,
  request: HttpRequest,
  response: ServerResponse,
  files: Attachments,
): Promise<HttpReply | undefined> {
  if (endpoint === 'debug') return json(files.list())
  const name = request.query.get('path')
  if (name === null || name === '') return text(400, "Expecting 'path=value' in query.\n")
  const range = endpoint === 'read' ? readRange(request) : undefined
  if (typeof range === 'string') return text(400, range)
  const resolved = files.resolve(name)
  if (resolved.kind === 'inaccessible') return text(400, `'${name}' is inaccessible.\n`)
  if (resolved.kind === 'missing') return text(404, endpoint === 'download' ? '404 Not Found.' : '')
  const stats = statSync(resolved.path)
  switch (endpoint) {
    case 'browse':
      return withJsonp(request, json(stats.isDirectory() ? browse(name, resolved.path) : []))
    case 'read':
      if (stats.isDirectory()) return text(400, 'Cannot read a directory.\n')
      return withJsonp(request, await read(resolved.path, stats, range ?? { offset: -1, length: undefined }))
    case 'download':
      if (stats.isDirectory()) return text(400, 'Cannot download a directory.\n')
      return download(response, name, resolved.path, stats)
    default:
      return text(404, '404 Not Found.')
  }
}

interface Range {
  readonly offset: number
  readonly length: number | undefined
}

/** The asked part of a file; a text is why it can't be read so. */
function readRange({ query }: HttpRequest): Range | string {
  const offset = query.get('offset') ?? '-1'
  const length = query.get('length')
  if (Number.isNaN(Number(offset))) {
    return `Failed to parse offset: Failed to convert '${offset}' to number.\n`
  }
  if (Number(offset) < -1) return `Negative offset provided: ${offset}.\n`
  if (length !== null && Number.isNaN(Number(length))) {
    return `Failed to parse length: Failed to convert '${length}' to number.\n`
  }
  if (length !== null && Number(length) < -1) return `Negative length provided: ${length}.\n`
  return { offset: Number(offset), length: length === null || length === '-1' ? undefined : Number(length) }
}

async function read(path: string, stats: Stats, { offset, length }: Range): Promise<HttpReply> {
  if (offset === -1) return raw(Buffer.alloc(0), stats.size)
  const wanted = Math.min(length ?? stats.size - offset, readLimitBytes, Math.max(stats.size - offset, 0))
  return raw(await readBytes(path, offset, Math.max(wanted, 0)), offset)
}

/** A part of a file, shorter where the file ends. */
export async function readBytes(path: string, offset: number, length: number): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

const escapes: Readonly<Record<number, string>> = {
  0x08: '\\b',
  0x09: '\\t',
  0x0a: '\\n',
  0x0c: '\\f',
  0x0d: '\\r',
  0x22: '\\"',
  0x5c: '\\\\',
}

/** Bytes go into the JSON string as they are; only what JSON itself needs is escaped. */
function raw(data: Buffer, offset: number): HttpReply {
  const escaped = [...data].flatMap(byte => {
    const known = escapes[byte]
    if (known !== undefined) return [...Buffer.from(known)]
    return byte < 0x20 || byte === 0x7f
      ? [...Buffer.from(`\\u00${byte.toString(16).padStart(2, '0')}`)]
      : [byte]
  })
  const body = Buffer.concat([
    Buffer.from('{"data":"'),
    Buffer.from(escaped),
    Buffer.from(`","offset":${offset}}`),
  ])
  return { status: 200, body, contentType: jsonType }
}

function withJsonp(request: HttpRequest, answer: HttpReply): HttpReply {
  const callback = request.query.get('jsonp')
  if (callback === null || answer.body === undefined) return answer
  const body = Buffer.concat([Buffer.from(`${callback}(`), Buffer.from(answer.body), Buffer.from(')')])
  return { ...answer, body, contentType: 'text/javascript' }
}

async function download(
  response: ServerResponse,
  name: string,
  path: string,
  stats: Stats,
): Promise<undefined> {
  response.sendDate = false
  response.removeHeader('Connection')
  response.setHeader('Date', new Date().toUTCString())
  response.setHeader('Content-Length', String(stats.size))
  response.setHeader('Content-Disposition', `attachment; filename=${basename(name)}`)
  response.setHeader('Content-Type', 'application/octet-stream')
  response.writeHead(200)
  if (stats.size === 0) {
    response.end()
    return undefined
  }
  // A file that grows meanwhile is given up to the length that was announced.
  const source = createReadStream(path, { end: stats.size - 1 })
  // A reader that goes away is no fault of ours.
  await pipeline(source, response).catch(() => response.destroy())
  return undefined
}

export interface FileInfo {
  readonly path: string
  readonly stats: Stats
  readonly uid: string
  readonly gid: string
}

/** What is in a folder, by name, under the name that was asked for. */
export function listFolder(name: string, path: string): FileInfo[] {
  const users = names('/etc/passwd')
  const groups = names('/etc/group')
  return readdirSync(path)
    .sort()
    .flatMap(entry => {
      const stats = statSync(join(path, entry), { throwIfNoEntry: false })
      if (stats === undefined) return []
      return {
        path: `${name.replace(/\/$/, '')}/${entry}`,
        stats,
        uid: users.get(stats.uid) ?? String(stats.uid),
        gid: groups.get(stats.gid) ?? String(stats.gid),
      }
    })
}

function browse(name: string, path: string): unknown[] {
  return listFolder(name, path).map(({ stats, uid, gid, path: own }) => ({
    gid,
    mode: modeText(stats),
    mtime: Math.floor(stats.mtimeMs / 1000),
    nlink: stats.nlink,
    path: own,
    size: stats.size,
    uid,
  }))
}

/** As `ls -l` writes it: `-rw-r--r--`. */
function modeText(stats: Stats): string {
  const kind = stats.isDirectory() ? 'd' : stats.isSymbolicLink() ? 'l' : '-'
  const bits = Array.from('rwxrwxrwx', (letter, index) => ((stats.mode >> (8 - index)) & 1 ? letter : '-'))
  return kind + bits.join('')
}

/** Numbers to names of /etc/passwd or /etc/group. */
function names(file: string): Map<number, string> {
  try {
    const lines = readFileSync(file, 'utf8').split('\n')
    return new Map(lines.map(line => [Number(line.split(':')[2]), line.split(':')[0] ?? '']))
  } catch {
    return new Map()
  }
}
