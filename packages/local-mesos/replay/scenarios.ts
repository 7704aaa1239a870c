// Which recordings are replayed, with which settings, and what in them can't be compared, each with its reason.
import type { LocalMesosOptions } from '../options.ts'
import { fieldOf } from './live-stream.ts'
import type { Item, Rounds } from './timeline.ts'

export interface Scenario {
  /** The beginning of the file's name. */
  readonly trace: string
  readonly about: string
  /** In the order in which they are offered where nothing else decides, which a real master draws by lot. */
  readonly agents: readonly (1 | 2)[]
  readonly options?: LocalMesosOptions
  readonly rounds?: Rounds
  /** The recording begins with executors that it does not show the launch of. */
  readonly sandboxes?: 'made first'
  /** Recorded things that are left out. */
  readonly skip?: readonly { readonly why: string; readonly holds: (item: Item) => boolean }[]
  /** Live events that the recording does not have. */
  readonly more?: readonly { readonly why: string; readonly holds: (event: unknown) => boolean }[]
}

const noAnswer = {
  why: 'a real process takes time to start and refuses meanwhile; this one listens at once',
  holds: (item: Item) =>
    item.kind === 'request' &&
    (item.exchange.response.error !== undefined || item.exchange.response.status === 503),
}

const refused = {
  why: 'a real agent takes time to start and refuses meanwhile; this one listens at once',
  holds: (item: Item) => item.kind === 'request' && item.exchange.response.error !== undefined,
}

const registeredSooner = {
  why: 'the recorded agent registered 100 ms after its window had ended, so what came meanwhile went out twice',
  holds: (item: Item) => item.kind === 'event' && item.atMs === 3017,
}

const killedLater = {
  why: 'the recorded agent had killed ex-late when its pending updates went out a second time; here it dies just after',
  holds: (item: Item) =>
    item.kind === 'event' && item.atMs === 5497 && JSON.stringify(item.event).includes('late-1'),
}

const notAPage = {
  why: 'pages that are imitated in part (/state without most flags) or not at all',
  holds: (item: Item) =>
    item.kind === 'request' &&
    item.exchange.response.status === 200 &&
    /^\/(flags|roles|state-summary|state(\?.*)?)$/.test(item.exchange.request.path),
}

const notByClients = {
  why: 'raw text that is hardly HTTP, a header of 90,000 bytes, a body of 20 MiB: no client sends such',
  holds: (item: Item) => {
    if (item.kind !== 'request') return false
    const { raw, headers } = item.exchange.request
    return (
      raw !== undefined || 'X-Pad' in headers || item.exchange.note?.startsWith('body of 20 MiB') === true
    )
  },
}

const raced = {
  why: 'the recorder acknowledged while its framework was being torn down or taken over',
  holds: (item: Item) =>
    item.kind === 'request' &&
    item.exchange.response.status === 400 &&
    fieldOf(item.exchange.request.body, 'type') === 'ACKNOWLEDGE' &&
    fieldOf(fieldOf(item.exchange.request.body, 'acknowledge'), 'uuid') !== undefined,
}

/** The recording has 9 for one of four such containers and 256 for the others; here it is always 256. */
const killedFetch =
  'a real agent destroys the container of a failed fetch, at times before its status is known'

function isFailureOf(event: unknown, executorId: string): boolean {
  return fieldOf(fieldOf(fieldOf(event, 'failure'), 'executor_id'), 'value') === executorId
}

export const scenarios: readonly Scenario[] = [
  { trace: '01', about: 'first SUBSCRIBE', agents: [2, 1] },
  { trace: '01b', about: 'frameworks without MULTI_ROLE', agents: [1, 2] },
  { trace: '01c', about: 'suppressed roles, resubscription, changed FrameworkInfo', agents: [1, 2] },
  { trace: '02', about: 'the scheduler speaks protobuf', agents: [1, 2] },
  { trace: '03', about: 'wrong requests', agents: [1], skip: [notByClients] },
  { trace: '04', about: 'life of tasks on a custom executor', agents: [1, 2] },
  { trace: '04c', about: 'the executor speaks protobuf', agents: [1] },
  { trace: '05', about: 'an unacknowledged update is sent again', agents: [1] },
  { trace: '06', about: 'one update of a task under way', agents: [1] },
  {
    trace: '07',
    about: 'KILL in all variants',
    agents: [1, 2],
    rounds: { moved: new Map([[30_235, 30_230]]) },
  },
  { trace: '08', about: 'RECONCILE, PARTITION_AWARE', agents: [1, 2] },
  { trace: '08b', about: 'RECONCILE, not PARTITION_AWARE', agents: [1, 2] },
  { trace: '09', about: 'filters, SUPPRESS, REVIVE', agents: [1, 2] },
  { trace: '09b', about: 'refused ACCEPTs', agents: [1, 2], skip: [raced] },
  { trace: '09c', about: 'refused tasks and executors', agents: [1, 2] },
  {
    trace: '10',
    about: 'the executor protocol and wrong calls',
    agents: [1],
    options: { executorRegistrationTimeoutMs: 5000 },
  },
  {
    trace: '10b',
    about: 'ends of executors',
    agents: [1],
    options: { executorRegistrationTimeoutMs: 5000 },
  },
  {
    trace: '11',
    about: 'agent restart with checkpoint',
    agents: [1],
    skip: [noAnswer, killedLater],
    // Quiet from the end of the agent's window until ex-late is dead, which takes real time.
    rounds: { moved: new Map([[14_376, 14_368]]), quiet: [5000, 5500] },
  },
  { trace: '11b', about: 'agent restart without checkpoint', agents: [1], skip: [noAnswer] },
  { trace: '12', about: 'agent lost and back', agents: [1, 2], skip: [noAnswer] },
  { trace: '12b', about: 'agent lost, not PARTITION_AWARE', agents: [1], skip: [noAnswer] },
  { trace: '13', about: 'master restart', agents: [1, 2], skip: [noAnswer] },
  {
    trace: '13b',
    about: 'master restart, in-memory registry',
    agents: [1, 2],
    options: { registry: 'in_memory' },
    skip: [noAnswer],
  },
  {
    trace: '14',
    about: 'second scheduler, fail-over, teardown',
    agents: [1],
    skip: [raced],
    more: [{ why: 'the recorder closed its last stream before the first offers came', holds: isOffer }],
  },
  {
    trace: '15',
    about: 'the redirects of a master that stands by, and its take-over',
    agents: [],
    options: { standbyMasters: 1, electionTimeoutMs: 8350, recoveryMs: 100 },
    skip: [notAPage],
  },
  {
    trace: '16',
    about: 'authentication',
    agents: [1],
    options: {
      authenticate: {
        framework: 'framework-secret',
        other: 'other-secret',
        operator: 'operator-secret',
      },
    },
  },
  { trace: '18', about: 'the files API', agents: [1], sandboxes: 'made first' },
  {
    trace: '19',
    about: 'the fetcher',
    agents: [1],
    // The command of cmd-uri ends sooner than the recorded one.
    rounds: { quiet: [5300, 5870] },
    skip: [
      { why: killedFetch, holds: item => item.kind === 'event' && isFailureOf(item.event, 'ex-bad-refused') },
    ],
    more: [{ why: killedFetch, holds: event => isFailureOf(event, 'ex-bad-refused') }],
  },
  { trace: '20', about: 'maintenance', agents: [1, 2] },
  {
    trace: '22',
    about: 'MESSAGE, FAILURE, SHUTDOWN',
    agents: [1],
    rounds: { moved: new Map([[3449, 3385]]) },
  },
  {
    trace: '23',
    about: 'calls that meet an absent or recovering agent',
    agents: [1, 2],
    skip: [refused, raced, registeredSooner],
  },
  { trace: '24', about: 'calls on a kept connection, several in one write', agents: [1] },
  { trace: '25', about: 'agents that leave, are deactivated or drained', agents: [1, 2] },
  { trace: '26', about: 'the default allocation interval', agents: [1] },
]

export function isOffer(event: unknown): boolean {
  return fieldOf(event, 'resources') !== undefined
}
