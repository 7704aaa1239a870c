// Downloads one URI to a new file: http and https, redirects to those only, with limits on bytes and time.
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { reasonOf } from '../logger.ts'
import { FetchError } from './errors.ts'

// An `import` of node:http reads all that it exports, which loads the undici inside Node: 13 MB on every agent (E46).
const { get: httpGet } = process.getBuiltinModule('node:http')

const maxRedirects = 5

export interface DownloadOptions {
  readonly url: string
  readonly file: string
  readonly maxBytes: number
  /** Without any byte for so long it is given up. */
  readonly idleMs: number
  readonly signal: AbortSignal
}

/** @returns the bytes' sha256, hexadecimal. @throws FetchError, or the signal's reason. */
export async function download(o: DownloadOptions): Promise<string> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  await using file = await open(o.file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  try {
    const answer = await request(new URL(o.url), o, 0)
    const announced = Number(answer.headers['content-length'] ?? 0)
    if (announced > o.maxBytes) throw tooLarge(o)
    const hash = createHash('sha256')
    let received = 0
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      received += chunk.length
      if (received > o.maxBytes) throw tooLarge(o)
      hash.update(chunk)
      await file.writeFile(chunk)
    }
    if (!answer.complete) throw new FetchError('the connection broke off')
    return hash.digest('hex')
  } catch (error) {
    o.signal.throwIfAborted()
    throw error instanceof FetchError ? error : new FetchError(reasonOf(error))
  }
}

function tooLarge(o: DownloadOptions): FetchError {
  return new FetchError(`it is larger than the ${o.maxBytes} bytes that are allowed`)
}

async function request(url: URL, o: DownloadOptions, redirects: number): Promise<IncomingMessage> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new FetchError(`only http and https are fetched, not ${url.protocol}`)
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const get = url.protocol === 'https:' ? process.getBuiltinModule('node:https').get : httpGet
    // No agent: nothing is kept open after a task's few files.
    const headers = { 'User-Agent': 'juice-executor' }
    let answered: IncomingMessage | undefined
    const asked = get(url, { agent: false, signal: o.signal, headers }, response => {
      answered = response
      resolve(response)
    })
    asked.setTimeout(o.idleMs, () => {
      const silence = new FetchError(`nothing came for ${o.idleMs / 1000} s`)
      answered?.destroy(silence)
      asked.destroy(silence)
    })
    asked.once('error', reject)
  })
  const status = answer.statusCode ?? 0
  const location = answer.headers.location
  if (status >= 300 && status < 400 && location !== undefined) {
    answer.destroy()
    if (redirects === maxRedirects) throw new FetchError(`more than ${maxRedirects} redirects`)
    return request(new URL(location, url), o, redirects + 1)
  }
  if (status === 200) return answer
  answer.destroy()
  throw new FetchError(`the server answered ${status} ${answer.statusMessage ?? ''}`.trimEnd())
}
