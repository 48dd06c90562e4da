import { describe, expect, test } from 'vitest'
import {
  join,
  readRtcp,
  writeNack,
  writePictureLoss,
  writeReceiverReport,
  writeRemb,
  writeSenderReport,
} from './rtcp.ts'
import { RtpClocks } from './rtp-clocks.ts'
import { RtpOrder } from './rtp-order.ts'
import { readRtp, type RtpPacket } from './rtp-packet.ts'
import { RtpStatistics } from './rtp-statistics.ts'

const packet = (sequence: number, timestamp = 0): RtpPacket => ({
  payloadType: 96,
  marker: false,
  sequence,
  timestamp,
  ssrc: 1,
  payload: new Uint8Array(1),
})

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

describe('packets', () => {
  test('are read with their padding, sources and extensions left out', () => {
    const bytes = hex('b1e00001000000020000000300000004bede0001aabbccdd68650002')
    expect(readRtp(bytes)).toEqual({
      payloadType: 96,
      marker: true,
      sequence: 1,
      timestamp: 2,
      ssrc: 3,
      payload: hex('6865'),
    })
  })

  test.each([
    '',
    '80',
    '40e00001000000020000000300',
    '90e000010000000200000003bede00ff',
    'a0e0000100000002000000ff',
  ])('what is none is none: %s', (hex) => expect(readRtp(Buffer.from(hex, 'hex'))).toBeUndefined())
})

describe('order', () => {
  const numbers = (order: RtpOrder, nowMs: number) =>
    order.take(nowMs).map(({ packet: { sequence }, lostBefore }) => (lostBefore ? -sequence : sequence))

  test('packets that overtook each other come in order, across the wrap', () => {
    const order = new RtpOrder({ asks: true })
    for (const sequence of [65_534, 0, 65_535, 1]) order.push(packet(sequence), 0)
    expect(numbers(order, 0)).toEqual([65_534, 65_535, 0, 1])
    expect(order.isWaiting).toBe(false)
  })

  test('what is missing is asked for, again when no answer came, and is no loss when it comes', () => {
    const order = new RtpOrder({ asks: true })
    for (const sequence of [1, 2, 5]) order.push(packet(sequence), 0)
    expect(numbers(order, 0)).toEqual([1, 2])
    expect(order.missing(0)).toEqual([])
    expect(order.missing(10)).toEqual([3, 4])
    expect(order.missing(20)).toEqual([])
    expect(order.missing(220)).toEqual([3, 4])
    order.push(packet(4), 230)
    order.push(packet(3), 231)
    expect(numbers(order, 231)).toEqual([3, 4, 5])
  })

  test('what does not come is given up, and the next packet says so', () => {
    const order = new RtpOrder({ asks: false, waitMs: 60 })
    order.push(packet(1), 0)
    order.push(packet(3), 0)
    expect(numbers(order, 59)).toEqual([1])
    expect(numbers(order, 60)).toEqual([-3])
    order.push(packet(2), 70)
    expect(numbers(order, 70)).toEqual([])
  })

  test('the longer answers take, the longer they are waited for', () => {
    const order = new RtpOrder({ asks: true })
    let nowMs = 0
    let next = 1
    order.push(packet(next), nowMs)
    let lost = 0
    for (let round = 0; round < 20; round += 1) {
      const missing = next + 1
      order.push(packet(next + 2), nowMs)
      next += 2
      order.missing(nowMs + 10)
      for (let ms = nowMs; ms < nowMs + 800; ms += 10) {
        if (ms === nowMs + 10 + 300) order.push(packet(missing), ms)
        if (ms > nowMs + 10) order.missing(ms)
        lost += order.take(ms).filter(({ lostBefore }) => lostBefore).length
      }
      nowMs += 800
    }
    expect(lost).toBeLessThanOrEqual(1)
  })

  test('a sender that begins anew is taken as that', () => {
    const order = new RtpOrder({ asks: true })
    order.push(packet(1), 0)
    order.push(packet(30_000), 0)
    expect(numbers(order, 0)).toEqual([-30_000])
    order.push(packet(30_001), 0)
    expect(numbers(order, 0)).toEqual([30_001])
  })

  test('a duplicate is nothing new', () => {
    const order = new RtpOrder({ asks: true })
    for (const sequence of [1, 1, 2, 2]) order.push(packet(sequence), 0)
    expect(numbers(order, 0)).toEqual([1, 2])
  })
})

describe('clocks', () => {
  test('picture and sound begin when they came, and move together by the reports on them, the picture only', () => {
    const clocks = new RtpClocks({ video: 90_000, audio: 48_000 })
    expect(clocks.time('video', 4_294_967_000, 1_000)).toBe(0)
    expect(clocks.time('audio', 500, 1_100)).toBe(9_000)
    // The same instant of the publisher's: the picture came 100 ms too early.
    clocks.senderReport('video', 5_000_000, 4_294_967_000)
    clocks.senderReport('audio', 5_000_000, 500)
    expect(clocks.time('audio', 500 + 960, 1_120)).toBe(9_000 + 1_800)
    let timestamp = 4_294_967_000
    let time = 0
    for (let index = 0; index < 100; index += 1) {
      timestamp = (timestamp + 3_000) % 2 ** 32
      const next = clocks.time('video', timestamp, 2_000)
      expect(next - time).toBeGreaterThanOrEqual(3_000)
      expect(next - time).toBeLessThanOrEqual(3_180)
      time = next
    }
    expect(time).toBe(100 * 3_000 + 9_000)
  })
})

describe('RTCP', () => {
  test('what is written is read', () => {
    const compound = join(
      writeSenderReport({
        ssrc: 1,
        ntpMs: 3_900_000_000_500,
        timestamp: 7,
        packets: 1,
        bytes: 2,
        cname: 'abcde',
      }),
      writeNack(1, 9, [65_530, 65_535, 3, 40]),
      writePictureLoss(1, 9),
      writeRemb(1, 12_000_000, [9]),
    )
    const [report, nack, loss, ...others] = readRtcp(compound)
    expect(report).toMatchObject({ type: 'sender-report', ssrc: 1, ntpMs: 3_900_000_000_500, timestamp: 7 })
    expect(nack).toEqual({ type: 'nack', ssrc: 9, lost: [65_530, 65_535, 3, 40] })
    expect(loss).toEqual({ type: 'key-frame-request', ssrc: 9 })
    expect(others).toEqual([])
  })

  test('REMB has its rate in 18 bits and a power of two', () => {
    const view = new DataView(writeRemb(1, 12_000_000, [9]).buffer)
    const word = view.getUint32(16)
    expect((word & 0x3ffff) * 2 ** ((word >>> 18) & 0x3f)).toBeGreaterThan(11_990_000)
    expect(Buffer.from(view.buffer, 12, 4).toString()).toBe('REMB')
  })

  test('a receiver reports what it missed, how regularly packets came, and when it was told the time', () => {
    const statistics = new RtpStatistics(9, 90_000)
    statistics.senderReport(0x1234_5678, 0)
    for (const sequence of [65_534, 65_535, 2, 3])
      statistics.packet(packet(sequence, sequence * 900), sequence)
    const report = statistics.report(1_000)
    expect(report).toMatchObject({
      ssrc: 9,
      lost: 2,
      fractionLost: 85,
      lastReport: 0x1234_5678,
      delay: 65_536,
    })
    expect(report.highest).toBe(65_536 + 3)
    expect(statistics.report(2_000).fractionLost).toBe(0)
    expect(writeReceiverReport(1, [report]).byteLength).toBe(32)
  })
})
