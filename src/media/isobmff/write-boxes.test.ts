import { describe, expect, test } from 'vitest'
import {
  avc1Entry,
  box,
  edts,
  fullBox,
  mdatHeader,
  mp4aEntry,
  mvhd,
  tfdt,
  tkhd,
  trun,
} from './write-boxes.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('boxes, byte by byte as the standard lays them out', () => {
  test.each<[string, Uint8Array, string]>([
    ['box', box('free', Uint8Array.from([1, 2])), '0000000a 66726565 0102'],
    ['full box', fullBox('test', 1, 0x020304), '0000000c 74657374 01020304'],
    ['tfdt in 64 bits', tfdt(2 ** 33 + 5), '00000014 74666474 01000000 0000000200000005'],
    [
      'edts',
      edts({ segmentDuration: 0, mediaTime: 1024 }),
      '0000002c 65647473 00000024 656c7374 01000000 00000001 0000000000000000 0000000000000400 00010000',
    ],
    ['mdat header', mdatHeader(16), '00000018 6d646174'],
    [
      'trun of a sync sample',
      trun(100, [{ size: 7, duration: 512, compositionOffset: 3, sync: true }]),
      '00000024 7472756e 00000f01 00000001 00000064 00000200 00000007 02000000 00000003',
    ],
  ])('%s', (_, bytes, expected) => {
    expect(hex(bytes)).toBe(expected.replaceAll(' ', ''))
  })

  test('fixed layouts have their sizes', () => {
    expect(mvhd({ timescale: 1000, nextTrackId: 2 })).toHaveLength(108)
    expect(tkhd({ trackId: 1, volume: 0, width: 16, height: 16 })).toHaveLength(92)
    expect(avc1Entry({ avcC: new Uint8Array(7), width: 16, height: 16 })).toHaveLength(86 + 15)
  })

  test('a sample rate that 16.16 cannot hold is left to the AudioSpecificConfig', () => {
    const entry = mp4aEntry({
      asc: Uint8Array.from([0x10, 0x10]),
      channels: 2,
      sampleRate: 96_000,
      bitrate: 1,
    })
    expect(new DataView(entry.buffer).getUint32(32)).toBe(0)
  })
})

describe('numbers a field cannot hold are our own bug', () => {
  test.each<[string, () => unknown]>([
    ['negative time', () => tfdt(-1)],
    ['a fraction', () => tfdt(0.5)],
    ['a width beyond 16 bits', () => tkhd({ trackId: 1, volume: 0, width: 65_536, height: 1 })],
    ['a timescale beyond 32 bits', () => mvhd({ timescale: 2 ** 32, nextTrackId: 2 })],
  ])('%s', (_, write) => {
    expect(write).toThrow(expect.objectContaining({ code: 'internal' }))
  })
})
