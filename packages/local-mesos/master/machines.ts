// Machines as a maintenance schedule names them: by host name and address, whichever are given, exactly. Look-ups and
// checks only; texts are Mesos' own.
import { isIPv4 } from 'node:net'
import type {
  AgentInfo,
  MachineID,
  MachineInfo,
  MaintenanceSchedule,
  Unavailability,
} from 'mesos-http-client'
import type { MasterContext } from './context.ts'
import type { Agent } from './state.ts'

export function sameMachine(left: MachineID, right: MachineID): boolean {
  return left.hostname?.toLowerCase() === right.hostname?.toLowerCase() && left.ip === right.ip
}

/** Where an agent runs. */
export function machineOf(context: MasterContext, info: AgentInfo): MachineID {
  return { hostname: info.hostname, ip: context.settings.ip }
}

export function machineText({ hostname, ip }: MachineID): string {
  return JSON.stringify({ ...(hostname !== undefined && { hostname }), ...(ip !== undefined && { ip }) })
}

/** What the registry knows of a machine; undefined while it is up and nothing is planned. */
export function knownMachine(context: MasterContext, id: MachineID): MachineInfo | undefined {
  return context.registry.maintenance.machines.find(machine => sameMachine(machine.id, id))
}

export function unavailabilityOf(context: MasterContext, agent: Agent): Unavailability | undefined {
  return knownMachine(context, machineOf(context, agent.info))?.unavailability
}

function machineError({ hostname, ip }: MachineID): string | undefined {
  if ((hostname ?? '') === '' && (ip ?? '') === '') {
    return "Both 'hostname' and 'ip' for a machine are empty"
  }
  return (ip ?? '') === '' || isIPv4(ip ?? '') ? undefined : `Failed to parse IP '${ip}'`
}

function doubled(machines: readonly MachineID[]): string | undefined {
  const found = machines.find((id, index) => machines.slice(0, index).some(other => sameMachine(id, other)))
  return found && `Machine '${machineText(found)}' appears more than once in the schedule`
}

/** Why these machines cannot be brought down or up together. */
export function machinesError(machines: readonly MachineID[]): string | undefined {
  if (machines.length === 0) return 'List of machines is empty'
  return machines.map(machineError).find(error => error !== undefined) ?? doubled(machines)
}

export function scheduleError(context: MasterContext, schedule: MaintenanceSchedule): string | undefined {
  const windows = schedule.windows ?? []
  for (const { machine_ids: machines = [], unavailability } of windows) {
    if (machines.length === 0) return 'List of machines in the maintenance window is empty'
    if ((unavailability.duration?.nanoseconds ?? 0) < 0) return "Unavailability 'duration' is negative"
    const wrong = machines.map(machineError).find(error => error !== undefined)
    if (wrong !== undefined) return wrong
  }
  const all = windows.flatMap(window => window.machine_ids ?? [])
  const twice = doubled(all)
  if (twice !== undefined) return twice
  const down = context.registry.maintenance.machines.find(
    ({ id, mode }) => mode === 'DOWN' && !all.some(other => sameMachine(id, other)),
  )
  return down && `Machine '${machineText(down.id)}' is deactivated and cannot be removed from the schedule`
}
