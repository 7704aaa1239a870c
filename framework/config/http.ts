// Where this process listens, and at which URLs it is found: by its own variables, or as Marathon gives them. Reads variables,
// knows nobody else.
import { isLoopback, matching, oneOf, wholeNumber, type Environment, type Variables } from '../environment.ts'

export interface HttpConfig {
  readonly host: string
  /** 0: any free port; `atPort` then corrects the URLs. */
  readonly port: number
  readonly allowUnauthenticated: boolean
}

export interface Marathon {
  readonly appId: string
  readonly host?: string
  /** On the host, also where a container has a port of its own. */
  readonly port?: number
}

/** `HOST` and `PORT0` mean something only beside Marathon's own variable: some shells set the first one. */
export function readMarathon(variables: Variables, env: Environment): Marathon | undefined {
  const appId = env.MARATHON_APP_ID?.trim() ?? ''
  if (appId === '') return undefined
  const host = env.HOST?.trim() ?? ''
  const port = launcherPort(env, 'PORT0')
  if (host !== '' && !hostPattern.test(host))
    variables.errors.push(
      `HOST must be the agent's host name, as Marathon sets it, not ${JSON.stringify(host)}`,
    )
  return {
    appId,
    ...(host === '' ? {} : { host }),
    ...(port === undefined ? {} : { port }),
  }
}

export function readHttp(
  variables: Variables,
  env: Environment,
  marathon: Marathon | undefined,
  warnings: string[],
): HttpConfig {
  const port = wholeNumber(0, 65_535)
  const allowUnauthenticated = variables.read('JUICE_ALLOW_UNAUTHENTICATED', oneOf('1', '0'), '0') === '1'
  const byMarathon = allowUnauthenticated && marathon?.host !== undefined
  const givenHost = variables.read('JUICE_HTTP_HOST', hostOf, undefined)
  const host = givenHost ?? (byMarathon ? '0.0.0.0' : '127.0.0.1')
  if (marathon && givenHost === undefined && !byMarathon)
    variables.errors.push(
      allowUnauthenticated
        ? 'HOST must be set where Marathon runs Juice (MARATHON_APP_ID is set), or JUICE_HTTP_HOST and JUICE_PUBLIC_URL'
        : "JUICE_ALLOW_UNAUTHENTICATED must be 1 where Marathon runs Juice (MARATHON_APP_ID is set): there is no authentication yet, so that Juice listens on loopback only, where Marathon's health checks and agents do not reach it. Set it in a network that you trust, or JUICE_HTTP_HOST=127.0.0.1 behind a proxy of your own",
    )
  if (!isLoopback(host)) {
    if (allowUnauthenticated)
      warnings.push(
        `listening on ${host} without authentication (JUICE_ALLOW_UNAUTHENTICATED=1): everyone who reaches this port can run programs on the cluster`,
      )
    else
      variables.errors.push(
        `JUICE_HTTP_HOST must be a loopback address, not "${host}": there is no authentication yet, and everyone who reaches the port could run programs on the cluster. JUICE_ALLOW_UNAUTHENTICATED=1 permits it in a network that you trust`,
      )
  }
  // Marathon and other launchers give a process its ports as PORT0, PORT1.
  const given = variables.read('JUICE_HTTP_PORT', port, undefined)
  return { host, port: given ?? launcherPort(env, 'PORT0') ?? 8080, allowUnauthenticated }
}

function launcherPort(env: Environment, name: string): number | undefined {
  const text = env[name] ?? ''
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65_535 ? port : undefined
}

/** Listens there on all addresses of the machine. */
export function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** Where a listener on all addresses is found: at its machine's name. */
export function urlOf(host: string, port: number, machine: string): string {
  const reachable = isEverywhere(host) ? machine : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

const hostPattern = /^[A-Za-z0-9.:_-]{1,253}$/
const hostOf = matching(hostPattern, 'a host name or an IP address without brackets')
