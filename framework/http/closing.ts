// Lets requests that have begun come to their end when the process ends, for some seconds. New ones get 503 meanwhile.
import type { FastifyInstance, FastifyRequest } from 'fastify'

const graceMs = 5000

/** The signal is aborted when closing begins, for answers that have no end of their own. */
export function finishBeforeClose(app: FastifyInstance): AbortSignal {
  const closing = new AbortController()
  const underWay = new Set<FastifyRequest>()
  let finished: (() => void) | undefined
  app.addHook('onRequest', async (request, reply) => {
    underWay.add(request)
    // Also where the client went before the end, which fastify's own hook does not tell.
    reply.raw.once('close', () => {
      underWay.delete(request)
      if (underWay.size === 0) finished?.()
    })
  })
  app.addHook('preClose', async () => {
    closing.abort()
    if (underWay.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, graceMs)
    finished = resolve
    await promise
    clearTimeout(timer)
  })
  return closing.signal
}
