// What an operator can do where Mesos does not take this framework, by the variables of the configuration. Pure.
import type { MesosError } from 'mesos-http-client'
import type { FrameworkSettings } from './framework-info.ts'

/** What keeps us from the master, in the words of this configuration: the client speaks of its own options. */
export function troubleMessage(cause: MesosError): string {
  return cause.message.replaceAll('`ca`', 'JUICE_MESOS_CA_FILE')
}

/** The words of Mesos, and what to change. */
export function refusalMessage(cause: MesosError, settings: FrameworkSettings): string {
  const advice = adviceFor(cause, settings)
  return advice === undefined ? cause.message : `${cause.message.replace(/\.$/, '')}: ${advice}`
}

function adviceFor({ code, status }: MesosError, { principal }: FrameworkSettings): string | undefined {
  const now = principal === undefined ? 'not set' : `now ${JSON.stringify(principal)}`
  switch (code) {
    case 'unauthenticated':
      // ZooKeeper's refusals come without a status, and speak of zk:// themselves.
      return status === undefined
        ? undefined
        : `JUICE_MESOS_PRINCIPAL (${now}) and JUICE_MESOS_SECRET must be those of an entry in the master's --credentials`
    case 'principal_mismatch':
      return `JUICE_MESOS_PRINCIPAL (${now}) must be the name that the master knows these credentials by`
    case 'refused':
      return (
        `the master's --acls, --roles and --root_submissions must allow what JUICE_MESOS_PRINCIPAL (${now}), ` +
        `JUICE_MESOS_ROLE and JUICE_FRAMEWORK_USER ask for`
      )
    default:
      return undefined
  }
}
