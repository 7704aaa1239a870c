// From the JSON of a submission to a complete spec, or to every field that is wrong with it. Pure.
import type { TaskSpec } from '../domain/spec.ts'
import { checker, type Checked, type FieldError } from './check.ts'
import { maxSpecBytes, TaskRequest } from './schemas/task-request.ts'
import { specJson, toSpec } from './spec-json.ts'
import { ruleErrors, textErrors } from './task-rules.ts'

const checkShape = checker(TaskRequest)

/** All faults of shape, of text and between fields together; one error for each field. */
export function checkSubmission(body: unknown): Checked<TaskSpec> {
  // First: to name each fault of a megabyte takes half a second, in which this process does nothing else.
  const sentBytes = bytesAsJson(body)
  if (sentBytes > maxSpecBytes) return tooLong(sentBytes)
  const shape = checkShape(body)
  const errors = ('errors' in shape ? [...shape.errors] : []).concat(textErrors(body), ruleErrors(body))
  if ('errors' in shape || errors.length > 0) return { errors: oneEach(errors) }
  const spec = toSpec(shape.value)
  const bytes = bytesAsJson(specJson(spec))
  return bytes > maxSpecBytes ? tooLong(bytes) : { value: spec }
}

function tooLong(bytes: number): { readonly errors: readonly FieldError[] } {
  return {
    errors: [{ path: '', message: `must be at most ${maxSpecBytes} bytes long as JSON, not ${bytes}` }],
  }
}

function bytesAsJson(value: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(value) ?? '')
  } catch {
    // Nested deeper than it can be written; the schema names the field.
    return 0
  }
}

function oneEach(errors: readonly FieldError[]): FieldError[] {
  const seen = new Set<string>()
  return errors.filter(({ path }) => !seen.has(path) && seen.add(path))
}
