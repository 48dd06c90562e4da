import { describe, expect, test } from 'vitest'
import { bytesSource } from '../../../tests/media-samples.ts'
import { u32, u64 } from '../../../tests/plain-movie.ts'
import type { ByteSource } from './movie.ts'
import { childBoxes, FieldReader, FileWalk } from './read-boxes.ts'
import { box, concatBytes } from './write-boxes.ts'

const type = (name: string): Uint8Array => new TextEncoder().encode(name)

async function walk(source: ByteSource): Promise<[string, number, number, boolean][]> {
  const found: [string, number, number, boolean][] = []
  for await (const { type, start, end, truncated } of new FileWalk(source).boxes())
    found.push([type, start, end, truncated])
  return found
}

describe('the top level of a file', () => {
  test('sizes of 32 and 64 bits, and to the end', async () => {
    const bytes = concatBytes([
      box('free', new Uint8Array(3)),
      u32(1),
      type('wide'),
      u64(20),
      new Uint8Array(4),
      u32(0),
      type('mdat'),
      new Uint8Array(30_000),
    ])
    expect(await walk(bytesSource(bytes))).toEqual([
      ['free', 0, 11, false],
      ['wide', 11, 31, false],
      ['mdat', 31, 30_039, false],
    ])
  })

  test.each<[string, Uint8Array, [string, number, number, boolean][]]>([
    ['a box that claims more than there is', concatBytes([u32(100), type('mdat')]), [['mdat', 0, 100, true]]],
    ['a size smaller than its header', concatBytes([u32(4), type('mdat')]), []],
    ['a 64-bit size smaller than its header', concatBytes([u32(1), type('mdat'), u64(15)]), []],
    ['a 64-bit size beyond 2^53', concatBytes([u32(1), type('mdat'), u32(2 ** 31, 0)]), []],
    ['a 64-bit size cut short', concatBytes([u32(1), type('mdat'), u32(0)]), []],
    ['a type that is no text', concatBytes([u32(8), u32(3)]), []],
    ['seven bytes', new Uint8Array(7), []],
  ])('ends at %s', async (_, bytes, boxes) => {
    expect(await walk(bytesSource(bytes))).toEqual(boxes)
  })

  test('costs few reads where boxes are small', async () => {
    let reads = 0
    const inner = bytesSource(concatBytes(Array.from({ length: 1000 }, () => box('free'))))
    const counted: ByteSource = {
      sizeBytes: inner.sizeBytes,
      read: async (target, position) => {
        reads += 1
        return await inner.read(target, position)
      },
    }
    expect(await walk(counted)).toHaveLength(1000)
    expect(reads).toBe(1)
  })

  test('a source shorter than it says is damaged', async () => {
    const source: ByteSource = { sizeBytes: 100, read: async () => 10 }
    await expect(walk(source)).rejects.toMatchObject({ code: 'blob_damaged' })
  })
})

describe('children in memory', () => {
  const names = (bytes: Uint8Array, options?: { tolerant: boolean }): string[] =>
    Array.from(childBoxes(bytes, 0, bytes.byteLength, options), (child) => child.type)

  test('end at a zero, as QuickTime writes it, or at fewer than eight bytes', () => {
    expect(names(concatBytes([box('pasp'), u32(0, 0)]))).toEqual(['pasp'])
    expect(names(concatBytes([box('pasp'), u32(1)]))).toEqual(['pasp'])
  })

  test('must fit their container, unless the caller is tolerant', () => {
    const bytes = concatBytes([box('pasp'), u32(99), type('colr')])
    expect(() => names(bytes)).toThrow(/'colr' claims a size that its container, with 8 bytes left/)
    expect(names(bytes, { tolerant: true })).toEqual(['pasp'])
  })
})

test('a container of thousands of boxes is refused', () => {
  const bytes = concatBytes(Array.from({ length: 1001 }, () => box('free')))
  expect(() => [...childBoxes(bytes, 0, bytes.byteLength)]).toThrow(/more than 1000 boxes in one container/)
  expect([...childBoxes(bytes, 0, bytes.byteLength, { limit: 2000 })]).toHaveLength(1001)
})

describe('fields', () => {
  const reader = (...values: number[]): FieldReader =>
    new FieldReader(u32(...values), 0, values.length * 4, "'test'")

  test('come in order and big endian', () => {
    const fields = reader(0x01020304, 0x05060708, -2, 1, 0, 0x3ff00000, 0)
    expect([fields.u8(), fields.u24(), fields.u16(), fields.u16(), fields.i32()]).toEqual([
      1, 0x020304, 0x0506, 0x0708, -2,
    ])
    expect([fields.u64(), fields.f64(), fields.left]).toEqual([2 ** 32, 1, 0])
  })

  test('end with their box', () => {
    expect(() => reader().u8()).toThrow(/'test' ends before its fields do/)
    expect(() => reader(1).u64()).toThrow(/ends before/)
    expect(() => reader(1).requireEntries(2, 4)).toThrow(/claims 2 entries, but has room for 1/)
  })

  test('are refused beyond 2^53', () => {
    expect(() => reader(2 ** 31, 0).u64()).toThrow(/beyond 2\^53/)
    expect(() => reader(2 ** 31, 0).i64()).toThrow(/beyond 2\^53/)
    expect(reader(-1, -1).i64()).toBe(-1)
  })
})
