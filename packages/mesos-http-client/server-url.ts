// The URL of a master or an agent, as it stands in options. Pure. No error of it repeats what it was given: URLs turn up
// in errors and phases, and who has put a password into one should not read it there.

/**
 * @param of the option, for the message
 * @throws TypeError that says what would be right
 */
export function serverUrl(of: string, text: string): URL {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new TypeError(`${of} must be a URL such as http://10.0.0.1:5050`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new TypeError(`${of} must have no user and password: they go into \`credential\``)
  }
  return url
}
