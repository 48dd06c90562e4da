import { describe, expect, test } from 'vitest'
import { type Piece, slicePieces, SparseBytes } from './file-pieces.ts'

const PIECES: Piece[] = [
  { blob: 1, start: 100, end: 110 },
  { blob: -1, start: 0, end: 6 },
  { blob: 2, start: 50, end: 70 },
]

describe('a slice of pieces', () => {
  test.each([
    [0, 36, PIECES],
    [0, 10, [PIECES[0]]],
    [3, 7, [{ blob: 1, start: 103, end: 107 }]],
    [
      8,
      18,
      [
        { blob: 1, start: 108, end: 110 },
        { blob: -1, start: 0, end: 6 },
        { blob: 2, start: 50, end: 52 },
      ],
    ],
    [16, 36, [PIECES[2]]],
    [30, 99, [{ blob: 2, start: 64, end: 70 }]],
    [5, 5, []],
    [36, 40, []],
  ])('from %i to %i', (start, end, expected) => {
    expect(slicePieces(PIECES, start, end)).toEqual(expected)
  })
})

test('sparse bytes read as what was added, and zeros between', async () => {
  const file = new SparseBytes()
  const whole: number[] = []
  for (const [bytes, gap] of [
    [[1, 2, 3], 0],
    [[4], 5],
    [[5, 6], 0],
    [[7, 8, 9], 2],
  ] as const) {
    file.add(Uint8Array.from(bytes), gap)
    whole.push(...bytes, ...Array.from({ length: gap }, () => 0))
  }
  expect(file.sizeBytes).toBe(whole.length)
  for (let start = 0; start <= whole.length; start += 1) {
    for (let length = 0; length <= whole.length + 2; length += 1) {
      const target = new Uint8Array(length).fill(255)
      const got = await file.read(target, start)
      expect([got, [...target.subarray(0, got)]]).toEqual([
        whole.slice(start, start + length).length,
        whole.slice(start, start + length),
      ])
    }
  }
})
