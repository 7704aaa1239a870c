// Carries an attached container's output from the engine's connection into the task's log files, at the pace of the files.
import type { Duplex } from 'node:stream'
import type { LogSink } from '../types.ts'
import { OutputDemux } from './demux.ts'

export interface Attachment {
  /**
   * Resolves when the connection has ended and all that came is in the sink; with an error where it broke. Never rejects.
   * The container may still run: it may have closed its output, or the engine may have gone.
   */
  readonly ended: Promise<Error | undefined>
  /** Reads no more; `ended` resolves. */
  detach(): void
}

export function carryOutput(socket: Duplex, head: Uint8Array, sink: LogSink): Attachment {
  return { ended: carry(socket, head, sink), detach: () => socket.destroy() }
}

async function carry(socket: Duplex, head: Uint8Array, sink: LogSink): Promise<Error | undefined> {
  const demux = new OutputDemux()
  try {
    for (const { stream, data } of demux.push(head)) await sink[stream](data)
    // Waiting for the sink inside the loop is the back-pressure: the engine stops reading the container's pipe after 1 MB.
    for await (const chunk of socket as AsyncIterable<Uint8Array>)
      for (const { stream, data } of demux.push(chunk)) await sink[stream](data)
    return undefined
  } catch (error) {
    socket.destroy()
    return error instanceof Error ? error : new Error(String(error))
  }
}
