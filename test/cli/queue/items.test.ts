import { expect, it } from 'vitest'
import { itemText, readItems, readQuantity } from '../../../src/cli/queue/items.ts'

it('several words are several items, and so is a list', async () => {
  expect(await readItems(['item1'])).toBe('item1')
  expect(await readItems(['a', '2', '{"k": "v"}'])).toEqual(['a', 2, { k: 'v' }])
  expect(await readItems(['["item2", "item3"]'])).toEqual(['item2', 'item3'])
  await expect(readItems(['{"k"'])).rejects.toMatchObject({ code: 'usage' })
})

it('a quantity is a whole number, or all', () => {
  expect(readQuantity('3')).toBe(3)
  expect(readQuantity('all')).toBe('all')
  for (const bad of ['', '-1', '1.5', 'ALL', '1e3']) expect(() => readQuantity(bad)).toThrow('a quantity is')
})

it('an item is shown in one line that says what it is', () => {
  const shown = ['a', 'two words', { k: 'v' }, 1, '1', true, 'true', '', ' a', '{a', 'a\nb', 'é'].map(itemText)
  expect(shown).toEqual([
    'a',
    'two words',
    '{"k":"v"}',
    '1',
    '"1"',
    'true',
    '"true"',
    '""',
    '" a"',
    '"{a"',
    '"a\\nb"',
    'é',
  ])
})
