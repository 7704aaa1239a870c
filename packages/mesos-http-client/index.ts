// What the package offers. Everything here is public; everything else may change.
export type * from './generated/messages.ts'

export type { Codec, CodecName } from './codec/index.ts'
export { codec, codecOf } from './codec/index.ts'
export type { MessageName, Messages } from './codec/names.ts'
export type * from './messages-by-type.ts'
export { RecordIoParser, encodeRecord } from './recordio.ts'
export type { MesosErrorCode } from './errors.ts'
export { MesosError } from './errors.ts'

export type { SchedulerClientOptions, SchedulerPhase } from './scheduler/options.ts'
export { SchedulerClient } from './scheduler/client.ts'

export type { ExecutorClientOptions, ExecutorPhase } from './executor/options.ts'
export { ExecutorClient } from './executor/client.ts'
export type { ExecutorEnvironment } from './executor/environment.ts'
export { executorEnvironment, parseDuration } from './executor/environment.ts'
export { newUuid } from './executor/uuid.ts'

export type { OperatorClientOptions } from './operator/client.ts'
export { OperatorClient } from './operator/client.ts'
export type { OperatorOptions } from './operator/options.ts'
export type { OperatorEventsOptions } from './operator/events.ts'
export { OperatorEvents } from './operator/events.ts'
export type { FileEntry, FilePage } from './operator/files.ts'
export { FILE_PAGE_BYTES, FilesClient } from './operator/files.ts'

export type { NodeAccess, NodeKind, Session, SessionKey } from './zookeeper/protocol.ts'
export type { ZooKeeperConnectionOptions } from './zookeeper/connection.ts'
export { ZooKeeperConnection } from './zookeeper/connection.ts'
export type { ZooKeeperServer, ZooKeeperUrl } from './zookeeper/url.ts'
export { describeZooKeeperUrl, parseZooKeeperUrl } from './zookeeper/url.ts'
export { leadingNode } from './masters/leader.ts'

export type { Backoff } from './backoff.ts'
export { backoffMs } from './backoff.ts'
export type { Clock } from './clock.ts'
export { systemClock } from './clock.ts'
