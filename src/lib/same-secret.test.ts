import { expect, test } from 'vitest'
import { isSameSecret } from './same-secret.ts'

test.each([
  ['a-long-key', 'a-long-key', true],
  ['a-long-keY', 'a-long-key', false],
  ['a-long-ke', 'a-long-key', false],
  ['a-long-key ', 'a-long-key', false],
  ['', 'a-long-key', false],
  ['', '', true],
  ['größe', 'größe', true],
])('%j and %j are the same: %s', (given, expected, same) => {
  expect(isSameSecret(given, expected)).toBe(same)
})
