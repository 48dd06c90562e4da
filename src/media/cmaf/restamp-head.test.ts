import { describe, expect, test } from 'vitest'
import { restampHead, STAMP_BYTES } from './restamp-head.ts'
import { writeSegmentHead } from './write-segment.ts'

const samples = [{ size: 100, duration: 512, compositionOffset: 1024, sync: true }]
const head = (sequence: number, decodeTime: number) => writeSegmentHead({ sequence, decodeTime, samples })

describe('a segment at another place', () => {
  test.each([
    ['from the middle of a film to its start', 900, 46_080_000, 46_080_000, 1],
    ['by some ticks beyond 32 bits', 7, 2 ** 40 + 5, 2 ** 40, 2],
    ['nowhere', 3, 1_000, 0, 3],
  ])('%s', (_name, sequence, decodeTime, shiftTicks, newSequence) => {
    const moved = restampHead(head(sequence, decodeTime), { shiftTicks, sequence: newSequence })
    expect(moved).toEqual(head(newSequence, decodeTime - shiftTicks))
  })

  test('needs its first bytes only, and leaves them as they were', () => {
    const whole = writeSegmentHead({
      sequence: 5,
      decodeTime: 5_000,
      samples: Array.from({ length: 120 }, () => ({
        size: 9,
        duration: 1,
        compositionOffset: 0,
        sync: false,
      })),
    })
    const first = whole.subarray(0, STAMP_BYTES)
    const before = first.slice()
    const moved = restampHead(first, { shiftTicks: 4_000, sequence: 2 })
    expect(moved).toHaveLength(STAMP_BYTES)
    expect(first).toEqual(before)
    expect(moved).not.toEqual(before)
  })

  test.each([
    ['an empty box at its start', [0, 0, 0, 0, 0, 0, 0, 0]],
    ['nothing', []],
    ['a box of others', [0, 0, 0, 8, 0x66, 0x72, 0x65, 0x65]],
  ])('is refused with %s: its bytes are damaged', (_, bytes) => {
    const damaged = Uint8Array.from([...bytes, ...new Uint8Array(bytes.length === 0 ? 0 : 100)])
    expect(() => restampHead(damaged, { shiftTicks: 0, sequence: 1 })).toThrow(
      expect.objectContaining({ code: 'blob_damaged' }),
    )
  })

  test('never lies before 0', () => {
    expect(() => restampHead(head(1, 10), { shiftTicks: 11, sequence: 1 })).toThrow(
      expect.objectContaining({ code: 'blob_damaged' }),
    )
  })
})
