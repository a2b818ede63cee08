import { describe, expect, it } from 'vitest'
import { slsOf, slsPaths } from '../../src/state/names.ts'

describe('the name of an SLS', () => {
  it('is a file, or the init of a folder', () => {
    expect(slsPaths('web.nginx')).toEqual(['web/nginx.sls', 'web/nginx/init.sls'])
  })

  it.each([
    ['top.sls', 'top'],
    ['web/init.sls', 'web'],
    ['web/nginx.sls', 'web.nginx'],
    ['init.sls', 'init'],
    ['web/nginx.conf', undefined],
    ['web.d/nginx.sls', undefined],
  ])('of %s is %s', (path, sls) => {
    expect(slsOf(path)).toBe(sls)
  })
})
