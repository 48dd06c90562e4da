import { describe, expect, test } from 'vitest'
import { AVC_CONFIG } from '../../../tests/fuzz/codec-configs.ts'
import { readAvcConfig, readParameterSets } from './avc.ts'
import { writeAvcConfig } from './write-avc.ts'

const sps = readParameterSets(AVC_CONFIG, 6, 1)
const pps = readParameterSets(AVC_CONFIG, sps.end + 1, 1)

describe('avcC from parameter sets', () => {
  test('is byte for byte what x264 writes', () => {
    expect(Buffer.from(writeAvcConfig(sps.units, pps.units)).toString('hex')).toBe(
      Buffer.from(AVC_CONFIG).toString('hex'),
    )
  })

  test('holds several sets', () => {
    const [one = new Uint8Array()] = pps.units
    const config = writeAvcConfig(sps.units, [one, Uint8Array.of(0x68, 0x5b)])
    expect(readAvcConfig(config).parameterSets).toEqual({ sps: 1, pps: 2 })
  })

  test.each<[string, readonly Uint8Array[], readonly Uint8Array[], RegExp]>([
    ['no sequence parameter set', [], pps.units, /got 0 and 1/],
    ['no picture parameter set', sps.units, [], /got 1 and 0/],
    ['a picture parameter set in place of the other', pps.units, pps.units, /type 8/],
    ['an empty set', sps.units, [new Uint8Array()], /got 1 and 1/],
  ])('refused: %s', (_, first, second, sentence) => {
    expect(() => writeAvcConfig(first, second)).toThrow(sentence)
  })
})
