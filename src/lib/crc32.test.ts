import { crc32 as zlibCrc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { crc32 } from './crc32.ts'

test('the check value of the standard polynomial, in one piece or several', () => {
  const bytes = new TextEncoder().encode('123456789')
  expect(crc32(bytes)).toBe(0xcbf43926)
  expect(crc32(bytes.subarray(0, 4), bytes.subarray(4))).toBe(0xcbf43926)
})

test('every length and alignment gives what zlib gives', () => {
  const bytes = Uint8Array.from({ length: 3_000 }, (_, index) => (index * index) >> 3)
  for (let start = 0; start < 64; start += 7) {
    for (let length = 0; length < 2_900; length += 13) {
      const piece = bytes.subarray(start, start + length)
      expect(crc32(piece)).toBe(zlibCrc32(piece))
    }
  }
})
