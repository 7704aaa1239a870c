-- What the leader knows of Mesos, and who leads. The schema itself is made before the first migration, for its log.

-- The epoch alone: each transaction of the leader locks this row for share, and only a takeover changes it.
create table scheduling.lease (
  name text primary key,
  epoch bigint not null
);

-- Who holds it; renewed every two seconds, apart from the row that transactions lock.
create table scheduling.leader (
  name text primary key references scheduling.lease,
  epoch bigint not null,
  holder text not null,
  address text not null,
  since timestamptz not null,
  expires_at timestamptz not null
);

create table scheduling.framework (
  name text primary key,
  framework_id text not null,
  principal text,
  user_name text not null,
  checkpoint boolean not null,
  capabilities text[] not null,
  saved_at timestamptz not null
);

create table scheduling.executor_generation (
  agent_id text primary key,
  generation integer not null,
  since timestamptz not null
);

-- Executors that died: how many of our attempts each had then, the generation that follows, and whether its containers are
-- known to be gone.
create table scheduling.executor_loss (
  agent_id text not null,
  executor_id text not null,
  next_generation integer not null,
  attempts integer not null,
  clean boolean not null,
  at timestamptz not null,
  primary key (agent_id, executor_id)
);
