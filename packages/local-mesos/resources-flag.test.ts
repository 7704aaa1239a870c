import { expect } from 'chai'
import { readResources } from './resources-flag.ts'

describe('the flag --resources', () => {
  it('is read as Mesos reads it, by role', () => {
    expect(
      readResources('cpus:4; cpus(web):0.5;mem(eng/dev):1024;ports(web):[31000-31009, 31020-31029];'),
    ).to.deep.equal({
      '*': { cpus: 4 },
      web: {
        cpus: 0.5,
        ports: [
          [31_000, 31_009],
          [31_020, 31_029],
        ],
      },
      'eng/dev': { memMb: 1024 },
    })
    expect(readResources('')).to.deep.equal({})
  })

  it('says what is wrong', () => {
    for (const [text, says] of [
      ['gpus:1', "'gpus:1' is not name:value"],
      ['cpus', "'cpus' is not name:value"],
      ['cpus(web:1', 'is not name:value'],
      ['cpus:many', "cpus must be a number, not 'many'"],
      ['mem:-1', "mem must be a number, not '-1'"],
      ['ports:31000', "ports must be ranges such as [31000-31099, 31200-31299], not '31000'"],
    ] as const) {
      expect(() => readResources(text), text).to.throw(says)
    }
  })
})
