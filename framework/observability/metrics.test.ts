// The metrics as a scraper sees them.
import { expect } from 'chai'
import { createMetrics } from './metrics.ts'

describe('metrics', () => {
  it('belong to one registry each, so that two sets live in one process', async () => {
    const [a, b] = [createMetrics({ ofProcess: false }), createMetrics({ ofProcess: false })]
    a.tasksEnded.inc({ state: 'FINISHED' })
    a.submitToRunning.observe(0.2)
    expect(await a.registry.metrics()).to.contain('juice_tasks_ended_total{state="FINISHED"} 1')
    expect(await b.registry.metrics()).not.to.contain('FINISHED')
  })

  it('name what they count, with units at the end', async () => {
    const all = await createMetrics({ ofProcess: false }).registry.getMetricsAsJSON()
    expect(all.length).to.be.greaterThan(10)
    for (const { name, help, type } of all) {
      expect(name).to.match(/^juice_[a-z_]+$/)
      expect(help).not.to.equal('')
      if (String(type) === 'counter') expect(name).to.match(/_total$/)
    }
  })

  it("show the process's own numbers where asked to", async () => {
    const { registry } = createMetrics({ ofProcess: true })
    expect(await registry.metrics()).to.match(/nodejs_eventloop_lag_p99_seconds/)
  })
})
