// What the package offers. Everything here is public; everything else may change.
export type * from './generated/messages.ts'

export type { Codec, CodecName } from './codec/index.ts'
export { codec, codecOf } from './codec/index.ts'
export type { MessageName, Messages } from './codec/names.ts'
export { RecordIoParser, encodeRecord } from './recordio.ts'
export type { MesosErrorCode } from './errors.ts'
export { MesosError } from './errors.ts'

export type { SchedulerClientOptions, SchedulerPhase } from './scheduler/options.ts'
export { SchedulerClient } from './scheduler/client.ts'

export type { ExecutorCallBody, ExecutorClientOptions, ExecutorPhase } from './executor/options.ts'
export { ExecutorClient } from './executor/client.ts'
export type { ExecutorEnvironment } from './executor/environment.ts'
export { executorEnvironment, parseDuration } from './executor/environment.ts'
export type { ExecutorTls } from './executor/tls.ts'
export { readTls } from './executor/tls.ts'
export type { TlsOptions } from './transport.ts'
export { newUuid } from './executor/uuid.ts'

export type { OperatorClientOptions } from './operator/client.ts'
export { OperatorClient } from './operator/client.ts'
export type { OperatorOptions } from './operator/request.ts'
export type { FileEntry, FilePage } from './operator/files.ts'
export { FILE_PAGE_BYTES, FilesClient } from './operator/files.ts'

export type { Backoff } from './backoff.ts'
export { backoffMs } from './backoff.ts'
export type { Clock } from './clock.ts'
export { systemClock } from './clock.ts'
