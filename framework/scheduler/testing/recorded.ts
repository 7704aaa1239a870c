// What a real master sent to a scheduler, read from the recordings.
import { readFileSync } from 'node:fs'
import { codec, type SchedulerEvent } from 'mesos-http-client'

interface Recording {
  readonly exchanges: readonly {
    readonly to?: string
    readonly request?: { readonly body?: { readonly type?: string } }
    readonly response?: { readonly records?: readonly { readonly event?: unknown }[] }
  }[]
}

const json = codec('json')

/** The events of the first subscription in this recording, or of a later one, in their order. */
export function recordedEvents(file: string, subscription = 0): SchedulerEvent[] {
  const url = new URL(`../../../test/fixtures/mesos-traces/${file}`, import.meta.url)
  const { exchanges } = JSON.parse(readFileSync(url, 'utf8')) as Recording
  const subscriptions = exchanges.filter(({ to, request }) => {
    return to === 'master' && request?.body?.type === 'SUBSCRIBE'
  })
  const events = (subscriptions[subscription]?.response?.records ?? []).flatMap(({ event }) => {
    return event === undefined ? [] : [json.decode('scheduler.Event', Buffer.from(JSON.stringify(event)))]
  })
  if (events.length === 0) throw new Error(`no events in ${file}`)
  return events
}
