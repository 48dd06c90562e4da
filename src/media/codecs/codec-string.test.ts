import { describe, expect, test } from 'vitest'
import { AVC_CONFIG, HEVC_CONFIG } from '../../../tests/fuzz/codec-configs.ts'
import { codecString } from './codec-string.ts'
import { readHevcConfig } from './hevc.ts'

const hex = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, 'hex'))

describe('codec strings', () => {
  test.each<[string, Uint8Array | null, string]>([
    ['avc1', AVC_CONFIG, 'avc1.64000b'],
    ['avc3', AVC_CONFIG, 'avc3.64000b'],
    ['hvc1', HEVC_CONFIG, 'hvc1.2.4.L30.90'],
    ['hev1', hex('010160000000b0000000000078f000fcfdf8f8000f00'), 'hev1.1.6.L120.B0'],
    ['mp4a', hex('1190'), 'mp4a.40.2'],
    ['mp4a', null, 'mp4a'],
    ['vp09', hex('01000000020a8202020200'), 'vp09.02.10.08'],
    ['av01', hex('81094c00'), 'av01.0.09M.10'],
    ['Opus', null, 'Opus'],
    ['ac-3', null, 'ac-3'],
  ])('%s', (fourcc, config, codec) => {
    expect(codecString({ fourcc, config, box: new Uint8Array(0) })).toBe(codec)
  })
})

describe('hvcC', () => {
  test('Main 10', () => {
    expect(readHevcConfig(HEVC_CONFIG)).toEqual({
      profile: 2,
      level: 30,
      chromaFormat: 1,
      bitDepth: 10,
      codec: 'hvc1.2.4.L30.90',
    })
  })

  test('one that is cut short is refused', () => {
    expect(() => readHevcConfig(HEVC_CONFIG.subarray(0, 15))).toThrow(/ends before its fields do/)
  })
})
