// What a task does at its end, and what its record then says: every way out, through the whole system.
import { expect } from 'chai'
import { Cluster } from '../support/cluster.ts'

describe('outcomes of a task', function () {
  this.timeout(120_000)
  let cluster: Cluster
  before(async () => {
    cluster = await Cluster.start()
  })
  after(() => cluster[Symbol.asyncDispose]())

  it('runs an image to its end: states, exit code, output, result', async () => {
    const task = await cluster.submit({
      command: 'echo out; echo err >&2; echo "{\\"n\\": 1}" > $MESOS_SANDBOX/result.json',
    })
    expect(task.state).to.equal('QUEUED')
    const ended = await cluster.ended(task.id)
    expect(ended).to.include({ state: 'FINISHED', exitCode: 0, attempt: 1 })
    expect(ended.result).to.deep.equal({ n: 1 })
    expect((await cluster.log(task.id)).toString()).to.equal('out\n')
    expect((await cluster.log(task.id, 'stderr')).toString()).to.equal('err\n')
  })

  it('gives a task the environment that is promised', async () => {
    const task = await cluster.submit({
      name: 'env-check',
      env: { OWN: 'ü $HOME' },
      args: [
        'sh',
        '-c',
        'echo "$TASK_ID $JUICE_TASK_ID $JUICE_ATTEMPT $JUICE_SERVICE $APP_NAME $MESOS_SANDBOX $OWN"; test -n "$INSTANCE"',
      ],
    })
    expect(await cluster.ended(task.id)).to.include({ state: 'FINISHED' })
    expect((await cluster.log(task.id)).toString()).to.equal(
      `${task.id} ${task.id} 1 env-check env-check /mnt/mesos/sandbox ü $HOME\n`,
    )
  })

  it('runs a command task as an unprivileged user in a folder of its own', async () => {
    const task = await cluster.submitCommand({
      command: 'id -u; test "$PWD" = "$MESOS_SANDBOX" && echo 7 > result.json',
    })
    const ended = await cluster.ended(task.id)
    expect(ended).to.include({ state: 'FINISHED', result: 7 })
    if (process.getuid?.() === 0) expect((await cluster.log(task.id)).toString()).to.equal('65534\n')
  })

  it('says why an image cannot be had', async () => {
    const task = await cluster.submit({ image: '127.0.0.1:9/no/such-image:1' })
    const ended = await cluster.ended(task.id)
    expect(ended.state).to.equal('FAILED')
    expect(ended.message)
      .to.match(/127\.0\.0\.1:9\/no\/such-image:1/)
      .and.match(/refused|pull|not found/i)
  })

  it('reports an exit code, a command that does not exist (127), and a signal', async () => {
    const [code, missing, missingInImage, signal] = await Promise.all([
      cluster.submit({ command: 'exit 3' }),
      cluster.submitCommand({ command: '/no/such/program' }),
      cluster.submit({ args: ['/no/such/program'] }),
      cluster.submitCommand({ command: 'kill -9 $$' }),
    ])
    expect(await cluster.ended(code.id)).to.include({ state: 'FAILED', exitCode: 3 })
    expect(await cluster.ended(missing.id)).to.include({ state: 'FAILED', exitCode: 127 })
    expect(await cluster.ended(missingInImage.id)).to.include({ state: 'FAILED', exitCode: 127 })
    const signalled = await cluster.ended(signal.id)
    expect(signalled.state).to.equal('FAILED')
    expect(signalled.attempts[0]).to.include({ signal: 9 })
  })

  it('says that memory ran out', async () => {
    const hog = 'a=x; while :; do a="$a$a"; done'
    const [container, command] = await Promise.all([
      cluster.submit({ command: hog, resources: { cpus: 0.5, memMb: 16 } }),
      cluster.submitCommand({ command: hog, resources: { cpus: 0.5, memMb: 16 } }),
    ])
    for (const { id } of [container, command]) {
      const ended = await cluster.ended(id)
      expect(ended.state, JSON.stringify(ended)).to.equal('FAILED')
      expect(ended.attempts[0]).to.include({ oom: true, blame: 'task' })
      expect(ended.message).to.match(/memory/i)
    }
  })

  it('ends a task that ignores TERM, after its grace', async () => {
    const ignore = { command: 'trap "" TERM; echo ready; while :; do sleep 0.1; done', killGraceSeconds: 1 }
    for (const submit of [() => cluster.submit(ignore), () => cluster.submitCommand(ignore)]) {
      const task = await submit()
      await cluster.running(task.id)
      await cluster.kill(task.id)
      expect(await cluster.ended(task.id)).to.include({ state: 'KILLED' })
    }
  })

  it('kills before, during and after the launch', async () => {
    const impossible = await cluster.submit({ command: 'true', resources: { cpus: 9999, memMb: 32 } })
    expect(await cluster.kill(impossible.id)).to.include({ state: 'KILLED', attempt: 0 })

    const racing = await cluster.submit({ command: 'sleep 60' })
    await cluster.kill(racing.id)
    expect(await cluster.ended(racing.id)).to.include({ state: 'KILLED' })

    const done = await cluster.submit({ command: 'true' })
    await cluster.ended(done.id)
    expect(await cluster.kill(done.id)).to.include({ state: 'FINISHED' })
  })

  it('ends what runs longer than it may', async () => {
    const task = await cluster.submit({ command: 'sleep 60', maxRuntimeSeconds: 1 })
    const ended = await cluster.ended(task.id)
    expect(ended.state).to.equal('FAILED')
    expect(ended.message).to.match(/1 s/)
  })

  it('expires what waits longer than it may', async () => {
    const task = await cluster.submit({
      command: 'true',
      resources: { cpus: 9999, memMb: 32 },
      maxQueueSeconds: 1,
    })
    const ended = await cluster.ended(task.id)
    expect(ended).to.include({ state: 'EXPIRED', attempt: 0 })
    expect(ended.message).to.match(/cpus/)
  })

  it('runs a failed task again as its policy says', async () => {
    const task = await cluster.submit({ command: 'exit 1', retry: { max: 2, backoffSeconds: 0 } })
    const ended = await cluster.ended(task.id)
    expect(ended).to.include({ state: 'FAILED', attempt: 3 })
    expect(ended.attempts.map(attempt => attempt.exitCode)).to.deep.equal([1, 1, 1])
  })

  it('keeps 10 MB of output without a newline, and binary output', async () => {
    const [long, binary] = await Promise.all([
      cluster.submit({ command: 'head -c 10485760 /dev/zero | tr "\\0" x' }),
      cluster.submit({ command: 'printf "\\377\\000\\001\\303"' }),
    ])
    expect(await cluster.ended(long.id)).to.include({ state: 'FINISHED' })
    expect(await cluster.ended(binary.id)).to.include({ state: 'FINISHED' })
    expect((await cluster.log(binary.id)).toString('hex')).to.equal('ff0001c3')
    const tail = await cluster.log(long.id)
    expect(tail.length).to.be.greaterThan(0)
    expect(tail.every(byte => byte === 0x78)).to.equal(true)
  })

  it('does not follow links that a task planted', async () => {
    const task = await cluster.submitCommand({
      command:
        'ln -s /etc/passwd result.json; rm -f ../stdout 2>/dev/null; ln -s /etc/passwd ../stdout 2>/dev/null; echo mine',
    })
    const ended = await cluster.ended(task.id)
    expect(ended.state).to.equal('FINISHED')
    expect(ended.result).to.equal(null)
    expect(ended.message).to.match(/result\.json/)
    expect((await cluster.log(task.id)).toString()).to.equal('mine\n')
  })
})
