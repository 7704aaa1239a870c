// POST /api/v1 of an agent: health, version and files; what else a real agent has is refused as not imitated.
import { statSync } from 'node:fs'
import type { AgentCall, AgentResponse } from 'mesos-http-client'
import type { Attachments } from '../agent/attachments.ts'
import { listFolder, readBytes } from './files.ts'
import { acceptCodec, bodyCodec, isReply, readMessage } from './negotiate.ts'
import { versionPage } from './page-parts.ts'
import { text, wrongMethod, type HttpReply, type HttpRequest } from './server.ts'

export async function handleAgentOperator(request: HttpRequest, files: Attachments): Promise<HttpReply> {
  if (request.method !== 'POST') return wrongMethod(request.method, ['POST'])
  const encoding = bodyCodec(request)
  if (isReply(encoding)) return encoding
  const read = readMessage('agent.Call', request.body, encoding)
  if (isReply(read)) return read
  const accepted = acceptCodec(request)
  if (isReply(accepted)) return accepted
  const answer = await respond(read.message, files)
  if ('status' in answer) return answer
  return { status: 200, contentType: accepted.contentType, body: accepted.encode('agent.Response', answer) }
}

async function respond(call: AgentCall, files: Attachments): Promise<AgentResponse | HttpReply> {
  switch (call.type) {
    case 'GET_HEALTH':
      return { type: 'GET_HEALTH', get_health: { healthy: true } }
    case 'GET_VERSION':
      return { type: 'GET_VERSION', get_version: { version_info: versionPage } }
    case 'LIST_FILES': {
      const path = call.list_files?.path ?? ''
      const found = files.resolve(path)
      if (found.kind !== 'found') return text(404, '')
      const infos = statSync(found.path).isDirectory() ? listFolder(path, found.path) : []
      return {
        type: 'LIST_FILES',
        list_files: {
          file_infos: infos.map(({ path: own, stats, uid, gid }) => ({
            path: own,
            nlink: stats.nlink,
            size: stats.size,
            mtime: { nanoseconds: BigInt(Math.floor(stats.mtimeMs / 1000)) * 1_000_000_000n },
            mode: stats.mode,
            uid,
            gid,
          })),
        },
      }
    }
    case 'READ_FILE': {
      const asked = call.read_file
      const found = files.resolve(asked?.path ?? '')
      if (asked === undefined || found.kind !== 'found') return text(404, '')
      const { size } = statSync(found.path)
      const offset = Number(asked.offset)
      const length = Math.max(Math.min(Number(asked.length ?? size), size - offset), 0)
      return { type: 'READ_FILE', read_file: { size, data: await readBytes(found.path, offset, length) } }
    }
    case undefined:
      return text(400, "Failed to validate agent::Call: Expecting 'type' to be present")
    default:
      return /^[A-Z]+(_[A-Z]+)+$/.test(call.type)
        ? text(501, `${call.type} is not imitated by this agent`)
        : text(400, "Failed to validate agent::Call: Expecting 'type' to be present")
  }
}
