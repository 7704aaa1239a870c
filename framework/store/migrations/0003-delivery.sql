-- Callbacks on their way. Rows come from tasks.outbox by its id, so that taking one over twice changes nothing; they stay for
-- a while after their end for the same reason.

create schema delivery;

create table delivery.callback (
  outbox_id bigint primary key,
  at timestamptz not null,
  tenant text not null,
  task_id bigint not null,
  url text not null,
  payload json not null,
  state text not null default 'waiting' check (state in ('waiting', 'delivered', 'dead')),
  tries integer not null default 0,
  next_try_at timestamptz not null,
  done_at timestamptz
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);

-- In order per task: only the oldest waiting one of a task is due.
create index callback_waiting_task on delivery.callback (task_id, outbox_id) where state = 'waiting';
create index callback_waiting on delivery.callback (next_try_at) where state = 'waiting';
create index callback_done on delivery.callback (done_at) where state <> 'waiting';

create table delivery.try (
  outbox_id bigint not null references delivery.callback on delete cascade,
  number integer not null,
  started_at timestamptz not null,
  duration_ms integer not null,
  status integer,
  error text,
  primary key (outbox_id, number)
);
