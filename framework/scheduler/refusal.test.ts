// What the operator reads where Mesos does not take the framework: each names the variables that matter.
import { expect } from 'chai'
import { MesosError } from 'mesos-http-client'
import { refusalMessage, troubleMessage } from './refusal.ts'

const settings = {
  name: 'juice',
  user: 'root',
  roles: ['juice'],
  failoverTimeoutSeconds: 60,
  webuiUrl: 'http://juice.example',
  hostname: 'juice.example',
}

describe('the message of a refused subscription', () => {
  it('names principal and secret where the master answers 401 (S9)', () => {
    const cause = new MesosError('unauthenticated', 'SUBSCRIBE: HTTP 401: 401 Unauthorized.', { status: 401 })
    expect(refusalMessage(cause, settings)).to.equal(
      "SUBSCRIBE: HTTP 401: 401 Unauthorized: JUICE_MESOS_PRINCIPAL (not set) and JUICE_MESOS_SECRET must be those of an entry in the master's --credentials",
    )
    expect(refusalMessage(cause, { ...settings, principal: 'juice' })).to.contain(
      'JUICE_MESOS_PRINCIPAL (now "juice") and JUICE_MESOS_SECRET',
    )
  })

  it('leaves to ZooKeeper what ZooKeeper refused', () => {
    expect(refusalMessage(new MesosError('unauthenticated', 'zk'), settings)).to.equal('zk')
  })

  it('names the principal that the master does not expect (S18)', () => {
    const said = "Authenticated principal 'a' does not match principal 'b' set in `FrameworkInfo`"
    const cause = new MesosError('principal_mismatch', said, { status: 400 })
    expect(refusalMessage(cause, { ...settings, principal: 'b' })).to.contain(
      `${said}: JUICE_MESOS_PRINCIPAL (now "b")`,
    )
  })

  it('names the variable of the CA, where the client speaks of its option', () => {
    const cause = new MesosError('unreachable', 'self-signed: put its PEM into `ca`')
    expect(troubleMessage(cause)).to.equal('self-signed: put its PEM into JUICE_MESOS_CA_FILE')
  })

  const events = [
    'Not authorized to register framework  with roles { juice }',
    "Roles { juice } are not present in the master's --roles",
    "User 'root' is not allowed to run frameworks without --root_submissions set",
  ]
  for (const said of events) {
    it(`names principal, role and user: ${said} (S18, S23)`, () => {
      const message = refusalMessage(new MesosError('refused', said), settings)
      expect(message).to.contain(`${said}: the master's --acls`)
      expect(message).to.match(/JUICE_MESOS_PRINCIPAL.*JUICE_MESOS_ROLE.*JUICE_FRAMEWORK_USER/)
    })
  }
})
