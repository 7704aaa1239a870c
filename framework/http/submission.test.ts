// What a submission may be: a table of everything that is refused, and properties of what is taken.
import { expect } from 'chai'
import fc from 'fast-check'
import { arbitraryRequest } from './arbitrary-request.ts'
import { specJson } from './spec-json.ts'
import { checkSubmission } from './submission.ts'

const image = { name: 'demo', image: 'tool:1' }
const command = { name: 'demo', command: 'true' }

function errorsOf(body: unknown): Record<string, string> {
  const checked = checkSubmission(body)
  return 'errors' in checked
    ? Object.fromEntries(checked.errors.map(({ path, message }) => [path, message]))
    : {}
}

const docker = (options: object) => ({ ...image, docker: options })
const resources = (values: object) => ({ ...image, resources: values })

describe('submission', function () {
  this.timeout(20_000)
  it('fills in every default', () => {
    expect(checkSubmission(image)).to.deep.equal({
      value: {
        name: 'demo',
        image: 'tool:1',
        args: [],
        env: {},
        resources: { cpuMillis: 1000, memMb: 512, diskMb: 0, ports: 0 },
        docker: {
          network: 'bridge',
          forcePull: false,
          privileged: false,
          volumes: [],
          portMappings: [],
          parameters: [],
        },
        uris: [],
        constraints: [],
        priority: 0,
        labels: {},
        killGraceSeconds: 10,
        retry: { max: 0, backoffSeconds: 1, backoffFactor: 2, maxBackoffSeconds: 300 },
      },
    })
  })

  it('has no docker options without an image', () => {
    const checked = checkSubmission(command)
    expect('value' in checked && checked.value).to.not.have.any.keys('docker', 'image')
  })

  const full = {
    name: 'transcode',
    image: 'registry.example/ffmpeg:6',
    args: ['-i', 'in.mp4'],
    env: { KEY: 'value', 'odd.name-1': 'line\nbreak' },
    resources: { cpus: 0.5, memMb: 256, diskMb: 10, gpus: 0, ports: 2 },
    docker: {
      network: 'bridge',
      entrypoint: ['/bin/x'],
      user: '1000:100',
      workdir: '/w',
      forcePull: true,
      privileged: true,
      volumes: [{ hostPath: '/data', containerPath: '/data', readOnly: true }],
      portMappings: [{ containerPort: 80, hostPort: 0, protocol: 'udp' }],
      parameters: [{ key: 'shm-size', value: '64m' }],
    },
    uris: [
      {
        value: 'http://files.example/input.tgz',
        extract: true,
        executable: false,
        cache: true,
        sha256: 'a'.repeat(64),
      },
    ],
    constraints: [
      { field: 'hostname', operator: 'in', values: ['a', 'b'] },
      { field: '@region', operator: 'notIn', values: ['us-east'] },
    ],
    priority: -5,
    labels: { team: 'video' },
    callback: { url: 'https://hook.example/x?y=1', on: ['RUNNING', 'FINISHED'] },
    maxRuntimeSeconds: 3600,
    maxQueueSeconds: 86_400,
    killGraceSeconds: 0,
    retry: { max: 3, backoffSeconds: 0.5, backoffFactor: 1, maxBackoffSeconds: 30 },
  }

  it('answers a full spec as it came', () => {
    const checked = checkSubmission(full)
    expect('value' in checked && specJson(checked.value)).to.deep.equal(full)
  })

  for (const body of [
    image,
    command,
    full,
    { ...image, command: 'true' },
    { ...image, callback: { url: 'http://h' } },
  ]) {
    it(`means the same when its answer is submitted again: ${Object.keys(body).join()}`, () => {
      const first = checkSubmission(body)
      if ('errors' in first) throw new Error(JSON.stringify(first.errors))
      expect(checkSubmission(JSON.parse(JSON.stringify(specJson(first.value))))).to.deep.equal(first)
    })
  }

  it('takes whatever keeps the rules, and its answer means the same', () => {
    fc.assert(
      fc.property(arbitraryRequest, request => {
        const first = checkSubmission(request)
        if ('errors' in first) throw new Error(JSON.stringify(first.errors))
        expect(checkSubmission(JSON.parse(JSON.stringify(specJson(first.value))))).to.deep.equal(first)
      }),
      { numRuns: 200 },
    )
  })

  it('unpacks an archive by default, but not an executable', () => {
    const checked = checkSubmission({
      ...image,
      uris: [{ value: 'http://h/a' }, { value: 'http://h/b', executable: true }],
    })
    expect('value' in checked && checked.value.uris.map(uri => uri.extract)).to.deep.equal([true, false])
  })

  it('raises the longest pause to the first one', () => {
    const checked = checkSubmission({ ...image, retry: { max: 1, backoffSeconds: 900 } })
    expect('value' in checked && checked.value.retry.maxBackoffSeconds).to.equal(900)
  })

  it('calls back at the end by default', () => {
    const checked = checkSubmission({ ...image, callback: { url: 'http://h/' } })
    expect('value' in checked && checked.value.callback?.on).to.deep.equal([
      'FINISHED',
      'FAILED',
      'KILLED',
      'EXPIRED',
      'ERROR',
    ])
  })

  const wrong: [string, unknown, Record<string, RegExp>][] = [
    ['no object', 5, { '': /^must be an object, not 5$/ }],
    ['null', null, { '': /^must be an object, not null$/ }],
    ['a list', [image], { '': /^must be an object, not a list$/ }],
    ['nothing', undefined, { '': /^must be an object$/ }],
    [
      'nothing in it',
      {},
      { '/name': /^is required: a text of 1 to 100/, '/image': /^is required, or command/ },
    ],
    ['an unknown field', { ...image, comand: 'x' }, { '/comand': /did you mean command\?/ }],
    ['a field like nothing', { ...image, zzzzzz: 1 }, { '/zzzzzz': /^is unknown; possible are name, image/ }],
    ['names of prototypes', { ...image, constructor: 1 }, { '/constructor': /^is unknown/ }],
    ['name: empty', { ...image, name: '' }, { '/name': /^must be a text of 1 to 100 characters/ }],
    ['name: a number', { ...image, name: 5 }, { '/name': /, not 5$/ }],
    ['name: null', { ...image, name: null }, { '/name': /, not null$/ }],
    ['name: too long', { ...image, name: 'x'.repeat(101) }, { '/name': /1 to 100/ }],
    ['name: a line break', { ...image, name: 'a\nb' }, { '/name': /without control characters/ }],
    ['name: blank at its end', { ...image, name: 'a ' }, { '/name': /without blanks at its ends/ }],
    ['name: NUL', { ...image, name: 'a\0b' }, { '/name': /control characters/ }],
    ['name: half a character', { ...image, name: 'a\ud800' }, { '/name': /surrogate/ }],
    ['image: capitals', { name: 'a', image: 'Tool' }, { '/image': /lower case/ }],
    ['image: empty', { name: 'a', image: '' }, { '/image': /^must be an image such as/ }],
    ['image: a blank', { name: 'a', image: 'a b' }, { '/image': /without blanks/ }],
    ['image: a bad tag', { name: 'a', image: 'tool:-x' }, { '/image': /a tag of/ }],
    ['image: a bad digest', { name: 'a', image: 'tool@sha256:12' }, { '/image': /digest/ }],
    ['image: a list', { name: 'a', image: ['x'] }, { '/image': /^must be a text, not a list$/ }],
    ['neither image nor command', { name: 'a' }, { '/image': /or command/ }],
    [
      'args and command',
      { ...image, args: ['a'], command: 'b' },
      { '/args': /not be together with command/ },
    ],
    [
      'args without image',
      { ...command, command: undefined, args: ['a'] },
      { '/image': /./, '/args': /without image/ },
    ],
    [
      'args: a text',
      { ...image, args: 'x' },
      { '/args': /^must be a list of at most 10000 items, not a text$/ },
    ],
    [
      'args: numbers',
      { ...image, args: ['a', 1, null] },
      { '/args/1': /a text, not 1/, '/args/2': /not null/ },
    ],
    ['args: NUL', { ...image, args: ['a', 'b\0'] }, { '/args/1': /NUL/ }],
    ['command: blank', { name: 'a', command: ' \n' }, { '/command': /shell line that is not blank/ }],
    ['command: NUL', { name: 'a', command: 'a\0' }, { '/command': /NUL/ }],
    [
      'command with entrypoint',
      { ...docker({ entrypoint: ['x'] }), command: 'y' },
      { '/docker/entrypoint': /together with command/ },
    ],
    ['docker without image', { ...command, docker: {} }, { '/docker': /without image/ }],
    [
      'env: a list',
      { ...image, env: ['a'] },
      { '/env': /^must be an object of at most 1000 fields, not a list$/ },
    ],
    [
      'env: values',
      { ...image, env: { A: 1, B: true, C: null } },
      { '/env/A': /text, not 1/, '/env/B': /not true/, '/env/C': /not null/ },
    ],
    [
      'env: names',
      { ...image, env: { 'A=B': 'x', '': 'y', 'a b': 'z' } },
      { '/env/A=B': /a variable's name/, '/env/': /name/, '/env/a b': /name/ },
    ],
    [
      'env: our own names',
      { ...image, env: { TASK_ID: '1', JUICE_X: '2' } },
      { '/env/TASK_ID': /Juice sets/, '/env/JUICE_X': /Juice sets/ },
    ],
    ['env: NUL', { ...image, env: { A: 'x\0' } }, { '/env/A': /NUL/ }],
    [
      'env: a name with half a character',
      { ...image, env: { '\udc00': 'x' } },
      { '/env': /field whose name/ },
    ],
    ['resources: a number', { ...image, resources: 1 }, { '/resources': /^must be an object, not 1$/ }],
    ['resources: unknown', resources({ mem: 1 }), { '/resources/mem': /did you mean memMb\?/ }],
    ['cpus: 0', resources({ cpus: 0 }), { '/resources/cpus': /^must be a number from 0.01 .*, not 0$/ }],
    ['cpus: a text', resources({ cpus: '1' }), { '/resources/cpus': /, not a text$/ }],
    ['cpus: too fine', resources({ cpus: 0.0105 }), { '/resources/cpus': /at most three decimals/ }],
    ['cpus: huge', resources({ cpus: 1e9 }), { '/resources/cpus': /100000/ }],
    [
      'memMb: 3',
      resources({ memMb: 3 }),
      { '/resources/memMb': /^must be a whole number from 4 to 16777216, not 3$/ },
    ],
    [
      'memMb: 5 with an image',
      resources({ memMb: 5 }),
      { '/resources/memMb': /^must be at least 6 with an image: Docker/ },
    ],
    ['memMb: a half', resources({ memMb: 64.5 }), { '/resources/memMb': /whole number.*not 64.5$/ }],
    ['diskMb: negative', resources({ diskMb: -1 }), { '/resources/diskMb': /whole number from 0/ }],
    ['gpus: 1', resources({ gpus: 1 }), { '/resources/gpus': /not supported yet/ }],
    ['ports: 101', resources({ ports: 101 }), { '/resources/ports': /from 0 to 100/ }],
    ['network', docker({ network: 'container:x' }), { '/docker/network': /^must be bridge, host, none or/ }],
    [
      'entrypoint: empty',
      docker({ entrypoint: [] }),
      { '/docker/entrypoint': /list of 1 to 1000 items, not 0/ },
    ],
    ['user', docker({ user: 'a b' }), { '/docker/user': /user:group/ }],
    ['workdir', docker({ workdir: 'w' }), { '/docker/workdir': /absolute path/ }],
    [
      'forcePull',
      docker({ forcePull: 'yes' }),
      { '/docker/forcePull': /^must be true or false, not a text|^must be true or false$/ },
    ],
    [
      'volume paths',
      docker({ volumes: [{ hostPath: 'data', containerPath: '/a/../b' }] }),
      { '/docker/volumes/0/hostPath': /absolute/, '/docker/volumes/0/containerPath': /without \.\./ },
    ],
    [
      'volume: missing',
      docker({ volumes: [{}] }),
      { '/docker/volumes/0/hostPath': /required/, '/docker/volumes/0/containerPath': /required/ },
    ],
    [
      'volume over the root',
      docker({ volumes: [{ hostPath: '/a', containerPath: '/' }] }),
      { '/docker/volumes/0/containerPath': /root/ },
    ],
    [
      'volume over the sandbox',
      docker({ volumes: [{ hostPath: '/a', containerPath: '/mnt//mesos/sandbox/' }] }),
      { '/docker/volumes/0/containerPath': /sandbox/ },
    ],
    [
      'two volumes at one path',
      docker({
        volumes: [
          { hostPath: '/a', containerPath: '/x' },
          { hostPath: '/b', containerPath: '/x/' },
        ],
      }),
      { '/docker/volumes/1/containerPath': /same as that of item 0/ },
    ],
    [
      'ports of mappings',
      docker({ portMappings: [{ containerPort: 0, hostPort: 70000, protocol: 'sctp' }] }),
      {
        '/docker/portMappings/0/containerPort': /1 to 65535/,
        '/docker/portMappings/0/hostPort': /0 to 65535/,
        '/docker/portMappings/0/protocol': /one of "tcp" or "udp"/,
      },
    ],
    [
      'one host port twice',
      docker({
        portMappings: [
          { containerPort: 1, hostPort: 5 },
          { containerPort: 2, hostPort: 5, protocol: 'tcp' },
        ],
      }),
      { '/docker/portMappings/1/hostPort': /same as that of item 0/ },
    ],
    [
      'mappings in the host network',
      docker({ network: 'host', portMappings: [{ containerPort: 1 }] }),
      { '/docker/portMappings': /resources.ports/ },
    ],
    [
      'mappings in no network',
      docker({ network: 'none', portMappings: [{ containerPort: 1 }] }),
      { '/docker/portMappings': /none/ },
    ],
    [
      'an unknown parameter',
      docker({ parameters: [{ key: 'restart', value: 'always' }] }),
      { '/docker/parameters/0/key': /not among the parameters: add-host/ },
    ],
    [
      "a parameter's value",
      docker({ parameters: [{ key: 'shm-size', value: 'big' }] }),
      { '/docker/parameters/0/value': /shm-size must be bytes/ },
    ],
    ['uri: scheme', { ...image, uris: [{ value: 'ftp://h/x' }] }, { '/uris/0/value': /http:\/\/ or https:/ }],
    ['uri: no host', { ...image, uris: [{ value: 'http://' }] }, { '/uris/0/value': /http/ }],
    ['uri: a text', { ...image, uris: ['http://h/x'] }, { '/uris/0': /^must be an object/ }],
    [
      'uri: both',
      { ...image, uris: [{ value: 'http://h', extract: true, executable: true }] },
      { '/uris/0/executable': /together with extract/ },
    ],
    [
      'uri: hash',
      { ...image, uris: [{ value: 'http://h', sha256: 'ABC' }] },
      { '/uris/0/sha256': /64 lower-case/ },
    ],
    [
      'constraint: operator',
      { ...image, constraints: [{ field: 'a', operator: '==', values: ['b'] }] },
      { '/constraints/0/operator': /one of "in" or "notIn"/ },
    ],
    [
      'constraint: no values',
      { ...image, constraints: [{ field: '', operator: 'in', values: [] }] },
      { '/constraints/0/field': /1 to 255/, '/constraints/0/values': /1 to 1000 items/ },
    ],
    [
      'constraint: no such place',
      { ...image, constraints: [{ field: '@rack', operator: 'in', values: ['r1'] }] },
      { '/constraints/0/field': /hostname, @region, @zone or the name of an agent attribute/ },
    ],
    ['priority', { ...image, priority: 1.5 }, { '/priority': /whole number from -1000 to 1000/ }],
    [
      'labels',
      { ...image, labels: { 'a b': 'x', c: 1 } },
      { '/labels/a b': /label's name/, '/labels/c': /text/ },
    ],
    ['callback: url', { ...image, callback: { url: 'hook' } }, { '/callback/url': /http/ }],
    [
      'callback: states',
      { ...image, callback: { url: 'http://h', on: ['DONE'] } },
      { '/callback/on/0': /one of "RUNNING", "FINISHED"/ },
    ],
    [
      'callback: repeated',
      { ...image, callback: { url: 'http://h', on: ['FAILED', 'FAILED'] } },
      { '/callback/on/1': /same as that of item 0/ },
    ],
    [
      'times',
      { ...image, maxRuntimeSeconds: 0, maxQueueSeconds: 1.5, killGraceSeconds: 3601 },
      { '/maxRuntimeSeconds': /from 1/, '/maxQueueSeconds': /whole/, '/killGraceSeconds': /3600/ },
    ],
    [
      'retry',
      { ...image, retry: { max: -1, backoffFactor: 0.5, backoffSeconds: 'x', maxBackoffSeconds: -1 } },
      {
        '/retry/max': /0 to 100/,
        '/retry/backoffFactor': /1 to 100/,
        '/retry/backoffSeconds': /number/,
        '/retry/maxBackoffSeconds': /number/,
      },
    ],
    [
      'retry: longest below first',
      { ...image, retry: { backoffSeconds: 10, maxBackoffSeconds: 5 } },
      { '/retry/maxBackoffSeconds': /at least backoffSeconds, 10/ },
    ],
    [
      'too long',
      { ...image, args: ['x'.repeat(66_000)] },
      { '': /at most 65536 bytes long as JSON, not 66\d{3}$/ },
    ],
  ]
  for (const [title, body, expected] of wrong) {
    it(`refuses ${title}`, () => {
      const errors = errorsOf(body)
      expect(Object.keys(errors), JSON.stringify(errors)).to.have.members(Object.keys(expected))
      for (const [path, message] of Object.entries(expected)) expect(errors[path]).to.match(message)
    })
  }

  it('never repeats a text that was given, which may be a secret in the wrong place', () => {
    const secret = 'hunter2-hunter2'
    const errors = errorsOf({
      name: secret.repeat(20),
      image,
      env: secret,
      priority: secret,
      callback: { url: secret },
    })
    expect(JSON.stringify(errors)).not.to.contain(secret)
  })

  it('takes a spec of just 64 KB', () => {
    const base = checkSubmission({ ...image, args: [''] })
    if ('errors' in base) throw new Error()
    const room = 65_536 - JSON.stringify(specJson(base.value)).length
    expect(errorsOf({ ...image, args: ['x'.repeat(room)] })).to.deep.equal({})
    expect(Object.keys(errorsOf({ ...image, args: ['x'.repeat(room + 1)] }))).to.deep.equal([''])
  })

  it('stays bounded whatever comes', () => {
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`f${index}`, index]))
    const checked = checkSubmission({ ...many, args: Array.from({ length: 100_000 }, () => 1) })
    // Its length alone: to name each fault would stop everything else for a while.
    expect('errors' in checked && checked.errors.map(({ path }) => path)).to.deep.equal([''])
    const most = Object.fromEntries(Array.from({ length: 6000 }, (_, index) => [`f${index}`, 1]))
    const named = checkSubmission(most)
    expect('errors' in named && named.errors.length).to.be.within(400, 1000)
  })

  it('gives a spec or errors for any JSON, and errors have paths and words', () => {
    const field = fc.constantFrom(...Object.keys(full))
    const near = fc.tuple(field, fc.jsonValue()).map(([key, value]) => ({ ...full, [key]: value }))
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), near), body => {
        const checked = checkSubmission(body)
        if ('value' in checked) return
        expect(checked.errors.length).to.be.greaterThan(0)
        for (const error of checked.errors) expect(error.message).to.match(/^(is|must|has)\b/)
      }),
      { numRuns: 400 },
    )
  })
})
