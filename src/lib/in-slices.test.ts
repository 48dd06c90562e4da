import { expect, test } from 'vitest'
import { mapInSlices, SLICE } from './in-slices.ts'

test.each([0, 1, SLICE, SLICE + 1, 5 * SLICE])('a list of %i keeps its order', async (count) => {
  const items = Array.from({ length: count }, (_each, index) => index)
  expect(await mapInSlices(items, (item) => 2 * item)).toEqual(items.map((item) => 2 * item))
})

test('others have their turn between two slices', async () => {
  let made = 0
  const seen: number[] = []
  const look = (): void => {
    seen.push(made)
    if (made < 3 * SLICE) setImmediate(look)
  }
  setImmediate(look)
  await mapInSlices(
    Array.from({ length: 3 * SLICE }, () => 0),
    () => (made += 1),
  )
  expect(seen).toEqual(expect.arrayContaining([SLICE, 2 * SLICE]))
})

test('a failure is the caller’s', async () => {
  const fail = () => {
    throw new Error('no')
  }
  await expect(mapInSlices([1], fail)).rejects.toThrow('no')
})
