// How an executor speaks TLS to its agent: as Mesos' own library does, told by LIBPROCESS_SSL_* (or the older SSL_*).
// An agent passes them on only where its --executor_environment_variables name them (E6). Reads the files named there.
import { readdirSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { TlsOptions } from '../tls.ts'

export interface ExecutorTls {
  readonly caFile?: string
  readonly caDir?: string
  /** Shown to an agent that asks for certificates of its clients. */
  readonly certFile?: string
  readonly keyFile?: string
  /** Whether the agent's certificate is verified at all. */
  readonly verify: boolean
  /**
   * How its name is: `address` is in the certificate, or `reverse`: the name that the address resolves to (libprocess'
   * scheme `legacy`; it lets an address without a name pass).
   */
  readonly naming: 'address' | 'reverse'
}

/**
 * Undefined where the agent speaks plain HTTP. Pure.
 * @param wrong takes a sentence for each variable that is wrong
 */
export function executorTls(
  env: Readonly<Record<string, string | undefined>>,
  wrong: (problem: string) => void,
): ExecutorTls | undefined {
  const text = (name: string): string | undefined =>
    env[`LIBPROCESS_SSL_${name}`] || env[`SSL_${name}`] || undefined
  const flag = (name: string): boolean => {
    const value = text(name) ?? 'false'
    if (!['true', '1', 'false', '0'].includes(value))
      wrong(`LIBPROCESS_SSL_${name} is neither true nor false: ${value}`)
    return value === 'true' || value === '1'
  }
  if (!flag('ENABLED')) return undefined
  const scheme = text('HOSTNAME_VALIDATION_SCHEME') ?? 'legacy'
  if (scheme !== 'legacy' && scheme !== 'openssl')
    wrong(`LIBPROCESS_SSL_HOSTNAME_VALIDATION_SCHEME is neither legacy nor openssl: ${scheme}`)
  const [caFile, caDir, certFile, keyFile] = [
    text('CA_FILE'),
    text('CA_DIR'),
    text('CERT_FILE'),
    text('KEY_FILE'),
  ]
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(caDir === undefined ? {} : { caDir }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    verify: ['VERIFY_SERVER_CERT', 'VERIFY_CERT', 'REQUIRE_CLIENT_CERT', 'REQUIRE_CERT'].some(flag),
    naming: scheme === 'openssl' || flag('VERIFY_IPADD') ? 'address' : 'reverse',
  }
}

/**
 * What a connection to `endpoint` (`host:port`) needs. A certificate of ours that this user can't read is left out: most
 * agents ask for none.
 * @throws Error that names the variable whose CA file or folder can't be read
 */
export async function readTls(tls: ExecutorTls, endpoint: string): Promise<TlsOptions> {
  const own = { cert: readOwn(tls.certFile), key: readOwn(tls.keyFile) }
  const identity = own.cert === undefined || own.key === undefined ? {} : { cert: own.cert, key: own.key }
  if (!tls.verify) return { ...identity, verify: false }
  const ca = readTrusted(tls)
  return {
    ...identity,
    ...(ca === undefined ? {} : { ca }),
    ...(tls.naming === 'reverse' ? { names: await namesOf(endpoint) } : {}),
  }
}

function readOwn(path: string | undefined): string | undefined {
  try {
    return path === undefined ? undefined : readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function readTrusted({ caFile, caDir }: ExecutorTls): string | undefined {
  const named = <T>(name: string, read: () => T): T => {
    try {
      return read()
    } catch (error) {
      throw new Error(`LIBPROCESS_SSL_${name}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      })
    }
  }
  const file = caFile === undefined ? [] : [named('CA_FILE', () => readFileSync(caFile, 'utf8'))]
  const folder = caDir === undefined ? [] : named('CA_DIR', () => certificatesIn(caDir))
  return file.length + folder.length === 0 ? undefined : [...file, ...folder].join('\n')
}

function certificatesIn(dir: string): string[] {
  return readdirSync(dir).flatMap(name => {
    const text = readOwn(join(dir, name)) ?? ''
    return text.includes('-----BEGIN CERTIFICATE-----') ? [text] : []
  })
}

/** The name of the agent's address; `any` where it has none, as in libprocess. */
async function namesOf(endpoint: string): Promise<readonly string[] | 'any'> {
  const { hostname, port } = new URL(`http://${endpoint}`)
  const address = hostname.replace(/^\[|\]$/g, '')
  if (isIP(address) === 0) return [address]
  // loaded here: half a megabyte of resident memory on every agent, and few need it
  const { lookupService } = process.getBuiltinModule('node:dns/promises')
  try {
    const found = await lookupService(address, Number(port || 0))
    return found.hostname === address ? 'any' : [found.hostname]
  } catch {
    return 'any'
  }
}
