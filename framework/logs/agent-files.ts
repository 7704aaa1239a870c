// The files of all agents, through their /files endpoints. One client for each agent, kept for its connections.
import { FilesClient, type OperatorOptions } from 'mesos-http-client'
import type { AgentFiles } from './rotated-log.ts'

export type AgentFilesOptions = Pick<
  OperatorOptions,
  'credential' | 'ca' | 'connectTimeoutMs' | 'callTimeoutMs'
>

export class AllAgentFiles {
  readonly #options: AgentFilesOptions
  readonly #clients = new Map<string, FilesClient>()

  /** `credential` is for agents, not for the master. */
  constructor(options: AgentFilesOptions) {
    this.#options = options
  }

  /** For the agent at `http://host:port`. */
  of(agentUrl: string): AgentFiles {
    const client = this.#clients.get(agentUrl) ?? new FilesClient({ ...this.#options, url: agentUrl })
    this.#clients.set(agentUrl, client)
    return {
      async list(folder) {
        const entries = await client.browse(folder)
        return entries.map(({ path, sizeBytes, modifiedMs }) => ({
          name: path.slice(path.lastIndexOf('/') + 1),
          size: sizeBytes,
          modifiedMs,
        }))
      },
      async read(path, offset, length) {
        return (await client.read(path, offset, length)).data
      },
      download: path => client.download(path),
    }
  }

  /** Breaks what is under way. */
  close(): void {
    for (const client of this.#clients.values()) client.close()
    this.#clients.clear()
  }
}
