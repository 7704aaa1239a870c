import { expect } from 'chai'
import { executorSettings } from '../proto/payload.ts'
import { jsonLogger } from './logger.ts'
import { defaultSettings, readSettings } from './settings.ts'

describe('settings of the executor', () => {
  it('have defaults for all that is not given, or given empty', () => {
    expect(readSettings(undefined)).to.deep.equal({ settings: defaultSettings })
    expect(readSettings(new Uint8Array())).to.deep.equal({ settings: defaultSettings })
    const given = executorSettings.encode({
      dockerHost: '',
      commandUser: 'www',
      logFileBytes: 0,
      idleTimeoutMs: 0,
    })
    expect(readSettings(given)).to.deep.equal({
      settings: { ...defaultSettings, commandUser: 'www', idleTimeoutMs: 0 },
    })
  })

  it('say so where they can not be read', () => {
    const { settings, problem } = readSettings(Uint8Array.from([0xff, 0xff]))
    expect(settings).to.deep.equal(defaultSettings)
    expect(problem).to.match(/^ExecutorInfo.data is unreadable/)
  })
})

describe('log of the executor', () => {
  it('is one JSON object a line, from its level up, and never throws', () => {
    const lines: string[] = []
    const logger = jsonLogger(line => void lines.push(line), 'info')
    logger.debug('not seen')
    logger.info('a\nb', { task: 't' })
    logger.error('failed', { error: new Error('why'), big: 1n })
    const circle: Record<string, unknown> = {}
    circle['circle'] = circle
    logger.warn('round', { circle })
    const entries = lines.map(line => JSON.parse(line) as Record<string, unknown>)
    expect(lines.every(line => line.endsWith('}\n') && !line.slice(0, -1).includes('\n'))).to.equal(true)
    expect(entries[0]).to.include({ level: 'info', message: 'a\nb', task: 't' })
    expect(entries[1]).to.deep.include({ error: { name: 'Error', message: 'why' }, big: '1' })
    expect(entries[2]).to.include({ level: 'warn', message: 'round', fields: 'not serialisable' })
    expect(entries).to.have.length(3)
  })
})
