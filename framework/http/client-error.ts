// Answers bytes that are no HTTP request. There is no request object then, so fastify's handlers never see them.
import type { ConnectionError } from 'fastify'
import type { Socket } from 'node:net'
import { Problem, problemType } from './problems.ts'

const statuses: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'the header of the request is too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not come in time'],
}

export function answerMalformed(error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, detail] = statuses[error.code] ?? [400, 'this is no HTTP request']
  const body = JSON.stringify({ ...new Problem('bad_request', detail).json(), status })
  socket.end(
    `HTTP/1.1 ${status} ${status === 400 ? 'Bad Request' : 'Refused'}\r\n` +
      `content-type: ${problemType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}
