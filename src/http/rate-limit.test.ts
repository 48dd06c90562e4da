import { expect, test } from 'vitest'
import { TestClock } from '../../tests/suites/test-clock.ts'
import { isFailure } from '../lib/failure.ts'
import { type CountRequest, createRateLimit } from './rate-limit.ts'

function limit(most: number | null): { count: CountRequest; pass: (seconds: number) => void } {
  const clock = new TestClock()
  return { count: createRateLimit(clock, most), pass: (seconds) => clock.advance(seconds * 1_000) }
}

/** Seconds to wait when the request is refused; `undefined` when it is not. */
function waitOf(count: CountRequest, tokenId = 'a'): unknown {
  try {
    count(tokenId)
    return undefined
  } catch (error) {
    if (isFailure(error, 'too_many_requests')) return error.facts.retryAfterSeconds
    throw error
  }
}

test('a token may make so many requests in five minutes from its first', () => {
  const { count, pass } = limit(2)
  expect(waitOf(count)).toBeUndefined()
  pass(200)
  expect(waitOf(count)).toBeUndefined()
  expect(waitOf(count)).toBe(30)
  pass(90)
  // Never told to wait beyond the time when it may come again.
  expect(waitOf(count)).toBe(10)
  pass(10)
  expect(waitOf(count)).toBeUndefined()
})

test('tokens do not share what they may', () => {
  const { count } = limit(1)
  for (const tokenId of ['a', 'b', 'c']) {
    expect(waitOf(count, tokenId)).toBeUndefined()
    expect(waitOf(count, tokenId)).toBe(30)
  }
})

test('many tokens cost no token its count', () => {
  const { count } = limit(1)
  for (let token = 0; token < 10_500; token += 1) expect(waitOf(count, `token ${token}`)).toBeUndefined()
  expect(waitOf(count, 'token 0')).toBe(30)
})

test('without a limit nothing is refused', () => {
  const { count } = limit(null)
  for (let request = 0; request < 5_000; request += 1) expect(waitOf(count)).toBeUndefined()
})
