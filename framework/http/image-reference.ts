// What is wrong with the name of an image, in words. Whether something is, the executor's own parser decides. Pure.
import { parseImage } from '../../executor/docker/image-reference.ts'

/** To be read after the field's name; undefined where nothing is wrong. */
export function imageReferenceError(image: string): string | undefined {
  if (parseImage(image) !== undefined) return undefined
  if (/[^\x21-\x7e]/.test(image)) return 'must be an image without blanks and non-ASCII characters'
  const [named = '', digest] = image.split('@')
  if (digest !== undefined && parseImage(named) !== undefined)
    return 'must end in a digest such as @sha256:<64 hexadecimal digits>, where it has an @'
  const colon = named.lastIndexOf(':')
  if (colon > named.lastIndexOf('/') && parseImage(named.slice(0, colon)) !== undefined)
    return 'must have a tag of 1 to 128 letters, digits, _, . and -, not beginning with . or -'
  if (parseImage(named.toLowerCase()) !== undefined) return 'must be in lower case'
  return 'must be an image such as tool, team/tool:1.2 or registry.example:5000/team/tool@sha256:…'
}
