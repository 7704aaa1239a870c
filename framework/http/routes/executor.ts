// The executor's archives for the fetchers of Mesos agents: named by their hash, so they never change. While two versions run
// side by side behind one public URL, an agent may ask the one for what the other has: it is sent on to the leader, whose
// executor it wants.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../problems.ts'
import { ProblemAnswer } from '../schemas/answers.ts'

const Params = Type.Object(
  { file: Type.String({ description: '`<sha256>.tar.gz`' }) },
  { additionalProperties: false },
)

export interface ExecutorRouteDeps {
  /** Path of each archive by its name in the URL, `<sha256>.tar.gz`. */
  readonly executorArtifacts: ReadonlyMap<string, string>
  /** Base URL of the process that leads, unless that is this one. */
  readonly leaderElsewhere: () => Promise<string | undefined>
}

const archiveName = /^[0-9a-f]{64}\.tar\.gz$/

export function executorRoutes(instance: FastifyInstance, deps: ExecutorRouteDeps): void {
  const { executorArtifacts: artifacts, leaderElsewhere } = deps
  instance.withTypeProvider<TypeBoxTypeProvider>().route({
    // The fetcher asks with HEAD for the length first, to make room in its cache.
    method: ['GET', 'HEAD'],
    url: '/executor/:file',
    config: { access: 'open' },
    schema: {
      tags: ['executor'],
      summary: 'An archive of the executor, for Mesos agents',
      params: Params,
      produces: ['application/gzip'],
      response: {
        200: Type.Unsafe<unknown>({
          type: 'string',
          format: 'binary',
          'x-response-description': 'The archive.',
        }),
        307: Type.Null({ 'x-response-description': 'The process that leads has it, at `Location`.' }),
        304: Type.Null({ 'x-response-description': 'The asker has it.' }),
        404: ProblemAnswer,
      },
    },
    handler: async (request, reply) => {
      const { file } = request.params
      const path = artifacts.get(file)
      const size = path === undefined ? undefined : await sizeOf(path)
      // Fetchers follow redirects, also with HEAD (stout's net.hpp).
      const elsewhere = path === undefined && archiveName.test(file) ? await leaderElsewhere() : undefined
      if (elsewhere !== undefined) return reply.redirect(`${elsewhere}/executor/${file}`, 307)
      if (path === undefined || size === undefined)
        throw new Problem(
          'not_found',
          `this version of Juice has no executor archive ${JSON.stringify(file)}`,
        )
      const etag = `"${file.split('.', 1)[0]}"`
      void reply.headers({ etag, 'cache-control': 'public, max-age=31536000, immutable' })
      if (request.headers['if-none-match'] === etag) return reply.code(304).send(null)
      void reply.type('application/gzip').header('content-length', size)
      return request.method === 'HEAD' ? reply.send() : reply.send(createReadStream(path))
    },
  })
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch {
    return undefined
  }
}
