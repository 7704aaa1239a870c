// A real Docker engine for tests: that of the whole run (JUICE_TEST_DOCKER_HOST), or one started for this mocha process and
// closed when it ends. The image of the tests is packed into it.
import { DockerEngine } from '../../executor/docker/engine.ts'
import type { ListedContainer } from '../../executor/types.ts'
import { packDemoImage } from '../../scripts/demo-image.ts'
import { startDockerEngine, type PrivateEngine } from '../../scripts/docker-engine.ts'

/** Packed locally, no registry: busybox, `demo`, users root, demo (1000) and nobody. */
export const testImage = 'juice-demo:latest'

let started: Promise<PrivateEngine> | undefined
let packed: Promise<{ dockerHost: string }> | undefined

/** The engine, with `testImage` in it. The first call of a process may take seconds. */
export function testDocker(): Promise<{ dockerHost: string }> {
  packed ??= engine().then(async ({ dockerHost }) => {
    await packDemoImage(dockerHost, testImage)
    return { dockerHost }
  })
  return packed
}

async function engine(): Promise<{ dockerHost: string }> {
  const dockerHost = process.env['JUICE_TEST_DOCKER_HOST']
  if (dockerHost !== undefined) return { dockerHost }
  started ??= startDockerEngine()
  return started
}

/** All containers, running or not, that carry every one of `labels`. */
export async function containersOf(
  dockerHost: string,
  labels: Readonly<Record<string, string>>,
): Promise<readonly ListedContainer[]> {
  const docker = new DockerEngine({ dockerHost })
  try {
    return await docker.list({ labels: Object.entries(labels).map(([name, value]) => `${name}=${value}`) })
  } finally {
    await docker.close()
  }
}

// A root hook: mocha runs it after the last test of all files that were loaded.
after(async function closeTestEngine() {
  this.timeout(30_000)
  await started?.then(
    running => running.close(),
    () => {},
  )
})
