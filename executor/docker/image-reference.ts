// Reads the name of an image as Docker does: registry, repository, tag or digest. Pure.

export interface ImageReference {
  /** Host of the registry, with its port; `docker.io` where the name has none. */
  readonly registry: string
  /** As the engine wants it, without tag and digest: `busybox`, `registry.example:5000/team/tool`. */
  readonly name: string
  /** A tag, or `sha256:…`. */
  readonly version: string
  readonly isDigest: boolean
}

const name = /^(?:[A-Za-z0-9.\-_[\]:]+\/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+|\/)[a-z0-9]+)*$/
const tag = /^\w[\w.-]{0,127}$/
const digest = /^[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z0-9]+)*:[0-9a-fA-F]{32,}$/

/**
 * Reads `registry.example:5000/team/tool:1.2` and the like; the tag is `latest` where none is given, and a digest wins over a
 * tag beside it.
 * @returns undefined where it is no image's name.
 */
export function parseImage(image: string): ImageReference | undefined {
  const [beforeDigest = '', givenDigest] = image.split('@', 2)
  if (image.split('@').length > 2) return undefined
  const colon = beforeDigest.lastIndexOf(':')
  const tagged = colon > beforeDigest.lastIndexOf('/')
  const bare = tagged ? beforeDigest.slice(0, colon) : beforeDigest
  const givenTag = tagged ? beforeDigest.slice(colon + 1) : 'latest'
  if (!name.test(bare) || bare.length > 255 || !tag.test(givenTag)) return undefined
  if (givenDigest !== undefined && !digest.test(givenDigest)) return undefined
  return {
    registry: registryOf(bare),
    name: bare,
    version: givenDigest ?? givenTag,
    isDigest: givenDigest !== undefined,
  }
}

/** The complete name by which the engine finds the image locally. */
export function fullName({ name, version, isDigest }: ImageReference): string {
  return `${name}${isDigest ? '@' : ':'}${version}`
}

function registryOf(bare: string): string {
  const [first = '', ...rest] = bare.split('/')
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io'
}
