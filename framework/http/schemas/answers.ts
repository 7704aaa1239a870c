// What the API answers, for its documentation and for the tests that hold the answers against it.
import { Type, type Static } from 'typebox'
import { taskStates } from '../../domain/task.ts'
import { TaskRequest } from './task-request.ts'

const Time = Type.Union([Type.String({ format: 'date-time' }), Type.Null()])
const Text = Type.Union([Type.String(), Type.Null()])
const Whole = Type.Union([Type.Integer(), Type.Null()])
const closed = { additionalProperties: false } as const

export const AttemptAnswer = Type.Object(
  {
    number: Type.Integer({ minimum: 1 }),
    mesosTaskId: Type.String(),
    agentId: Type.String(),
    hostname: Type.String(),
    state: Type.String({ description: "Mesos' own state, `TASK_…`; `INTENT` before anything came back." }),
    reason: Text,
    message: Text,
    blame: Type.Union([Type.Enum(['task', 'mesos', 'juice']), Type.Null()], {
      description: "Whose fault the end was; only `task` counts against the task's retries.",
    }),
    exitCode: Whole,
    signal: Whole,
    oom: Type.Union([Type.Boolean(), Type.Null()]),
    containerId: Text,
    launchedAt: Type.String({ format: 'date-time' }),
    startedAt: Time,
    finishedAt: Time,
    sandbox: Text,
  },
  { ...closed, title: 'Attempt', description: 'One launch on Mesos.' },
)
export type AttemptAnswer = Static<typeof AttemptAnswer>

const answered = {
  id: Type.Integer({ minimum: 1, description: 'Ordered; below 2^53.' }),
  state: Type.Enum([...taskStates]),
  name: Type.String(),
  tenant: Type.String(),
  attempt: Type.Integer({ minimum: 0, description: 'Number of the newest attempt; 0 before the first.' }),
  message: Text,
  result: Type.Unknown({ description: 'What the task wrote to `$MESOS_SANDBOX/result.json`, or null.' }),
  exitCode: Whole,
  submittedAt: Type.String({ format: 'date-time' }),
  startedAt: Time,
  finishedAt: Time,
  attempts: Type.Array(AttemptAnswer, { description: 'Oldest first.' }),
  links: Type.Object(
    { self: Type.String(), kill: Type.String(), stdout: Type.String(), stderr: Type.String() },
    closed,
  ),
}

export const TaskAnswer = Type.Object(
  {
    ...answered,
    spec: Type.Object(TaskRequest.properties, {
      ...closed,
      title: 'TaskSpec',
      description: 'As submitted, with every default filled in. Submitted again it means the same.',
    }),
  },
  { ...closed, title: 'Task' },
)
export type TaskAnswer = Static<typeof TaskAnswer>

export const TaskPageAnswer = Type.Object(
  {
    items: Type.Array(TaskAnswer),
    nextCursor: Type.Union([Type.String(), Type.Null()], { description: 'Null on the last page.' }),
  },
  { ...closed, title: 'TaskPage' },
)

export const ProblemAnswer = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'For programs: stays the same.' }),
    detail: Type.String({ description: 'For people.' }),
    errors: Type.Array(
      Type.Object(
        {
          path: Type.String({
            description: 'JSON pointer into the body, or the bare name of a parameter or header.',
          }),
          message: Type.String({ description: 'What would be right.' }),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'Problem', 'x-response-description': 'What was wrong.' },
)

/** What a callback carries. */
export const CallbackBody = Type.Object(
  {
    id: Type.Integer({
      description: 'Of this event: a repeated delivery has the same one, as header Juice-Event-Id too.',
    }),
    taskId: Type.Integer(),
    state: Type.Enum([...taskStates]),
    task: Type.Object(answered, {
      ...closed,
      description: 'The task at that moment; only its current attempt.',
    }),
  },
  { ...closed, title: 'CallbackBody' },
)
export type CallbackBody = Static<typeof CallbackBody>
