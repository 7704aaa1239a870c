// What is to be trusted for https, and what a failed handshake means for whoever sets it up. Node says nothing about a `ca`
// without certificates: it trusts nobody then, and each connection fails.

/** Whom to trust over TLS, and what to show. Here, since declarations that need Node's types can't be published. */
export interface TlsOptions {
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string | undefined
  /** PEM; shown to a server that asks for it, with its key. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** `false` takes whatever certificate the server shows. */
  readonly verify?: boolean | undefined
  /** A trusted certificate for one of these is taken too, besides one for the URL's host; `any`: for whomever. */
  readonly names?: readonly string[] | 'any' | undefined
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/**
 * Checks PEM certificates that are to be trusted; costs nothing without any.
 * @param of whose option it is, for the message
 * @throws TypeError if there is none, or one that can't be read
 */
export function checkCa(of: string, ca: string | undefined): void {
  if (ca === undefined) return
  const certificates = ca.match(PEM) ?? []
  if (certificates.length === 0) {
    throw new TypeError(`${of}: ca has no PEM certificate: it is the text of the file, not its name`)
  }
  // loaded here, since an executor without TLS has no use for it
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  for (const [index, certificate] of certificates.entries()) {
    try {
      void new X509Certificate(certificate)
    } catch (cause) {
      throw new TypeError(`${of}: ca has a certificate that can not be read, its ${index + 1}.`, { cause })
    }
  }
}

const UNTRUSTED = 'nobody that is trusted has signed its certificate: put the PEM of who did into `ca`'

/** By Node's codes, which are OpenSSL's names of what is wrong. */
const advice: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself: put its PEM into `ca`',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another host: use a URL with a name that it has, or issue it for this one',
  CERT_HAS_EXPIRED: 'its certificate is to be renewed, or a clock is wrong',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, or a clock is wrong',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it speaks no TLS there: is it http?',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    'it demands a certificate of its client, which this package does not send',
}

/** What OpenSSL says where Node has but EPROTO. */
const texts: readonly (readonly [RegExp, string])[] = [
  [/wrong version number/, 'ERR_SSL_WRONG_VERSION_NUMBER'],
  [/alert certificate required/, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'],
]

/** True for codes of a TLS handshake: until it is through, nothing was sent. */
export function isTlsFailure(code: string): boolean {
  return (
    code === 'EPROTO' ||
    code === 'INVALID_CA' ||
    code === 'HOSTNAME_MISMATCH' ||
    /^(ERR_TLS|ERR_SSL|UNABLE_TO_|CERT_)|_CERT(_|$)/.test(code)
  )
}

/** What would put an end to a failure of TLS; undefined if that is not known. */
export function tlsAdvice(code: string, message: string): string | undefined {
  const found = code === 'EPROTO' ? texts.find(([text]) => text.test(message))?.[1] : code
  return found === undefined ? undefined : advice[found]
}
