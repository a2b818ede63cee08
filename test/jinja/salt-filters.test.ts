import { describe, expect, it } from 'vitest'
import { renderDocument } from '../../src/jinja/document.ts'
import { createBudget } from '../../src/jinja/values.ts'

const names = { d: { a: { b: [1, 2] } }, text: 'Web 01', words: ['b', 'a', 'B', 'b'] }
const render = (text: string) =>
  renderDocument({ path: 'web/init.sls', text }, names, createBudget({ steps: 100_000, characters: 1_000_000 }), {
    load: () => undefined,
    namesOf: () => ({}),
  })

describe('filters of Salt', () => {
  it.each([
    ["{{ {'a': [1, 'x']} | yaml }}", '{a: [1, x]}'],
    ["{{ {'a': [1, 'x']} | yaml(false) }}", 'a:\n  - 1\n  - x'],
    ["{{ 'yes' | yaml_encode }} {{ 5 | yaml_encode }} {{ 'plain' | yaml_encode }}", "'yes' 5 plain"],
    [`{{ 'a "b"' | yaml_dquote }} {{ "it's" | yaml_squote }}`, `"a \\"b\\"" 'it''s'`],
    ["{{ {'b': 1, 'a': [true, none]} | json }}", '{"a": [true, null], "b": 1}'],
    ["{{ ('a: [1, yes]' | load_yaml).a }}", '[1, True]'],
    [`{{ ('{"a": [1]}' | load_json).a[0] }}`, '1'],
    ["{{ 'abcdefg' | regex_search('(cd)(e)') }} {{ 'abc' | regex_search('BC', ignorecase=True) }}", "('cd', 'e') ()"],
    ["{{ 'abcd' | regex_match('b') }} {{ 'abcd' | regex_match('a(b)?(x)?') }}", "None ('b', None)"],
    ["{{ 'web-01' | regex_replace('(\\\\w+)-(?P<n>\\\\d+)', '\\\\2:\\\\g<1>') }}", '01:web'],
    [
      "{{ 'yes we can' | regex_replace('YES', 'no', ignorecase=True) }} {{ 'aaa' | regex_replace('a*', 'x') }}",
      'no we can xx',
    ],
    ["{{ 'a.b*c' | regex_escape }}", 'a\\.b\\*c'],
    [
      "{{ 'web1' is match('web\\\\d') }} {{ 'xweb1' is match('web') }} {{ 'WEB' is match('web', ignorecase=true) }}",
      'True False True',
    ],
    [
      "{{ 'yes' | to_bool }} {{ 'on' | to_bool }} {{ 0 | to_bool }} {{ 2 | to_bool }} {{ none | to_bool }}",
      'True False False True False',
    ],
    ["{{ 'x' | sequence }} {{ ['x'] | sequence }}", "['x'] ['x']"],
    ['{{ words | unique }}', "['b', 'a', 'B']"],
    ['{{ [1, 2, 2] | union([3, 1]) }} {{ [1, 2, 3] | intersect([3, 2]) }}', '[1, 2, 3] [2, 3]'],
    ['{{ [1, 2] | difference([2]) }} {{ [1, 2] | symmetric_difference([2, 3]) }}', '[1] [1, 3]'],
    ['{{ [1, [2, [3, none]]] | flatten }} {{ [1, [2, [3]]] | flatten(levels=1) }}', '[1, 2, 3] [1, 2, [3]]'],
    ['{{ [1, 2, 6] | avg }} {{ [] | avg }}', '3.0 0.0'],
    ["{{ ['yes', 0, false] | exactly_one_true }} {{ [1, 2, 0] | exactly_n_true(2) }}", 'True True'],
    ["{{ '192.168.0.1' | is_ip }} {{ 'fe80::1' | is_ipv4 }} {{ 'fe80::1' | is_ipv6 }}", 'True False True'],
    ["{{ ['10.0.0.1', 'x', 'fe80::/64'] | ipaddr }} {{ '10.0.0.1/99' | ipv4 }}", "['10.0.0.1', 'fe80::/64'] None"],
    ["{{ 'random' | md5 }}", '7ddf32e17a6ac5ce04a8ecbf782ca509'],
    ["{{ 'random' | sha256 }}", 'a441b15fe9a3cf56661190a0b93b9dec7d04127288cc87250967cf3b52894d11'],
    ["{{ 'random' | sha512 | length }}", '128'],
    ["{{ 'x' | base64_encode }} {{ 'eA==' | base64_decode }}", 'eA== x'],
    [`{{ "it's" | quote }} {{ 'plain-1' | quote }} {{ '' | quote }}`, `'it'"'"'s' plain-1 ''`],
    ["{{ 'random' | uuid }}", '3652b285-26ad-588e-a5dc-c2ee65edc804'],
    [
      "{{ '2017-01-10T05:06:07' | strftime('%d.%m.%Y %H:%M:%S %b %j %%') }} {{ '2017-01-10' | strftime }}",
      '10.01.2017 05:06:07 Jan 010 % 2017-01-10',
    ],
    ["{{ d | traverse('a:b:1') }} {{ d | traverse('a:x', 'none') }}", '2 none'],
    ["{{ '/etc' | path_join('a', 'b') }}", '/etc/a/b'],
    ["{{ [1] | is_list }} {{ 'x' is is_list }} {{ {} is is_iter }} {{ [] | is_empty }}", 'True False True True'],
  ])('%s gives %s', (text, expected) => {
    expect(render(text)).toBe(expected)
  })

  it.each([
    ["{{ 'x' | regex_search('(') }}", "the regular expression '(' cannot be used"],
    ["{{ 'x' | regex_search('(?=x)') }}", 'no looking ahead'],
    ["{{ 'x' | regex_replace('x', '\\\\3') }}", "has no group '3'"],
    ["{{ 'x' | regex_search('(a{900}){900}') }}", 'cannot be used'],
    ['{{ [1] | yaml_encode }}', 'yaml_encode takes a single value, got list'],
    ["{{ 'a: [' | load_yaml }}", 'line 1 of load_yaml'],
    ["{{ '{' | load_json }}", 'load_json is no JSON'],
    ["{{ 'x' | strftime }}", 'a date is seconds since 1970'],
    ["{{ 0 | strftime('%Q') }}", 'strftime does not know %Q'],
    ["{{ 'x' | yml }}", "there is no filter 'yml'. Did you mean 'yaml'?"],
  ])('%s is refused', (text, message) => {
    expect(() => render(text)).toThrow(message)
  })

  it('do not hang on a pattern that backtracks', () => {
    expect(render(`{{ ('a' * 5000 ~ 'b') | regex_match('(a+)+$') }}`)).toBe('None')
  })
})
