import { expect } from 'chai'
import type { TaskPayload } from '../../proto/payload.ts'
import type { ContainerLabels } from '../types.ts'
import { containerName, containerSpec } from './container-spec.ts'
import type { CreateBody } from './create-body.ts'

const labels: ContainerLabels = {
  'juice.framework': 'f',
  'juice.agent': 'a',
  'juice.executor': 'e',
  'juice.task': '7',
  'juice.attempt': '1',
  'juice.mesos-task': 'm',
  'juice.service': 's',
  'juice.owner': 'o',
  'juice.netns': '1',
  'juice.boot': 'b',
}

function spec(payload: TaskPayload, mapped: readonly number[] = []): CreateBody {
  return containerSpec({
    payload: { image: 'tool:1', cpuMillis: 1000, memMb: 512, ...payload },
    sandboxDir: '/agent/tasks/m/sandbox',
    env: { A: '1', B: 'x=y' },
    ports: { mapped, free: [] },
    labels,
  })
}

describe('containerSpec', () => {
  it('has limits, labels, environment, sandbox, and keeps the output out of the engine', () => {
    expect(spec({ args: ['-i', 'in'] })).to.deep.equal({
      Image: 'tool:1',
      Cmd: ['-i', 'in'],
      Env: ['A=1', 'B=x=y'],
      Labels: labels,
      AttachStdout: true,
      AttachStderr: true,
      HostConfig: {
        NetworkMode: 'bridge',
        Mounts: [
          { Type: 'bind', Source: '/agent/tasks/m/sandbox', Target: '/mnt/mesos/sandbox', ReadOnly: false },
        ],
        Privileged: false,
        Init: false,
        LogConfig: { Type: 'none' },
        RestartPolicy: { Name: 'no' },
        CpuShares: 1024,
        Memory: 512 * 1024 ** 2,
        MemorySwap: 512 * 1024 ** 2,
        PidsLimit: 4096,
      },
    })
  })

  it("names containers so that Mesos' own containerizer leaves them alone (E41)", () => {
    expect(containerName('mesos-7')).to.equal('juice-mesos-7')
  })

  it('gives at least two shares and what the engine takes as memory', () => {
    const { CpuShares, Memory } = spec({ cpuMillis: 1, memMb: 1 }).HostConfig
    expect([CpuShares, Memory]).to.deep.equal([2, 6 * 1024 ** 2])
  })

  it('runs a shell line past the entrypoint of the image, under an init', () => {
    const { Entrypoint, Cmd, HostConfig } = spec({ command: 'a | b' })
    expect([Entrypoint, Cmd, HostConfig.Init]).to.deep.equal([['/bin/sh', '-c'], ['a | b'], true])
  })

  it("gives arguments to the task's entrypoint, and a shell line too", () => {
    const docker = { entrypoint: ['/tini', '--'] }
    expect(spec({ docker, args: ['x'] })).to.deep.include({ Entrypoint: ['/tini', '--'], Cmd: ['x'] })
    expect(spec({ docker, command: 'x' })).to.deep.include({
      Entrypoint: ['/tini', '--'],
      Cmd: ['/bin/sh', '-c', 'x'],
    })
  })

  it('lets parameters have the last word', () => {
    const parameters = [
      { key: 'init', value: 'false' },
      { key: 'pids-limit', value: '10' },
    ]
    const { Init, PidsLimit } = spec({ command: 'x', docker: { parameters } }).HostConfig
    expect([Init, PidsLimit]).to.deep.equal([false, 10])
  })

  it('maps ports, also one port of the container to several of the host', () => {
    const portMappings = [
      { containerPort: 80, hostPort: 0, protocol: 'tcp' },
      { containerPort: 80, hostPort: 31005 },
      { containerPort: 53, hostPort: 0, protocol: 'udp' },
    ]
    const { ExposedPorts, HostConfig } = spec({ docker: { portMappings } }, [31000, 31005, 31001])
    expect(ExposedPorts).to.deep.equal({ '80/tcp': {}, '53/udp': {} })
    expect(HostConfig.PortBindings).to.deep.equal({
      '80/tcp': [{ HostPort: '31000' }, { HostPort: '31005' }],
      '53/udp': [{ HostPort: '31001' }],
    })
  })

  for (const network of ['host', 'none']) {
    it(`maps no ports in the network "${network}"`, () => {
      const docker = { network, portMappings: [{ containerPort: 80, hostPort: 1 }] }
      const { ExposedPorts, HostConfig } = spec({ docker }, [1])
      expect([HostConfig.NetworkMode, HostConfig.PortBindings, ExposedPorts]).to.deep.equal([
        network,
        undefined,
        undefined,
      ])
    })
  }

  it('passes user, workdir, privileged and volumes on', () => {
    const body = spec({
      docker: {
        user: '1000:1000',
        workdir: '/w',
        privileged: true,
        volumes: [{ hostPath: '/data:1', containerPath: '/data', readOnly: true }],
      },
    })
    expect([body.User, body.WorkingDir, body.HostConfig.Privileged]).to.deep.equal(['1000:1000', '/w', true])
    expect(body.HostConfig.Mounts?.[1]).to.deep.equal({
      Type: 'bind',
      Source: '/data:1',
      Target: '/data',
      ReadOnly: true,
    })
  })

  it('refuses a parameter that is not on the list', () => {
    expect(() => spec({ docker: { parameters: [{ key: 'pid', value: 'host' }] } })).to.throw(
      'pid is not among',
    )
  })
})
