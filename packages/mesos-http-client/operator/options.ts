// What OperatorClient and FilesClient are told. Types only.
import type { Clock } from '../clock.ts'

/** Whom to ask, as who, and how long to wait. */
export interface OperatorOptions {
  /** Of a master or an agent, such as `http://10.0.0.1:5051`. */
  readonly url: string
  /** For Basic authentication (S18); agents may have another one than masters. */
  readonly credential?: { readonly principal: string; readonly secret: string } | undefined
  /** PEM certificates to trust for https, instead of Node's own list. */
  readonly ca?: string | undefined
  /** 3 s. */
  readonly connectTimeoutMs?: number | undefined
  /** For the answer to begin, and for each further piece of it; 10 s. */
  readonly callTimeoutMs?: number | undefined
  /** A longer answer is refused, but for downloads; 128 MiB. */
  readonly maxAnswerBytes?: number | undefined
  readonly clock?: Clock | undefined
}
