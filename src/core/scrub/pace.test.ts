import { expect, test } from 'vitest'
import { Pace } from './pace.ts'

const signal = new AbortController().signal

/** Reads a hundred pieces of 1 MB; answers for how long it rested in all. */
async function restsAfter(bytesPerSecond: number | null, tookMs: number): Promise<number> {
  let restedMs = 0
  const sleep = async (ms: number) => {
    restedMs += ms
  }
  const pace = new Pace({ sleep }, bytesPerSecond)
  for (let piece = 0; piece < 100; piece += 1) await pace.rest({ bytes: 1_000_000, tookMs }, signal)
  return restedMs
}

test.each([
  ['a quick disk is read at the rate that was asked for', 50_000_000, 1, 1_900],
  ['a disk that is busy with others is left alone for as long as it was read', 50_000_000, 40, 4_000],
  ['without a rate there is no rest', null, 40, 0],
])('%s', async (_, bytesPerSecond, tookMs, restedMs) => {
  expect(await restsAfter(bytesPerSecond, tookMs)).toBeCloseTo(restedMs, -2)
})

test('reads of next to nothing are put together before it rests', async () => {
  const rests: number[] = []
  const pace = new Pace({ sleep: async (ms) => void rests.push(ms) }, 1_000_000)
  for (let piece = 0; piece < 100; piece += 1) await pace.rest({ bytes: 1_000, tookMs: 0 }, signal)
  expect(rests.length).toBeLessThanOrEqual(10)
  expect(rests.every((ms) => ms >= 10)).toBe(true)
})
