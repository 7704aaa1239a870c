// Which contents go with which `type`. The generated messages have all contents optional, as the .proto has them; here
// each type has its own shape, so that a call without what Mesos demands, or with another's contents, does not compile.
// Types only. What must be there follows Mesos' src/master/validation.cpp, src/slave/validation.cpp, src/slave/http.cpp.
import type {
  AgentCall,
  AgentResponse,
  ExecutorCall,
  MasterCall,
  MasterEvent,
  MasterResponse,
  SchedulerCall,
} from './generated/messages.ts'

interface AnyTyped {
  readonly type?: string
}

/** The types of a message, as far as the contract knows them. */
type TypesOf<M extends AnyTyped> = Exclude<NonNullable<M['type']>, 'UNKNOWN'>

/** The field of a type: that of `GET_AGENTS` is `get_agents`, in all of Mesos. */
type FieldOf<M, T extends string> = Lowercase<T> & keyof M

/** One member of the union: its own contents, and none of the others'. */
type Member<M extends AnyTyped, T extends string, Common extends keyof M, Bare extends string> = {
  readonly type: T
} & Pick<M, Common> & {
    readonly [F in FieldOf<M, T> as T extends Bare ? never : F]: NonNullable<M[F]>
  } & {
    readonly [F in FieldOf<M, T> as T extends Bare ? F : never]?: M[F]
  } & {
    readonly [F in Exclude<keyof M, 'type' | Common | FieldOf<M, T>>]?: never
  }

/** Spread out over all types; `Bare` are those whose contents may be absent. */
type ByType<
  M extends AnyTyped,
  T extends string,
  Common extends keyof M = never,
  Bare extends string = never,
> = T extends TypesOf<M> ? Member<M, T, Common, Bare> : never

// ---- schedulers and executors ----

/** Every call of a scheduler but SUBSCRIBE, which `start()` sends. */
export type SchedulerCallKind = Exclude<TypesOf<SchedulerCall>, 'SUBSCRIBE'>

/**
 * A call of a scheduler with the contents that its type demands. REVIVE and SUPPRESS without contents mean all roles;
 * TEARDOWN has none. The framework id is filled in by the client.
 */
export type SchedulerCallBody<T extends SchedulerCallKind = SchedulerCallKind> = ByType<
  SchedulerCall,
  T,
  'framework_id',
  'REVIVE' | 'SUPPRESS'
>

/** Every call of an executor but SUBSCRIBE, which `start()` sends. */
export type ExecutorCallKind = Exclude<TypesOf<ExecutorCall>, 'SUBSCRIBE'>

/** A call of an executor with the contents that its type demands, without the two ids that each carries (E8). */
export type ExecutorCallBody<T extends ExecutorCallKind = ExecutorCallKind> = ByType<
  Omit<ExecutorCall, 'executor_id' | 'framework_id'>,
  T
>

// ---- the operator API ----

/** Every call of an operator to a master but SUBSCRIBE, whose answer never ends: `OperatorClient.events`. */
export type MasterCallKind = Exclude<TypesOf<MasterCall>, 'SUBSCRIBE'>

/** Calls whose answer is a stream, in one direction or both: not there. */
export type AgentStreamKind =
  'LAUNCH_NESTED_CONTAINER_SESSION' | 'ATTACH_CONTAINER_INPUT' | 'ATTACH_CONTAINER_OUTPUT'

/** Every call of an operator to an agent but those whose answer is a stream. */
export type AgentCallKind = Exclude<TypesOf<AgentCall>, AgentStreamKind>

/** A call to a master with the contents that its type demands. */
export type MasterCallBody<T extends MasterCallKind = MasterCallKind> = ByType<MasterCall, T>

/** A call to an agent with the contents that its type demands. */
export type AgentCallBody<T extends AgentCallKind = AgentCallKind> = ByType<
  AgentCall,
  T,
  never,
  'GET_CONTAINERS' | 'PRUNE_IMAGES'
>

/** The answer to a call that only does something. */
export interface Done {
  readonly type?: never
}

type Answer<R extends AnyTyped, T extends string> =
  T extends TypesOf<R> ? { readonly type: T } & { readonly [F in FieldOf<R, T>]: NonNullable<R[F]> } : Done

/** What a master answers: to `GET_AGENTS` an object with `get_agents`; to what only does something, nothing. */
export type MasterAnswer<T extends MasterCallKind = MasterCallKind> = T extends MasterCallKind
  ? Answer<MasterResponse, T>
  : never

/** What an agent answers. */
export type AgentAnswer<T extends AgentCallKind = AgentCallKind> = T extends AgentCallKind
  ? Answer<AgentResponse, T>
  : never

/** An event of a master's operator stream; `type` decides which contents it has. */
export type OperatorEvent = {
  readonly [T in TypesOf<MasterEvent>]: { readonly type: T } & {
    readonly [F in FieldOf<MasterEvent, T>]: NonNullable<MasterEvent[F]>
  }
}[TypesOf<MasterEvent>]
