import { expect, test } from 'vitest'
import { systemClock } from './clock.ts'

test('microseconds follow the wall clock and do not go back', () => {
  const clock = systemClock()
  const readings = Array.from({ length: 10_000 }, () => clock.nowUs())
  expect(
    readings.every(
      (reading, index) => Number.isSafeInteger(reading) && reading >= (readings[index - 1] ?? 0),
    ),
  ).toBe(true)
  expect(Math.abs((readings[0] ?? 0) / 1000 - Date.now())).toBeLessThan(1_000)
})

test('a sleep ends early when it is aborted, at once if it is already', async () => {
  const clock = systemClock()
  const controller = new AbortController()
  const sleeping = clock.sleep(60_000, controller.signal)
  controller.abort()
  await sleeping
  await clock.sleep(60_000, controller.signal)
  await clock.sleep(0)
  await clock.sleep(-5)
})

test('ids are 32 hexadecimal characters, secrets unpadded base64url', () => {
  const clock = systemClock()
  expect(clock.newUid()).toMatch(/^[0-9a-f]{32}$/)
  expect(clock.newUid()).not.toBe(clock.newUid())
  expect(clock.newSecret(32)).toMatch(/^[\w-]{43}$/)
})
