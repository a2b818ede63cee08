import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DOCUMENT_FILTERS } from '../../src/jinja/filters.ts'
import { DOCUMENT_BLOCKS } from '../../src/jinja/parse-document.ts'
import { fileNames, slsNames } from '../../src/sls/names.ts'
import { renderSls } from '../../src/sls/render.ts'

const page = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/sls.md'), 'utf8')
const quoted = new Set([...page.matchAll(/`([a-z_0-9]+)/g)].map(match => match[1]))

describe('the page on SLS files', () => {
  it('names every filter, statement and name of a template', () => {
    const known = [
      ...Object.keys(DOCUMENT_FILTERS),
      ...DOCUMENT_BLOCKS,
      ...Object.keys({ ...fileNames(''), ...slsNames('', '', '') }),
    ]
    expect(known.filter(name => !quoted.has(name))).toEqual([])
  })

  it('shows a file that renders', async () => {
    const text = /```yaml\n([\s\S]*?)```/.exec(page)![1]!
    const pillar = { web: { sites: { a: { port: 80 } } } }
    const data = await renderSls(
      { path: 'web/init.sls', text, sls: 'web', saltenv: 'base' },
      {
        load: async path => (path === 'web/map.jinja' ? "{% set web = {'user': 'www-data'} %}" : undefined),
        call: () => undefined,
        names: { grains: {}, pillar },
      },
    )
    expect(data).toEqual({
      '/etc/nginx/sites/a.conf': {
        'file.managed': [
          { source: 'salt://web/site.conf' },
          { template: 'jinja' },
          { user: 'www-data' },
          { mode: '0644' },
          { context: { port: 80 } },
        ],
      },
    })
  })
})
