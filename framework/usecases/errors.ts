// What a use case refuses, as errors that an edge can translate by their code.

export type UseCaseErrorCode =
  'idempotency_key_reused' | 'invalid_cursor' | 'framework_id_conflict' | 'origin_refused'

/** The caller's fault: repeating the same call gives the same answer. */
export class UseCaseError extends Error {
  readonly code: UseCaseErrorCode

  constructor(code: UseCaseErrorCode, message: string) {
    super(message)
    this.name = 'UseCaseError'
    this.code = code
  }
}
