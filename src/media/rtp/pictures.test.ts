import { describe, expect, test } from 'vitest'
import { AVC_CONFIG } from '../../../tests/fuzz/codec-configs.ts'
import { H264Reader } from './h264-reader.ts'
import type { PictureReader, RtpPicture } from './picture-reader.ts'
import type { OrderedPacket } from './rtp-order.ts'
import { Vp8Reader } from './vp8-reader.ts'
import { PAYLOAD_BYTES, writeH264Payloads, writeVp8Payloads } from './write-payloads.ts'

let sequence = 0

function packets(payloads: readonly Uint8Array[], timestamp: number, marks = true): OrderedPacket[] {
  return payloads.map((payload, index) => {
    sequence = (sequence + 1) % 65_536
    const marker = marks && index === payloads.length - 1
    return { packet: { payloadType: 96, marker, sequence, timestamp, ssrc: 1, payload }, lostBefore: false }
  })
}

function readAll(reader: PictureReader, ordered: readonly OrderedPacket[]): RtpPicture[] {
  return ordered.flatMap((each) => reader.push(each))
}

/** NAL units of a type behind their lengths. */
function units(...sizes: readonly (readonly [type: number, bytes: number])[]): Uint8Array {
  return Buffer.concat(
    sizes.map(([type, bytes]) => {
      const unit = Buffer.alloc(4 + bytes, type + 1)
      unit.writeUInt32BE(bytes)
      unit[4] = 0x60 | type
      return unit
    }),
  )
}

const KEY = units([5, 3_000], [5, 40])
const DELTA = units([1, 5_000])

describe('H.264', () => {
  test('comes out of packets as it went in, with the configuration that stood in band', () => {
    const reader = new H264Reader()
    const payloads = writeH264Payloads(KEY, AVC_CONFIG)
    expect(Math.max(...payloads.map((payload) => payload.byteLength))).toBeLessThanOrEqual(PAYLOAD_BYTES)
    const [key, delta] = readAll(reader, [
      ...packets(payloads, 0),
      ...packets(writeH264Payloads(DELTA, undefined), 3_000),
    ])
    expect(key).toMatchObject({
      timestamp: 0,
      isSync: true,
      format: { width: 160, height: 120, codec: 'avc' },
    })
    expect(key?.format?.config.subarray(0, 8)).toEqual(AVC_CONFIG.subarray(0, 8))
    expect(Buffer.compare(key?.data ?? KEY.subarray(1), KEY)).toBe(0)
    expect(Buffer.compare(delta?.data ?? KEY, DELTA)).toBe(0)
    expect([delta?.isSync, delta?.format]).toEqual([false, undefined])
  })

  test('a picture ends with its time, too, where nobody marks it', () => {
    const reader = new H264Reader()
    const ordered = [
      ...packets(writeH264Payloads(KEY, AVC_CONFIG), 0, false),
      ...packets(writeH264Payloads(DELTA, undefined), 3_000, false),
    ]
    expect(readAll(reader, ordered).map(({ timestamp }) => timestamp)).toEqual([0])
  })

  test('nothing comes before a key frame, and after a loss nothing before the next', () => {
    const reader = new H264Reader()
    const delta = (timestamp: number) => packets(writeH264Payloads(DELTA, undefined), timestamp)
    const key = (timestamp: number) => packets(writeH264Payloads(KEY, AVC_CONFIG), timestamp)
    expect(readAll(reader, delta(0))).toEqual([])
    expect(readAll(reader, key(3_000))).toHaveLength(1)
    const [first, , ...rest] = delta(6_000)
    const damaged = [first, ...rest].flatMap((each, index) =>
      each === undefined ? [] : [{ ...each, lostBefore: index === 1 }],
    )
    expect(readAll(reader, damaged)).toEqual([])
    expect(reader.needsSync).toBe(true)
    expect(readAll(reader, delta(9_000))).toEqual([])
    expect(readAll(reader, key(12_000))).toHaveLength(1)
    expect(reader.needsSync).toBe(false)
  })

  test('a key frame without a configuration is of no use', () => {
    const reader = new H264Reader()
    expect(readAll(reader, packets(writeH264Payloads(KEY, undefined), 0))).toEqual([])
    expect(reader.needsSync).toBe(true)
  })

  test.each([
    ['an aggregate whose length is wrong', Uint8Array.of(24, 0, 9, 1)],
    ['a fragment without a beginning', Uint8Array.of(28, 0x05, 1)],
    ['a fragment that begins and ends', Uint8Array.of(28, 0xc5, 1)],
    ['a type of the interleaved mode', Uint8Array.of(25, 1, 2)],
  ])('%s loses its picture only', (_name, payload) => {
    const reader = new H264Reader()
    expect(readAll(reader, packets([payload], 0))).toEqual([])
    expect(readAll(reader, packets(writeH264Payloads(KEY, AVC_CONFIG), 3_000))).toHaveLength(1)
  })
})

describe('VP8', () => {
  /** A key frame of 320 by 180 (RFC 6386 §9.1). */
  const key = Buffer.concat([Uint8Array.of(0x10, 0, 0, 0x9d, 1, 0x2a, 64, 1, 180, 0), Buffer.alloc(3_000, 7)])
  const delta = Buffer.concat([Uint8Array.of(0x11), Buffer.alloc(2_000, 8)])

  test('comes out of packets as it went in, with the size of its key frame', () => {
    const reader = new Vp8Reader()
    const ordered = [...packets(writeVp8Payloads(key, 1), 0), ...packets(writeVp8Payloads(delta, 2), 3_000)]
    const [first, second] = readAll(reader, ordered)
    expect(first).toMatchObject({ isSync: true, format: { codec: 'vp8', width: 320, height: 180 } })
    expect(Buffer.compare(first?.data ?? delta, key)).toBe(0)
    expect(second).toMatchObject({ isSync: false, format: undefined })
    expect(Buffer.compare(second?.data ?? key, delta)).toBe(0)
  })

  test('after a loss nothing comes before the next key frame', () => {
    const reader = new Vp8Reader()
    readAll(reader, packets(writeVp8Payloads(key, 1), 0))
    const [, second] = packets(writeVp8Payloads(delta, 2), 3_000)
    expect(second && reader.push({ ...second, lostBefore: true })).toEqual([])
    expect(readAll(reader, packets(writeVp8Payloads(delta, 3), 6_000))).toEqual([])
    expect(readAll(reader, packets(writeVp8Payloads(key, 4), 9_000))).toHaveLength(1)
  })

  test.each([
    ['short', Uint8Array.of(0x90, 0x80, 5, 0x10)],
    ['long', Uint8Array.of(0x90, 0xf0, 0x81, 5, 1, 2, 0x10)],
    ['none', Uint8Array.of(0x10, 0x10)],
  ])('descriptors with extensions are passed over: %s', (_name, head) => {
    const reader = new Vp8Reader()
    const payload = Buffer.concat([head.subarray(0, -1), key])
    expect(readAll(reader, packets([payload], 0))[0]?.data.byteLength).toBe(key.byteLength)
  })
})
