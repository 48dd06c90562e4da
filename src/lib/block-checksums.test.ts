import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { BLOCK_BYTES, BlockChecksums, STEP_BYTES } from './block-checksums.ts'

const bytes = new Uint8Array(BLOCK_BYTES * 3 + 12_345).map((_, index) => (index * 2_654_435_761) >>> 24)

function plain(length: number): Uint8Array {
  const blocks = Math.ceil(length / BLOCK_BYTES)
  const checksums = new DataView(new ArrayBuffer(blocks * 4))
  for (let block = 0; block < blocks; block++) {
    const end = Math.min(length, (block + 1) * BLOCK_BYTES)
    checksums.setUint32(block * 4, crc32(bytes.subarray(block * BLOCK_BYTES, end)))
  }
  return new Uint8Array(checksums.buffer)
}

function upTo(length: number): BlockChecksums {
  const checksums = new BlockChecksums()
  checksums.append(bytes.subarray(0, length))
  return checksums
}

test('pieces of any size give the checksums of the whole', () => {
  const checksums = new BlockChecksums()
  let seed = 1
  for (let position = 0; position < bytes.byteLength; ) {
    seed = (seed * 48_271) % 0x7fffffff
    const piece = bytes.subarray(position, position + (seed % 700_000))
    checksums.append(piece)
    position += piece.byteLength
  }
  expect(checksums.lengthBytes).toBe(bytes.byteLength)
  expect(checksums.serialize()).toEqual(plain(bytes.byteLength))
})

test.each([0, 1, STEP_BYTES, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES * 2 + STEP_BYTES + 7])(
  'goes on from what was stored at %i',
  (length) => {
    const resumed = BlockChecksums.resume(plain(length), length)
    expect(resumed.serialize()).toEqual(plain(length))
    resumed.append(bytes.subarray(length))
    expect(resumed.serialize()).toEqual(plain(bytes.byteLength))
  },
)

test('refuses to go on from too few', () => {
  expect(() => BlockChecksums.resume(plain(BLOCK_BYTES), BLOCK_BYTES + 1)).toThrow(/8 bytes of checksums/)
})

describe('rewinding', () => {
  test.each([
    ['to a step of the present block', BLOCK_BYTES + STEP_BYTES * 4 + 9, BLOCK_BYTES + STEP_BYTES * 3, 0],
    ['to the present length', STEP_BYTES * 2 + 1, STEP_BYTES * 2 + 1, 0],
    ['to the start of a block', BLOCK_BYTES * 2 + 5, BLOCK_BYTES, 0],
    ['to nothing', BLOCK_BYTES, 0, 0],
    ['to a step of an earlier block', BLOCK_BYTES * 2, BLOCK_BYTES + STEP_BYTES, STEP_BYTES],
  ])('%s rereads as little as it can', (_, from, to, reread) => {
    const checksums = upTo(from)
    const position = checksums.rewind(to)
    expect(to - position).toBe(reread)
    checksums.append(bytes.subarray(position, to))
    expect(checksums.serialize()).toEqual(plain(to))
    checksums.append(bytes.subarray(to))
    expect(checksums.serialize()).toEqual(plain(bytes.byteLength))
  })
})

test('more blocks than room was made for', () => {
  const block = bytes.subarray(0, BLOCK_BYTES)
  const checksums = new BlockChecksums()
  for (let index = 0; index < 200; index++) checksums.append(block)
  const serialized = checksums.serialize()
  expect(serialized).toHaveLength(800)
  expect(serialized.subarray(796)).toEqual(plain(BLOCK_BYTES))
})
