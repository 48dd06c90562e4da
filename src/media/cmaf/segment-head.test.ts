import { expect, test } from 'vitest'
import { concatBytes, mdatHeader } from '../isobmff/write-boxes.ts'
import { findPayload } from './segment-head.ts'
import { writeSegmentHead } from './write-segment.ts'

const HEAD = writeSegmentHead({
  sequence: 1,
  decodeTime: 0,
  samples: [{ size: 6, duration: 1024, compositionOffset: 0, sync: true }],
})

test('the payload of a segment begins after its head, however short it is', () => {
  expect(findPayload(concatBytes([HEAD, new Uint8Array(6)]))).toEqual({ headBytes: HEAD.byteLength })
  expect(findPayload(HEAD)).toEqual({ headBytes: HEAD.byteLength })
})

test('a payload beyond 4 GiB has a longer header', () => {
  expect(findPayload(mdatHeader(2 ** 33))).toEqual({ headBytes: 16 })
})

test('every beginning that is too short says that more is needed', () => {
  for (let length = 0; length < HEAD.byteLength - 8; length += 1) {
    const answer = findPayload(HEAD.subarray(0, length))
    expect(answer).toHaveProperty('needBytes')
    expect('needBytes' in answer && answer.needBytes).toBeGreaterThan(length)
  }
})

test('what is no segment is refused', () => {
  expect(() => findPayload(new Uint8Array(64))).toThrow(/box of 0 bytes/)
})
