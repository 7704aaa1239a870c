// What Mesos is told of the framework, the executor and a task.
import { expect } from 'chai'
import { codec, type ExecutorInfo } from 'mesos-http-client'
import { executorSettings, taskPayload } from '../../proto/payload.ts'
import { executorInfo, type ExecutorTemplate } from './executor-info.ts'
import { forbiddenChanges, frameworkInfo, frameworkRecord, type FrameworkSettings } from './framework-info.ts'
import { launchBytes, taskInfo, type AttemptToLaunch } from './task-info.ts'
import { scalar, taskSpec } from './testing/support.ts'

const framework: FrameworkSettings = {
  name: 'juice',
  user: 'root',
  roles: ['juice'],
  failoverTimeoutSeconds: 604_800,
  webuiUrl: 'http://juice.example:8080',
  hostname: 'juice.example',
}

describe('framework info', () => {
  it('says who we are (S20, S21, S22, S23, S26, S27, S29, S30)', () => {
    expect(frameworkInfo({ ...framework, principal: 'p' })).to.deep.equal({
      name: 'juice',
      user: 'root',
      principal: 'p',
      roles: ['juice'],
      checkpoint: true,
      failover_timeout: 604_800,
      webui_url: 'http://juice.example:8080',
      hostname: 'juice.example',
      capabilities: [
        { type: 'MULTI_ROLE' },
        { type: 'PARTITION_AWARE' },
        { type: 'TASK_KILLING_STATE' },
        { type: 'RESERVATION_REFINEMENT' },
        { type: 'REGION_AWARE' },
      ],
    })
  })

  it('sees what must not change (S24)', () => {
    const known = frameworkRecord({ ...framework, principal: 'p' }, 'id')
    expect(forbiddenChanges(known, { ...framework, principal: 'p', roles: ['other'] })).to.deep.equal([])
    expect(forbiddenChanges({ ...known, checkpoint: false }, { ...framework, user: 'www' })).to.deep.equal([
      'the principal (JUICE_MESOS_PRINCIPAL) was "p" and is now absent',
      'the user (JUICE_FRAMEWORK_USER) was "root" and is now "www"',
      'checkpointing was false and is now true',
    ])
    expect(
      forbiddenChanges({ ...known, capabilities: ['GPU_RESOURCES'] }, { ...framework, principal: 'p' }),
    ).to.deep.equal(['the capability GPU_RESOURCES is gone'])
    // Kept by an older version, which had fewer.
    const older = { ...known, capabilities: ['MULTI_ROLE', 'PARTITION_AWARE'] }
    expect(forbiddenChanges(older, { ...framework, principal: 'p' })).to.deep.equal([])
  })
})

const template: ExecutorTemplate = {
  uris: ['http://juice/executor/aa.tar.gz', 'http://juice/executor/bb.tar.gz'],
  user: 'root',
  settings: { dockerHost: 'unix:///var/run/docker.sock', commandUser: 'nobody' },
  source: 'juice 2.0.0',
}
const resources = [scalar('cpus', 0.1), scalar('mem', 96)]
const make = (more: Partial<Parameters<typeof executorInfo>[0]> = {}): ExecutorInfo =>
  executorInfo({ template, frameworkId: 'f-1', resources, generation: 0, ...more })

describe('executor info', () => {
  it('is complete (S43, S47, S48)', () => {
    const info = make()
    expect(info).to.deep.include({
      type: 'CUSTOM',
      framework_id: { value: 'f-1' },
      name: 'juice-executor',
      resources,
      shutdown_grace_period: { nanoseconds: 60_000_000_000 },
    })
    expect(info.command?.uris?.map(({ value, extract, cache }) => ({ value, extract, cache }))).to.deep.equal(
      template.uris.map(value => ({ value, extract: true, cache: true })),
    )
    expect(executorSettings.decode(info.data ?? new Uint8Array())).to.deep.equal(template.settings)
    expect(codec('protobuf').encode('ExecutorInfo', info).length).to.be.greaterThan(100)
  })

  it('has an id that says all that Mesos compares, and the generation', () => {
    const id = make().executor_id.value
    expect(id).to.match(/^juice-[0-9a-f]{16}-0$/)
    expect(make().executor_id.value).to.equal(id)
    const others = [
      make({ generation: 1 }),
      make({ frameworkId: 'f-2' }),
      make({ resources: [scalar('cpus', 0.2), scalar('mem', 96)] }),
      make({ resources: [scalar('cpus', 0.1, { reservations: [{ role: 'juice' }] }), scalar('mem', 96)] }),
      make({ template: { ...template, uris: template.uris.slice(1) } }),
      make({ template: { ...template, settings: { commandUser: 'www' } } }),
    ].map(info => info.executor_id.value)
    expect(new Set([id, ...others]).size).to.equal(7)
  })
})

describe('task info', () => {
  const attempt: AttemptToLaunch = {
    taskId: 17,
    tenant: 'default',
    attempt: 2,
    mesosTaskId: 'demo-17-2-abcd',
    agentId: 'agent-1',
    resources,
    ports: [31000],
    executor: make(),
    spec: taskSpec({
      image: 'busybox',
      env: { A: '1' },
      labels: { team: 'video' },
      maxRuntimeSeconds: 60,
      docker: {
        network: 'bridge',
        user: '1000',
        forcePull: false,
        privileged: false,
        volumes: [{ hostPath: '/d', containerPath: '/d', readOnly: true }],
        portMappings: [{ containerPort: 80, hostPort: 0, protocol: 'tcp' }],
        parameters: [],
      },
    }),
  }

  it('carries the work in data, and shows people name and labels', () => {
    const info = taskInfo(attempt)
    expect(info).to.deep.include({
      name: 'demo',
      task_id: { value: 'demo-17-2-abcd' },
      agent_id: { value: 'agent-1' },
      kill_policy: { grace_period: { nanoseconds: 10_000_000_000 } },
    })
    expect(info.labels?.labels).to.deep.equal([
      { key: 'service', value: 'demo' },
      { key: 'tenant', value: 'default' },
      { key: 'task', value: '17' },
      { key: 'attempt', value: '2' },
      { key: 'team', value: 'video' },
    ])
    expect(info.max_completion_time).to.equal(undefined)
    expect(taskPayload.decode(info.data ?? new Uint8Array())).to.deep.include({
      taskId: 17,
      attempt: 2,
      service: 'demo',
      tenant: 'default',
      image: 'busybox',
      env: [{ name: 'A', value: '1' }],
      ports: [31000],
      cpuMillis: 500,
      memMb: 64,
      killGraceMs: 10_000,
      maxRuntimeMs: 60_000,
    })
  })

  it('is never larger in a message than estimated', () => {
    const executorBytes = codec('json').encode('ExecutorInfo', attempt.executor).length
    const fat = taskSpec({ env: { LONG: 'ü'.repeat(20_000) }, labels: { l: 'x'.repeat(1000) } })
    for (const spec of [attempt.spec, fat]) {
      for (const name of ['json', 'protobuf'] as const) {
        const bytes = codec(name).encode('TaskInfo', taskInfo({ ...attempt, spec })).length
        expect(bytes).to.be.at.most(launchBytes(spec, executorBytes))
      }
    }
  })
})
