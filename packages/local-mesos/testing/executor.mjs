// A real executor process for tests, in plain JavaScript: SUBSCRIBE, each task RUNNING and by its data FINISHED at
// once ("finish"), after KILL (else), or the whole executor gone with a code ("exit:3"). It retries like E33 says.
import { randomBytes, randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { env, stderr, stdout } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

const url = `http://${env.MESOS_AGENT_ENDPOINT}/api/v1/executor`
const ids = { executor_id: { value: env.MESOS_EXECUTOR_ID }, framework_id: { value: env.MESOS_FRAMEWORK_ID } }
const unacknowledged = new Map()
const tasks = new Map()
writeFileSync('environment.json', JSON.stringify(env))

const call = async body => {
  for (;;) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify({ ...ids, ...body }),
    }).catch(() => undefined)
    if (response?.status === 200) return response
    const text = await response?.text()
    if (response?.status === 202) return response
    if (response?.status === 400) {
      stderr.write(`${text}\n`)
      process.exit(1)
    }
    await sleep(50)
  }
}

const update = (taskId, state) => {
  const uuid = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64')
  const status = {
    executor_id: ids.executor_id,
    task_id: { value: taskId },
    state,
    source: 'SOURCE_EXECUTOR',
    uuid,
    timestamp: Date.now() / 1000,
  }
  unacknowledged.set(uuid, { status })
  return call({ type: 'UPDATE', update: { status } })
}

const handlers = {
  SUBSCRIBED() {},
  async LAUNCH({ launch: { task } }) {
    const taskId = task.task_id.value
    const data = Buffer.from(task.data ?? '', 'base64').toString()
    tasks.set(taskId, task)
    await update(taskId, 'TASK_RUNNING')
    if (data.startsWith('exit:')) process.exit(Number(data.slice(5)))
    if (data === 'finish') await update(taskId, 'TASK_FINISHED')
  },
  KILL: ({ kill }) => update(kill.task_id.value, 'TASK_KILLED'),
  ACKNOWLEDGED({ acknowledged }) {
    unacknowledged.delete(acknowledged.uuid)
    tasks.delete(acknowledged.task_id.value)
  },
  MESSAGE: ({ message }) => call({ type: 'MESSAGE', message: { data: message.data } }),
  SHUTDOWN: () => process.exit(0),
  HEARTBEAT() {},
}

stdout.write(`executor is up ${randomBytes(2).toString('hex')}\n`)
for (;;) {
  const subscribe = {
    unacknowledged_tasks: [...tasks.values()],
    unacknowledged_updates: [...unacknowledged.values()],
  }
  try {
    const response = await call({ type: 'SUBSCRIBE', subscribe })
    let rest = Buffer.alloc(0)
    for await (const chunk of response.body) {
      rest = Buffer.concat([rest, chunk])
      for (;;) {
        const newline = rest.indexOf(10)
        const length = Number(rest.subarray(0, newline).toString())
        if (newline < 0 || rest.length < newline + 1 + length) break
        const event = JSON.parse(rest.subarray(newline + 1, newline + 1 + length).toString())
        rest = rest.subarray(newline + 1 + length)
        Promise.resolve(handlers[event.type]?.(event)).catch(error => stderr.write(`${error}\n`))
      }
    }
  } catch (error) {
    stderr.write(`${String(error)}\n`)
  }
  await sleep(Math.random() * 50)
}
