// Maintenance: the schedule, machines that are brought down and up again, and what that means for their agents (S44).
import type { MachineID, MachineInfo, MaintenanceClusterStatus, MaintenanceSchedule } from 'mesos-http-client'
import { removeByOperator } from './agent-loss.ts'
import type { MasterContext } from './context.ts'
import { rescindInverseOffers } from './inverse-offers.ts'
import {
  knownMachine,
  machineOf,
  machinesError,
  machineText,
  sameMachine,
  scheduleError,
} from './machines.ts'
import { rescindOffer } from './offers.ts'
import type { Agent } from './state.ts'

/** Replaces the schedule; a text says why not. Every agent's offers are taken back and come again. */
export function updateSchedule(context: MasterContext, schedule: MaintenanceSchedule): string | undefined {
  const wrong = scheduleError(context, schedule)
  if (wrong !== undefined) return wrong
  const machines = (schedule.windows ?? []).flatMap(({ machine_ids: ids = [], unavailability }) =>
    ids.map((id): MachineInfo => {
      const mode = knownMachine(context, id)?.mode ?? 'DRAINING'
      return { id, mode, unavailability }
    }),
  )
  context.registry.setMaintenance({ schedule, machines })
  for (const agent of context.state.agents.values()) {
    for (const offerId of agent.offers) {
      const offer = context.state.offers.get(offerId)
      if (offer !== undefined) rescindOffer(context, offer)
    }
    rescindInverseOffers(context, agent)
    agent.inverse = { statuses: new Map(), quietUntilMs: new Map() }
  }
  context.allocate()
  return undefined
}

/** A machine of the schedule with another mode than is needed, or none of the schedule. */
function modeError(
  context: MasterContext,
  ids: readonly MachineID[],
  mode: 'DRAINING' | 'DOWN',
  verb: string,
): string | undefined {
  for (const id of ids) {
    const machine = knownMachine(context, id)
    const text = `Machine '${machineText(id)}'`
    if (machine === undefined && !isHome(context, id)) return `${text} is not part of a maintenance schedule`
    if (machine?.mode !== mode) return `${text} is not in ${mode} mode and cannot be brought ${verb}`
  }
  return undefined
}

/** Whether an agent runs there, which makes it known. */
function isHome(context: MasterContext, id: MachineID): boolean {
  return [...context.state.agents.values()].some(agent => isOn(context, agent, id))
}

function isOn(context: MasterContext, agent: Agent, id: MachineID): boolean {
  return sameMachine(machineOf(context, agent.info), id)
}

/** Machine down: its agents are shut down and removed, their tasks LOST. A text says why not. */
export function startMaintenance(context: MasterContext, ids: readonly MachineID[]): string | undefined {
  const wrong = machinesError(ids) ?? modeError(context, ids, 'DRAINING', 'down')
  if (wrong !== undefined) return wrong
  const { schedule, machines } = context.registry.maintenance
  const isOne = (id: MachineID): boolean => ids.some(other => sameMachine(id, other))
  for (const agent of context.state.agents.values()) {
    if (isOne(machineOf(context, agent.info)))
      removeByOperator(context, agent, "Operator initiated 'Machine DOWN'")
  }
  context.registry.setMaintenance({
    schedule,
    machines: machines.map(machine => (isOne(machine.id) ? { ...machine, mode: 'DOWN' } : machine)),
  })
  return undefined
}

/** Machine up: agents may register there again, and the schedule forgets it. A text says why not. */
export function stopMaintenance(context: MasterContext, ids: readonly MachineID[]): string | undefined {
  const wrong = machinesError(ids) ?? modeError(context, ids, 'DOWN', 'up')
  if (wrong !== undefined) return wrong
  const { schedule, machines } = context.registry.maintenance
  const stays = (id: MachineID): boolean => !ids.some(other => sameMachine(id, other))
  const windows = (schedule.windows ?? [])
    .map(window => ({ ...window, machine_ids: (window.machine_ids ?? []).filter(stays) }))
    .filter(window => window.machine_ids.length > 0)
  context.registry.setMaintenance({
    schedule: windows.length > 0 ? { windows } : {},
    machines: machines.filter(({ id }) => stays(id)),
  })
  return undefined
}

export function maintenanceStatus(context: MasterContext): MaintenanceClusterStatus {
  const { machines } = context.registry.maintenance
  const draining = machines
    .filter(({ mode }) => mode === 'DRAINING')
    .map(({ id }) => {
      const statuses = [...context.state.agents.values()]
        .filter(agent => isOn(context, agent, id))
        .flatMap(agent => [...agent.inverse.statuses.values()])
      return { id, ...(statuses.length > 0 && { statuses }) }
    })
  const down = machines.filter(({ mode }) => mode === 'DOWN').map(({ id }) => id)
  return {
    ...(draining.length > 0 && { draining_machines: draining }),
    ...(down.length > 0 && { down_machines: down }),
  }
}
