import { expect } from 'chai'
import { fullName, parseImage } from './image-reference.ts'

const digest = `sha256:${'ab'.repeat(32)}`

describe('parseImage', () => {
  const known = [
    ['busybox', 'docker.io', 'busybox:latest'],
    ['team/tool:1.2', 'docker.io', 'team/tool:1.2'],
    ['localhost/tool', 'localhost', 'localhost/tool:latest'],
    ['registry.example/ffmpeg:6', 'registry.example', 'registry.example/ffmpeg:6'],
    ['127.0.0.1:5000/a/b-c__d', '127.0.0.1:5000', '127.0.0.1:5000/a/b-c__d:latest'],
    [`registry.example:5000/tool@${digest}`, 'registry.example:5000', `registry.example:5000/tool@${digest}`],
    [`tool:3@${digest}`, 'docker.io', `tool@${digest}`],
  ] as const
  for (const [image, registry, full] of known) {
    it(`reads ${image}`, () => {
      const reference = parseImage(image)
      expect(reference?.registry).to.equal(registry)
      expect(reference && fullName(reference)).to.equal(full)
    })
  }

  for (const image of [
    '',
    ' ',
    'Busy',
    'a b',
    'a:',
    'a@sha256:12',
    'a:b:c',
    '/a',
    'a/',
    `a@${digest}@${digest}`,
  ]) {
    it(`refuses ${JSON.stringify(image)}`, () => expect(parseImage(image)).to.equal(undefined))
  }
})
