import { expect, test } from 'vitest'
import { refuseCrowdedPictures } from './picture-budget.ts'

const timeline = (times: readonly number[]) => ({
  timescale: 90_000,
  sorted: Float64Array.from(times),
  endTicks: (times.at(-1) ?? 0) + 1,
  originUs: 0,
})
/** So many pictures a second, for some seconds, from one on. */
const pictures = (rate: number, seconds: number, from = 0): number[] =>
  Array.from({ length: rate * seconds }, (_, picture) => (from + picture / rate) * 90_000)

test.each([
  ['an ordinary film', pictures(60, 100)],
  ['a slow-motion camera', pictures(960, 3)],
  ['pictures that share their times in pairs', pictures(25, 10).flatMap((time) => [time, time])],
])('%s is within the budget', (_name, times) => {
  expect(() => refuseCrowdedPictures(timeline(times))).not.toThrow()
})

test.each([
  ['a million pictures in a second', pictures(1_000_000, 1), 0],
  ['a crowd in the middle of a long film', [...pictures(25, 60), ...pictures(1_200, 1, 60)], 59],
  [
    'a crowd of pictures at one time',
    [...pictures(25, 2), ...Array.from({ length: 1_001 }, () => 180_000)],
    1,
  ],
])('%s is not', (_name, times, second) => {
  const attempt = () => refuseCrowdedPictures(timeline(times))
  expect(attempt).toThrow(expect.objectContaining({ code: 'too_many_pictures' }))
  expect(attempt).toThrow(new RegExp(`from ${second}\\.\\d s on`))
})
