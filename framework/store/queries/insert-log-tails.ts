// The last bytes of attempts' output. A repeated update brings none a second time, since it changes nothing.
import type { Queryable } from '../pool.ts'

export interface LogTail {
  readonly taskId: number
  readonly attempt: number
  readonly stdout: Uint8Array | undefined
  readonly stderr: Uint8Array | undefined
}

export async function insertLogTails(db: Queryable, at: Date, tails: readonly LogTail[]): Promise<void> {
  await db.query(
    `insert into tasks.log_tail (task_id, attempt, at, stdout, stderr)
     select r."taskId", r.attempt, $2, decode(r.stdout, 'base64'), decode(r.stderr, 'base64')
     from json_to_recordset($1::json) as r("taskId" bigint, attempt integer, stdout text, stderr text)`,
    [
      JSON.stringify(
        tails.map(({ taskId, attempt, stdout, stderr }) => ({
          taskId,
          attempt,
          stdout: base64(stdout),
          stderr: base64(stderr),
        })),
      ),
      at,
    ],
  )
}

function base64(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString('base64')
}
