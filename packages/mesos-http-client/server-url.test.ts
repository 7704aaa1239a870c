// Which URLs of masters and agents are taken, and that what is wrong is said without a password.
import { inspect } from 'node:util'
import { expect } from 'chai'
import { FilesClient, OperatorClient, SchedulerClient } from './index.ts'
import { frameworkInfo } from './testing/scheduler-harness.ts'

const makers: Readonly<Record<string, (url: string) => unknown>> = {
  SchedulerClient: url =>
    new SchedulerClient({ masters: [url], codec: 'json', frameworkInfo, onEvent: () => {} }),
  OperatorClient: url => new OperatorClient({ url }),
  FilesClient: url => new FilesClient({ url }),
}

const wrong: readonly (readonly [string, RegExp])[] = [
  ['http://user:topsecret@127.0.0.1:5050', /no user and password.*`credential`/],
  ['https://topsecret@127.0.0.1:5050', /no user and password.*`credential`/],
  ['ZK://user:topsecret@127.0.0.1:2181/mesos', /such as http:\/\//],
  ['user:topsecret@127.0.0.1:5050', /such as http:\/\//],
  ['http://user:topsecret@[', /such as http:\/\//],
  ['', /such as http:\/\//],
]

describe('URLs of masters and agents', () => {
  for (const [name, make] of Object.entries(makers)) {
    it(`are checked by ${name}, which repeats no password`, () => {
      for (const [url, message] of wrong) {
        let thrown: unknown
        try {
          make(url)
        } catch (error) {
          thrown = error
        }
        expect(thrown, url).to.be.instanceOf(TypeError)
        expect(inspect(thrown)).to.match(message).and.not.include('topsecret')
      }
      for (const url of ['http://127.0.0.1:5050', 'https://[::1]:5050/'])
        expect(() => make(url)).not.to.throw()
    })
  }
})
