import { describe, expect, test } from 'vitest'
import {
  muxAll,
  pictureUnit,
  SOUND_FORMAT,
  someUnits,
  soundUnit,
  VIDEO_FORMAT,
} from '../../../tests/harness/ts-stream.ts'
import { concatBytes } from '../isobmff/write-boxes.ts'
import type { AccessUnit, LiveFormat } from '../live/units.ts'
import { adtsHeadWriter } from './adts.ts'
import { AdtsFrameReader } from './adts-frames.ts'
import { AccessUnitReader } from './access-units.ts'
import { writeAnnexB } from './annexb.ts'
import { crc32Mpeg } from './crc32-mpeg.ts'
import { TsDemuxer } from './demux.ts'
import { PACKET_BYTES, readPacket } from './packets.ts'
import { writePat } from './tables.ts'

type Told = { formats: LiveFormat[]; units: AccessUnit[]; refused: string[] }

function demuxed(bytes: Uint8Array, cut = bytes.byteLength): Told & { demuxer: TsDemuxer } {
  const told: Told = { formats: [], units: [], refused: [] }
  const demuxer = new TsDemuxer({
    format: (format) => told.formats.push(format),
    unit: (unit) => told.units.push(unit),
    unsupported: (kind, codec) => told.refused.push(`${kind}: ${codec}`),
  })
  for (let at = 0; at < bytes.byteLength; at += cut) demuxer.push(bytes.subarray(at, at + cut))
  demuxer.end()
  return { ...told, demuxer }
}

const packetsOf = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: bytes.byteLength / PACKET_BYTES }, (_, index) =>
    bytes.slice(index * PACKET_BYTES, (index + 1) * PACKET_BYTES),
  )

const pidOf = (packet: Uint8Array): number | undefined => readPacket(packet)?.pid
const isKind = (kind: string) => (unit: AccessUnit) => unit.kind === kind
const byKind = (a: LiveFormat, b: LiveFormat) => a.kind.localeCompare(b.kind)

/** Feeds begin at 0, what is written a second later. */
const asSent = (units: readonly AccessUnit[]) =>
  units.map((unit) => ({ ...unit, dts: unit.dts - 90_000, pts: unit.pts - 90_000 }))

describe('a transport stream, written and read again', () => {
  const sent = someUnits()
  const bytes = muxAll(sent)

  test.each([1, 7, 188, 189, 1316, 65_536])('in pieces of %i bytes gives the same units', (cut) => {
    const { units, formats, demuxer } = demuxed(bytes, cut)
    expect(formats.toSorted(byKind)).toEqual([SOUND_FORMAT, VIDEO_FORMAT])
    for (const kind of ['video', 'audio']) {
      expect(asSent(units.filter(isKind(kind)))).toEqual(sent.filter(isKind(kind)))
    }
    expect(demuxer.faults).toEqual({ skippedBytes: 0, holes: 0, droppedPictures: 0 })
  })

  test('costs less than a twelfth of what it carries, as small as a megabit', () => {
    const pictures = Array.from({ length: 50 }, (_, index) => pictureUnit(index, 2_000))
    const sounds = Array.from({ length: 94 }, (_, index) => soundUnit(index, 341))
    const all = [...pictures, ...sounds].toSorted((a, b) => a.dts - b.dts)
    const size = all.reduce((sum, unit) => sum + unit.data.byteLength, 0)
    expect(muxAll(all).byteLength).toBeLessThan((size * 13) / 12)
  })

  test('begins each sync picture with tables, and carries the clock at least ten times a second', () => {
    const clocks = packetsOf(bytes).flatMap((packet) => {
      const hasClock =
        ((packet[3] ?? 0) & 0x20) !== 0 && (packet[4] ?? 0) > 6 && ((packet[5] ?? 0) & 0x10) !== 0
      if (!hasClock) return []
      const view = new DataView(packet.buffer, packet.byteOffset)
      return [view.getUint32(6) * 2 + ((packet[10] ?? 0) >> 7)]
    })
    for (const [index, clock] of clocks.slice(1).entries()) {
      const before = clocks[index] ?? 0
      expect(clock).toBeGreaterThan(before)
      expect(clock - before).toBeLessThanOrEqual(9_000)
    }
    const tables = packetsOf(bytes).filter((packet) => pidOf(packet) === 0)
    expect(tables.length).toBeGreaterThanOrEqual(5)
  })

  test('goes on past the end of the 33 bits', () => {
    const late = sent.map((unit) => ({
      ...unit,
      dts: unit.dts + 2 ** 33 - 180_000,
      pts: unit.pts + 2 ** 33 - 180_000,
    }))
    const { units } = demuxed(muxAll(late))
    const pictures = units.filter(isKind('video'))
    expect(pictures).toHaveLength(50)
    expect(pictures[24]).toMatchObject({ dts: 2 ** 33 - 3_600, pts: 2 ** 33 + 3_600 })
    expect(pictures[25]).toMatchObject({ dts: 0, pts: 7_200 })
  })

  test('without sound carries the clock with the pictures, without pictures with the sound', () => {
    const pictures = sent.filter(isKind('video'))
    expect(demuxed(muxAll(pictures, [VIDEO_FORMAT])).units).toHaveLength(50)
    const sounds = sent.filter(isKind('audio'))
    expect(demuxed(muxAll(sounds, [SOUND_FORMAT])).units).toHaveLength(94)
  })

  test('takes sound that begins later into a new version of the tables', () => {
    const pictures = sent.filter(isKind('video'))
    const first = muxAll(pictures.slice(0, 25), [VIDEO_FORMAT])
    const { formats } = demuxed(concatBytes([first, muxAll(sent)]))
    expect(formats).toEqual([VIDEO_FORMAT, SOUND_FORMAT])
  })
})

describe('damage', () => {
  const sent = someUnits()
  const packets = packetsOf(muxAll(sent))
  const isVideoPacket = (packet: Uint8Array) => pidOf(packet) === 0x100

  test('a lost packet of a picture leaves out everything up to the next sync picture, and no sound', () => {
    // Into the third picture of the second GOP.
    const starts = packets.flatMap((packet, index) =>
      isVideoPacket(packet) && readPacket(packet)?.isStart ? [index] : [],
    )
    const lost = (starts[12] ?? 0) + 1
    const { units, demuxer } = demuxed(concatBytes(packets.toSpliced(lost, 1)))
    const pictures = asSent(units.filter(isKind('video'))).map((unit) => unit.dts / 3600)
    expect(pictures).toEqual([...Array(12).keys(), ...Array.from({ length: 30 }, (_, index) => 20 + index)])
    expect(units.filter(isKind('audio'))).toHaveLength(94)
    expect(demuxer.faults).toMatchObject({ holes: 1 })
  })

  test('a lost packet of sound costs the frames it held, and the others keep their times', () => {
    const soundPackets = packets.flatMap((packet, index) => (pidOf(packet) === 0x101 ? [index] : []))
    const { units } = demuxed(concatBytes(packets.toSpliced(soundPackets[20] ?? 0, 1)))
    const sounds = asSent(units.filter(isKind('audio')))
    expect(sounds.length).toBeGreaterThanOrEqual(92)
    expect(sent.filter(isKind('audio'))).toEqual(expect.arrayContaining(sounds))
  })

  test('a packet that comes twice counts once', () => {
    const twice = packets.flatMap((packet) => (isVideoPacket(packet) ? [packet, packet] : [packet]))
    expect(demuxed(concatBytes(twice)).units.filter(isKind('video'))).toHaveLength(50)
  })

  test('garbage between packets is skipped', () => {
    const garbage = new Uint8Array(777).fill(0x47, 100, 101)
    const { units, demuxer } = demuxed(
      concatBytes([garbage, ...packets.slice(0, 40), garbage, ...packets.slice(40)]),
      500,
    )
    expect(units.filter(isKind('video'))).toHaveLength(50)
    expect(demuxer.faults.skippedBytes).toBe(2 * 777)
  })

  test('tables with a wrong CRC are ignored', () => {
    const wrong = packets.map((packet) => {
      if (pidOf(packet) !== 0x1000) return packet
      const damaged = packet.slice()
      damaged[18] = 0x24
      return damaged
    })
    expect(demuxed(concatBytes(wrong))).toMatchObject({ units: [], refused: [] })
  })

  test('a stream that is joined in the middle begins with its first sync picture', () => {
    const { units } = demuxed(concatBytes(packets.slice(Math.floor(packets.length / 3))))
    expect(units.find(isKind('video'))).toMatchObject({ isSync: true })
  })
})

describe('what a program is made of', () => {
  /** Makes the stream type of one packet id another. */
  const retyped = (from: number, to: number) =>
    concatBytes(
      packetsOf(muxAll(someUnits())).map((packet) => {
        if (pidOf(packet) !== 0x1000) return packet
        const section = packet.slice(5, 5 + 3 + (packet[7] ?? 0))
        for (const at of [12, 17]) if (section[at] === from) section[at] = to
        new DataView(section.buffer).setUint32(section.length - 4, crc32Mpeg(section.subarray(0, -4)))
        const changed = packet.slice()
        changed.set(section, 5)
        return changed
      }),
    )

  test.each<[number, number, string]>([
    [0x1b, 0x24, 'video: HEVC'],
    [0x1b, 0x02, 'video: MPEG-2 video'],
    [0x0f, 0x11, 'audio: AAC in LATM'],
    [0x0f, 0x81, 'audio: AC-3'],
    [0x0f, 0x03, 'audio: MPEG-1 audio'],
  ])('stream type %i as %i is refused by its name', (from, to, refused) => {
    expect(demuxed(retyped(from, to)).refused).toEqual([refused])
  })

  test('what is neither picture nor sound is ignored by its name', () => {
    const { demuxer, refused } = demuxed(retyped(0x0f, 0x86))
    expect(demuxer.ignored).toEqual(['SCTE-35'])
    expect(refused).toEqual([])
  })

  test('tables are byte for byte those of another multiplexer', () => {
    // Out of a file made by `ffmpeg -f mpegts` with one program under 0x1000.
    expect(Buffer.from(writePat(1, 0x1000)).toString('hex')).toBe('00b00d0001c100000001f0002ab104b2')
  })
})

describe('pictures', () => {
  const config = { sps: '6764000bacd942847e5c0440000003004000000c83c50a6580', pps: '68ef8fcb' }
  const unit = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
  const [sps, pps] = [unit(config.sps), unit(config.pps)]
  const [delimiter, idr, slice] = [unit('09f0'), unit('65888421'), unit('41888421')]

  function read(...packets: readonly { pts?: number; dts?: number; units: readonly Uint8Array[] }[]) {
    const told: { formats: LiveFormat[]; units: AccessUnit[] } = { formats: [], units: [] }
    const reader = new AccessUnitReader({
      format: (format) => told.formats.push(format),
      unit: (unit) => told.units.push(unit),
    })
    for (const { pts, dts, units } of packets) reader.push({ pts, dts, data: writeAnnexB(units) })
    reader.flush()
    return told
  }

  test('lose delimiters, parameter sets and filler, and keep messages', () => {
    const sei = unit('0605ff')
    const filler = unit('0cffff80')
    const { units } = read({ pts: 5, dts: 5, units: [delimiter, sps, pps, sei, idr, filler] })
    expect(units.map((picture) => Buffer.from(picture.data).toString('hex'))).toEqual([
      '000000030605ff0000000465888421',
    ])
  })

  test('several in one packet are told apart by delimiters, at the distance of those before', () => {
    const group = [delimiter, slice, delimiter, slice]
    const { units } = read(
      { pts: 0, dts: 0, units: [delimiter, sps, pps, idr] },
      { pts: 3000, dts: 3000, units: group },
      { pts: 9000, dts: 9000, units: group },
    )
    expect(units.map(({ dts }) => dts)).toEqual([0, 3000, 4500, 9000, 12_000])
  })

  test('parameter sets that change make a new format at the next sync picture, the same ones do not', () => {
    const wider = sps.slice()
    wider[3] = 0x0c
    const { formats } = read(
      { pts: 0, dts: 0, units: [sps, pps, idr] },
      { pts: 1, dts: 1, units: [sps, pps, idr] },
      { pts: 2, dts: 2, units: [wider, pps] },
      { pts: 3, dts: 3, units: [slice] },
      { pts: 4, dts: 4, units: [wider, pps, idr] },
    )
    expect(formats).toHaveLength(2)
    expect(formats[1]).toMatchObject({ width: 160, height: 120 })
    expect(formats[1]?.config[3]).toBe(0x0c)
  })

  test('one in several packets is put together', () => {
    const long = new Uint8Array(70_000).fill(0x88).fill(0x65, 0, 1)
    const told: AccessUnit[] = []
    const reader = new AccessUnitReader({ format: () => undefined, unit: (picture) => told.push(picture) })
    const bytes = writeAnnexB([sps, pps, long])
    reader.push({ pts: 0, dts: 0, data: bytes.subarray(0, 65_000) })
    reader.push({ pts: undefined, dts: undefined, data: bytes.subarray(65_000) })
    expect(told).toHaveLength(1)
    expect(told[0]?.data).toHaveLength(4 + 70_000)
  })
})

describe('sound', () => {
  const head = adtsHeadWriter(SOUND_FORMAT)
  const frame = (fill: number) => concatBytes([head(50), new Uint8Array(50).fill(fill)])
  const frames = concatBytes(Array.from({ length: 12 }, (_, index) => frame(index)))

  function read(packets: readonly { pts?: number; data: Uint8Array }[]): AccessUnit[] {
    const units: AccessUnit[] = []
    const reader = new AdtsFrameReader({ format: () => undefined, unit: (unit) => units.push(unit) })
    for (const { pts, data } of packets) reader.push({ pts, dts: pts, data })
    return units
  }

  test.each([57, 20, 31, 100, 114, 200])('frames in packets of %i bytes lie on the grid', (size) => {
    const packets: { pts: number; data: Uint8Array }[] = []
    for (let at = 0; at < frames.byteLength; at += size) {
      // The time of the first frame that begins in this packet, rounded to milliseconds as some senders do.
      const first = Math.ceil(at / 57)
      packets.push({ pts: Math.round((first * 1920) / 90) * 90, data: frames.subarray(at, at + size) })
    }
    const units = read(packets)
    expect(units.map(({ dts }) => dts)).toEqual(Array.from({ length: 12 }, (_, index) => index * 1920))
    expect(units.map(({ data }) => data[0])).toEqual([...Array(12).keys()])
  })

  test('a jump of half a frame and more begins a new grid', () => {
    const units = read([
      { pts: 0, data: frame(1) },
      { pts: 2500, data: frame(2) },
      { pts: 90_000, data: frame(3) },
    ])
    expect(units.map(({ dts }) => dts)).toEqual([0, 1920, 90_000])
  })
})
