// One TCP connection on which recorded bytes are written as they were, several calls at once too; answers are read as
// they come.
import { connect, type Socket } from 'node:net'

export interface RawHttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export class RawConnection {
  readonly #socket: Socket
  #received = ''
  readonly #watchers = new Set<() => void>()

  /** `url` as in `http://127.0.0.1:5050`. */
  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.#socket = connect(Number(port), hostname)
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (chunk: string) => {
      this.#received += chunk
      for (const look of this.#watchers) look()
    })
    this.#socket.on('error', () => undefined)
  }

  /** Writes the calls and waits for that many answers, all with a Content-Length. */
  async send(text: string, count: number): Promise<RawHttpAnswer[]> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const answers: RawHttpAnswer[] = []
    const look = (): void => {
      for (let answer = this.#take(); answer !== undefined; answer = this.#take()) answers.push(answer)
      if (answers.length >= count) resolve(undefined)
    }
    const closed = (): void => reject(new Error(`the connection ended after ${answers.length} answers`))
    this.#watchers.add(look)
    this.#socket.once('close', closed)
    this.#socket.write(text)
    try {
      await promise
    } finally {
      this.#watchers.delete(look)
      this.#socket.off('close', closed)
    }
    return answers
  }

  close(): void {
    this.#socket.destroy()
  }

  /** The first whole answer that has been received. */
  #take(): RawHttpAnswer | undefined {
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return undefined
    const [first = '', ...lines] = this.#received.slice(0, end).split('\r\n')
    const headers = Object.fromEntries(lines.map(line => line.split(': ', 2) as [string, string]))
    const stop = end + 4 + Number(headers['Content-Length'] ?? 0)
    if (this.#received.length < stop) return undefined
    const body = this.#received.slice(end + 4, stop)
    this.#received = this.#received.slice(stop)
    return { status: Number(first.split(' ')[1]), headers, body }
  }
}
