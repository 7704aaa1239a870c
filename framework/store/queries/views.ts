// The two halves of a task's record as answers show it: live and history, with the same columns. SQL only.

/** `t` is the live task. */
export const liveView = `
  t.id, t.tenant, t.name, t.state, t.spec, t.attempt, t.failures, t.faults, t.message, null::text as result,
  t.exit_code, t.caveat, t.kill_requested_at, t.overran_at, t.not_before, t.hold_agent_id, t.hold_executor_id,
  t.hold_generation, t.hold_until, t.waited_ms, t.queued_at, t.submitted_at, t.started_at,
  null::timestamptz as finished_at,
  (select json_agg(json_strip_nulls(json_build_object(
     'number', a.number, 'mesosTaskId', a.mesos_task_id, 'agentId', a.agent_id, 'hostname', a.hostname,
     'agentUrl', a.agent_url, 'executorId', a.executor_id, 'executorGeneration', a.executor_generation,
     'state', a.state, 'reason', a.reason, 'message', a.message, 'blame', a.blame, 'exitCode', a.exit_code,
     'signal', a.signal, 'oom', a.oom, 'containerId', a.container_id, 'sandbox', a.sandbox,
     'launchedAt', a.launched_at, 'lastUpdateAt', a.last_update_at, 'unsettledSince', a.unsettled_since,
     'startedAt', a.started_at, 'finishedAt', a.finished_at)) order by a.number)
   from tasks.attempt a where a.task_id = t.id) as attempts`

/** `h` is the task in history. */
export const historyView = `
  h.id, h.tenant, h.name, h.state, h.spec, h.attempt, h.failures, h.faults, h.message, h.result::text as result,
  h.exit_code, h.caveat, h.kill_requested_at, null::timestamptz as overran_at, null::timestamptz as not_before,
  null::text as hold_agent_id, null::text as hold_executor_id, null::integer as hold_generation,
  null::timestamptz as hold_until, h.waited_ms, null::timestamptz as queued_at, h.submitted_at, h.started_at,
  h.finished_at, h.attempts`
