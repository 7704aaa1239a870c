// Lines of the log in both formats.
import { expect } from 'chai'
import { createLogger, partLogger, type LogOptions } from './log.ts'

function lines(format: LogOptions['format'], level: LogOptions['level'] = 'info') {
  const written: string[] = []
  const logger = createLogger({
    level,
    format,
    appName: 'juice',
    instance: 'box:8080',
    destination: { write: line => void written.push(line) },
  })
  return { logger, written }
}

describe('log', () => {
  it('writes one JSON object a line', () => {
    const { logger, written } = lines('json')
    partLogger(logger, 'scheduler').info({ taskId: 42, agentId: 'S1' }, 'launched')
    expect(written).to.have.lengthOf(1)
    const entry = JSON.parse(written[0] ?? '') as Record<string, unknown>
    expect(entry).to.include({
      level: 'info',
      app: 'juice',
      instance: 'box:8080',
      logger: 'scheduler',
      taskId: 42,
      agentId: 'S1',
      msg: 'launched',
    })
    expect(Date.parse(String(entry['time']))).to.be.greaterThan(0)
  })

  it('keeps quiet below its level', () => {
    const { logger, written } = lines('json', 'warn')
    logger.info('no')
    logger.warn('yes')
    expect(written).to.have.lengthOf(1)
  })

  it('writes the pattern', () => {
    const { logger, written } = lines('pattern')
    partLogger(logger, 'scheduler').warn({ taskId: 42 }, 'launched')
    expect(written[0]).to.match(
      /^\[\d{4}-\d\d-\d\dT[\d:.]+Z\] \[juice\] \[box:8080\] \[42\] \[WARN\] \[scheduler\] launched\n$/,
    )
  })

  it('marks what is absent, adds other fields and stacks, and lets nobody forge a line', () => {
    const { logger, written } = lines('pattern')
    logger.error({ offers: 3, err: new Error('broken\npipe') }, 'a\nb\u0000\u007f')
    const [line = ''] = written
    expect(line).to.match(
      /^\[[^\]]+\] \[juice\] \[box:8080\] \[-\] \[ERROR\] \[-\] a\\nb\\u0000\? \{"offers":3\}\n/,
    )
    expect(line).to.contain('\n    Error: broken\n    pipe\n')
    expect(
      line
        .trimEnd()
        .split('\n')
        .slice(1)
        .every(text => text.startsWith('    ')),
    ).to.equal(true)
  })
})
