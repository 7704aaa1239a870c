// Why a task's URI could not be had, as a sentence for people.
export class FetchError extends Error {
  override readonly name = 'FetchError'
}
