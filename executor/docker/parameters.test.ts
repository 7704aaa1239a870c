import { expect } from 'chai'
import type { CreateBody } from './create-body.ts'
import { applyParameter, parameterForms, validateParameter } from './parameters.ts'

function applied(...parameters: readonly (readonly [string, string])[]): CreateBody {
  const body: CreateBody = { Image: '', HostConfig: {} }
  for (const [key, value] of parameters) applyParameter(body, key, value)
  return body
}

const good: Readonly<Record<string, readonly string[]>> = {
  'add-host': ['db:10.0.0.1', 'db:::1', 'up:host-gateway'],
  'blkio-weight': ['10', '500'],
  'cap-add': ['NET_ADMIN', 'net_admin', 'CAP_SYS_TIME'],
  'cap-drop': ['ALL'],
  'cpu-period': ['100000'],
  'cpu-quota': ['50000'],
  cpus: ['2', '0.5'],
  'cpuset-cpus': ['0-2,5'],
  'cpuset-mems': ['0'],
  device: ['/dev/fuse', '/dev/a:/dev/b', '/dev/a:/dev/b:r'],
  dns: ['10.0.0.2', '::1'],
  'dns-option': ['ndots:2', 'rotate'],
  'dns-search': ['example.org'],
  domainname: ['example.org'],
  'group-add': ['video', '44'],
  hostname: ['worker-1'],
  init: ['true', 'false'],
  ipc: ['private', 'host'],
  'memory-reservation': ['64m'],
  'memory-swappiness': ['0'],
  'oom-score-adj': ['-500'],
  'pids-limit': ['100', '-1'],
  'read-only': ['true', ''],
  runtime: ['runc', 'io.containerd.runc.v2'],
  'security-opt': [
    'no-new-privileges',
    'no-new-privileges:true',
    'seccomp=unconfined',
    'apparmor=p',
    'label=disable',
  ],
  'shm-size': ['64m', '1073741824', '1G', '2gb'],
  'stop-signal': ['SIGINT', 'QUIT', '15', 'SIGRTMIN+3'],
  'storage-opt': ['size=10G'],
  sysctl: ['net.core.somaxconn=1024', 'net.ipv4.ip_local_port_range=1024 65000'],
  tmpfs: ['/run', '/run:size=64m,mode=1777'],
  ulimit: ['nofile=1024', 'nofile=1024:2048', 'core=-1'],
}

const bad: Readonly<Record<string, readonly string[]>> = {
  'add-host': ['db', 'db:nowhere', ':10.0.0.1'],
  'blkio-weight': ['9', '1001', 'x'],
  'cap-add': ['', 'NET ADMIN'],
  'cap-drop': ['-'],
  'cpu-period': ['999'],
  'cpu-quota': ['-1'],
  cpus: ['0', '-1', '1.', 'many', '1e3'],
  'cpuset-cpus': ['0-', 'a'],
  'cpuset-mems': [''],
  device: ['dev', '/dev/a:b', '/dev/a:/dev/b:x', '/a:/b:r:w'],
  dns: ['example.org'],
  'dns-option': ['a b'],
  'dns-search': [''],
  domainname: ['-x'],
  'group-add': ['a b'],
  hostname: ['', 'a b', '-a'],
  init: ['yes'],
  ipc: ['container:x'],
  'memory-reservation': ['0', '-1m'],
  'memory-swappiness': ['101'],
  'oom-score-adj': ['1001'],
  'pids-limit': ['0', '-2', ''],
  'read-only': ['maybe'],
  runtime: ['a b'],
  'security-opt': ['seccomp=/etc/profile.json', 'nonsense'],
  'shm-size': ['', '64x', '0', '1.5g'],
  'stop-signal': ['', '0', 'int'],
  'storage-opt': ['size'],
  sysctl: ['=1', 'x'],
  tmpfs: ['run', '/run:a:b', '/run:a b'],
  ulimit: ['nofile', 'nofile=a', 'files=1', 'nofile=3:2', 'nofile=-1:5'],
}

describe('parameters of docker run', () => {
  it('are each tried here', () => {
    expect(Object.keys(good)).to.deep.equal(Object.keys(parameterForms))
    expect(Object.keys(bad)).to.deep.equal(Object.keys(parameterForms))
  })

  for (const [key, values] of Object.entries(good)) {
    it(`${key} takes ${values.map(value => JSON.stringify(value)).join(', ')}`, () => {
      for (const value of values) expect(validateParameter(key, value)).to.equal(undefined)
    })
  }

  for (const [key, values] of Object.entries(bad)) {
    it(`${key} refuses ${values.map(value => JSON.stringify(value)).join(', ')}`, () => {
      for (const value of values)
        expect(validateParameter(key, value), value).to.equal(`${key} must be ${parameterForms[key]}`)
    })
  }

  for (const key of ['volume', 'privileged', 'log-driver', 'restart', '', '__proto__', 'constructor']) {
    it(`does not know ${JSON.stringify(key)}`, () => {
      expect(validateParameter(key, 'true')).to.match(/is not among the parameters: add-host, /)
    })
  }

  it('add up where docker run lets them repeat', () => {
    const { HostConfig } = applied(
      ['cap-add', 'net_admin'],
      ['cap-add', 'SYS_TIME'],
      ['ulimit', 'nofile=10:20'],
      ['ulimit', 'core=0'],
      ['sysctl', 'a.b=1'],
      ['tmpfs', '/run:size=1m'],
      ['shm-size', '1k'],
      ['shm-size', '64m'],
    )
    expect(HostConfig).to.deep.equal({
      CapAdd: ['NET_ADMIN', 'SYS_TIME'],
      Ulimits: [
        { Name: 'nofile', Soft: 10, Hard: 20 },
        { Name: 'core', Soft: 0, Hard: 0 },
      ],
      Sysctls: { 'a.b': '1' },
      Tmpfs: { '/run': 'size=1m' },
      ShmSize: 64 * 1024 ** 2,
    })
  })

  it('become the units of the Engine API', () => {
    expect(applied(['cpus', '0.5']).HostConfig.NanoCpus).to.equal(5e8)
    expect(applied(['init', '0']).HostConfig.Init).to.equal(false)
    expect(applied(['device', '/dev/fuse']).HostConfig.Devices).to.deep.equal([
      { PathOnHost: '/dev/fuse', PathInContainer: '/dev/fuse', CgroupPermissions: 'rwm' },
    ])
  })
})
