// The messages that the codecs know by a short name, that is without `mesos.v1.`, and their TypeScript types.
import type {
  AgentCall,
  AgentInfo,
  AgentResponse,
  ContainerInfo,
  ExecutorCall,
  ExecutorEvent,
  ExecutorInfo,
  FrameworkInfo,
  Labels,
  MasterCall,
  MasterEvent,
  MasterInfo,
  MasterResponse,
  Offer,
  Resource,
  SchedulerCall,
  SchedulerEvent,
  Task,
  TaskInfo,
  TaskStatus,
} from '../generated/messages.ts'

/** The messages that a codec takes by name. */
export interface Messages {
  'scheduler.Call': SchedulerCall
  'scheduler.Event': SchedulerEvent
  'executor.Call': ExecutorCall
  'executor.Event': ExecutorEvent
  'master.Call': MasterCall
  'master.Response': MasterResponse
  'master.Event': MasterEvent
  'agent.Call': AgentCall
  'agent.Response': AgentResponse
  AgentInfo: AgentInfo
  ContainerInfo: ContainerInfo
  ExecutorInfo: ExecutorInfo
  FrameworkInfo: FrameworkInfo
  Labels: Labels
  MasterInfo: MasterInfo
  Offer: Offer
  Resource: Resource
  Task: Task
  TaskInfo: TaskInfo
  TaskStatus: TaskStatus
}

/** Such as `scheduler.Call`. */
export type MessageName = keyof Messages
