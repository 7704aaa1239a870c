-- Where a framework id is at home: the Mesos cluster that it was registered with, and the database that it was saved in. Null
-- where that is not known: rows from before, and servers that don't tell their identifier.
alter table scheduling.framework
  add column cluster_hosts text[],
  add column cluster_zk_path text,
  add column database_system text,
  add column database_oid bigint;
