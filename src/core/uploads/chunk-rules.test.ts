import { describe, expect, test } from 'vitest'
import { isFailure } from '../../lib/failure.ts'
import { checkChunkLength, keepableOffset, roomForChunk } from './chunk-rules.ts'

const MIB = 1_048_576
const GIB = 1024 * MIB

describe('chunk rules of uploads.md §2.1', () => {
  test.each([
    ['the smallest chunk', 0, GIB, 5 * MIB, 'fine'],
    ['the largest chunk', 0, GIB, 200 * MIB, 'fine'],
    ['the advised chunk', 50 * MIB, GIB, 50 * MIB, 'fine'],
    ['a byte too few', 0, GIB, 5 * MIB - 1, 'bad_request'],
    ['a multiple below the minimum', 0, GIB, 5 * MIB - 262_144, 'bad_request'],
    ['no multiple of 256 KiB', 0, GIB, 5 * MIB + 1, 'bad_request'],
    ['a byte too many', 0, GIB, 200 * MIB + 1, 'payload_too_large'],
    ['a multiple above the maximum', 0, GIB, 200 * MIB + 262_144, 'payload_too_large'],
    ['the only chunk of a small file', 0, 1, 1, 'fine'],
    ['the last chunk, small and odd', 100 * MIB, 100 * MIB + 3, 3, 'fine'],
    ['the last chunk at the maximum', 0, 200 * MIB, 200 * MIB, 'fine'],
    ['the last chunk above the maximum', 0, 200 * MIB + 1, 200 * MIB + 1, 'payload_too_large'],
    ['past the end of the upload', 5 * MIB, 6 * MIB, MIB + 1, 'bad_request'],
    ['past the end and above the maximum', 0, MIB, 200 * MIB + 1, 'payload_too_large'],
    ['data for a complete upload', MIB, MIB, 1, 'bad_request'],
    ['nothing', 0, GIB, 0, 'fine'],
    ['nothing for a complete upload', MIB, MIB, 0, 'fine'],
  ])('%s', (_, offsetBytes, lengthBytes, chunkBytes, expected) => {
    expect(outcome(() => checkChunkLength({ offsetBytes, lengthBytes, chunkBytes }))).toBe(expected)
  })

  test('a chunk that does not say its length is judged while it is read', () => {
    const place = { offsetBytes: 0, lengthBytes: GIB, chunkBytes: undefined }
    expect(outcome(() => checkChunkLength(place))).toBe('fine')
    expect(roomForChunk(place)).toBe(200 * MIB)
    expect(roomForChunk({ ...place, offsetBytes: GIB - 5 })).toBe(5)
  })

  test('the wrong divisor is told in the words of the vendor', () => {
    const place = { offsetBytes: 0, lengthBytes: GIB, chunkBytes: 5 * MIB + 1 }
    expect(() => checkChunkLength(place)).toThrow('Chunk size must be a multiple of 256KiB')
  })
})

test.each([
  [0, GIB, 0],
  [262_143, GIB, 0],
  [262_144, GIB, 262_144],
  [5 * MIB + 262_143, GIB, 5 * MIB],
  [MIB + 3, MIB + 3, MIB + 3],
  [0, 0, 0],
])('of bytes up to %i of %i, %i are kept', (reached, length, kept) => {
  expect(keepableOffset(reached, length)).toBe(kept)
})

function outcome(check: () => void): string {
  try {
    check()
    return 'fine'
  } catch (error) {
    return isFailure(error) ? error.code : 'something else'
  }
}
