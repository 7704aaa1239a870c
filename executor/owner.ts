// Who owns the containers and processes of this executor, and how others ask whether that owner still lives (E42).
import { readFile, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { ownerSocket } from './docker/sweep.ts'
import type { HostIdentity } from './docker/sweep.ts'

/**
 * Listens on the owner's abstract socket until closed, or until this process dies. It says nothing: that it takes a
 * connection is the answer. @throws Error where another process holds it.
 */
export async function holdOwnerSocket(owner: string): Promise<Server> {
  const server = createServer(socket => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path: ownerSocket(owner) }, resolve)
  })
  return server
}

/** Where the owner's socket can be asked, and since when: labels of every container. */
export async function hostIdentity(): Promise<HostIdentity> {
  const [netns, boot] = await Promise.all([
    stat('/proc/self/ns/net'),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
  ])
  return { netns: String(netns.ino), boot: boot.trim() }
}
