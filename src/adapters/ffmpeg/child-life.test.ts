import { expect, test } from 'vitest'
import { KeptText } from './child-life.ts'

test.each([
  ['first', 'one\ntwo\nthree', 100, 'one\ntwo\nthree'],
  ['last', 'one\ntwo\nthree', 100, 'one\ntwo\nthree'],
  ['first', 'one\ntwo\nthree', 9, 'one\ntwo'],
  ['last', 'one\ntwo\nthree', 7, 'three'],
  ['first', 'onetwothree', 6, 'onetwo'],
  ['last', 'onetwothree', 5, 'three'],
] as const)('of the %s characters of %j that fit %i only whole lines are kept', (keep, all, limit, kept) => {
  const text = new KeptText(limit, keep)
  for (const character of all) text.push(character)
  expect(text.text()).toBe(kept)
})
