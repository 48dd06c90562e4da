import { describe, expect, test } from 'vitest'
import { findRate, gridTicks, gridTimescale } from './frame-rate.ts'

/** Times of `count` pictures at `rate`, rounded to the timescale. */
function even(
  rate: number,
  count: number,
  timescale: number,
  skip: (index: number) => boolean = () => false,
) {
  const times: number[] = []
  for (let index = 0; index < count; index += 1) {
    if (!skip(index)) times.push(Math.round((index * timescale) / rate))
  }
  return Float64Array.from(times)
}
const text = (rate: { num: number; den: number }) => `${rate.num}/${rate.den}`

describe('the rate of a source', () => {
  test.each([
    [25, 12_800, '25/1', '25/1'],
    [30, 1000, '30/1', '30/1'],
    [30_000 / 1001, 30_000, '30000/1001', '30000/1001'],
    [30_000 / 1001, 1000, '30000/1001', '30000/1001'],
    [24_000 / 1001, 1000, '24000/1001', '24000/1001'],
    [24, 1000, '24/1', '24/1'],
    [60_000 / 1001, 90_000, '60000/1001', '60000/1001'],
    [12.5, 25_000, '25/2', '25/2'],
    [10, 600, '10/1', '10/1'],
    [1, 1000, '1/1', '1/1'],
    [120, 90_000, '60/1', '120/1'],
    [100, 90_000, '50/1', '100/1'],
    [144, 90_000, '48/1', '144/1'],
    [90, 90_000, '45/1', '90/1'],
    [75, 90_000, '70/1', '75/1'],
    [240, 90_000, '60/1', '240/1'],
  ])('%d a second in ticks of 1/%d becomes %s', (rate, timescale, grid, average) => {
    const times = even(rate, 1000, timescale)
    const found = findRate(times, Math.round((1000 * timescale) / rate), timescale)
    expect(found.constant).toBe(true)
    expect(text(found.grid)).toBe(grid)
    expect(text(found.average)).toBe(average)
  })

  test('that leaves a few pictures out keeps its base rate', () => {
    const found = findRate(
      even(60, 1000, 90_000, (index) => index % 37 === 5),
      1_500_000,
      90_000,
    )
    expect(found.constant).toBe(false)
    expect(text(found.grid)).toBe('60/1')
  })

  test('that is uneven gets at most 30', () => {
    let at = 0
    let seed = 7
    const times = Float64Array.from({ length: 300 }, () => {
      seed = (seed * 48_271) % 2_147_483_647
      at += 8 + (seed % 200)
      return at
    })
    const found = findRate(times, at + 50, 1000)
    expect(found.constant).toBe(false)
    expect(found.grid.num / found.grid.den).toBeLessThanOrEqual(30)
    expect(found.grid.num / found.grid.den).toBeGreaterThan(20)
  })

  test.each([1, 2])('of %d pictures is still one', (count) => {
    const found = findRate(even(25, count, 1000), count * 40, 1000)
    expect(found.grid.num / found.grid.den).toBeCloseTo(25, 0)
  })

  test('gives whole ticks to every picture', () => {
    for (const rate of [
      { num: 30_000, den: 1001 },
      { num: 25, den: 2 },
      { num: 70, den: 1 },
      { num: 29_833, den: 1000 },
    ]) {
      const timescale = gridTimescale(rate)
      for (let index = 0; index < 500; index += 1) {
        expect(gridTicks(index, rate, timescale) * rate.num).toBe(index * rate.den * timescale)
      }
    }
  })
})
