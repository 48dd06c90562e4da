import { expect, test } from 'vitest'
import { makePng } from '../../../tests/harness/png.ts'
import { findImageDamage } from './check-image.ts'

const IMAGE = makePng(6, 5, (x, y) => [x, y, 9, 255])

test('a stored image tells by itself whether it is whole', () => {
  expect(findImageDamage(IMAGE)).toBeUndefined()
})

test('every single flipped bit of it is noticed', () => {
  for (let bit = 0; bit < IMAGE.length * 8; bit += 1) {
    const damaged = Buffer.from(IMAGE)
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(findImageDamage(damaged), `bit ${bit}`).toMatch(/^It is /)
  }
})

test('so is every lost end', () => {
  for (let length = 0; length < IMAGE.length; length += 1) {
    expect(findImageDamage(IMAGE.subarray(0, length)), `${length} bytes`).toMatch(/^It is /)
  }
})
