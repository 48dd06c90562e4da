import { describe, expect, test } from 'vitest'
import { readAvcConfig } from './avc.ts'
import { freeParameterSetId, joinAvcConfigs } from './join-avc.ts'

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

/** What x264 writes for 640×360: High at level 3, and Main at level 2.2, whose parameter sets have the id 0 or 1. */
const HIGH = bytes('0164001effe100196764001eacb405017fcb80880000030008000003019078b17501000468ee0fcbfdf8f800')
const MAIN = bytes('014d4016ffe10019674d4016da0280bfe5c044000003000400000300c83c58ba8001000468ee0fc8')
const MAIN_1 = bytes('014d4016ffe10019674d40165680a02ff97011000003000100000300320f162ea0010005684ae0fc80')

describe('one configuration of two', () => {
  test('has the parameter sets of both, the higher profile, and what both promise', () => {
    const joined = joinAvcConfigs(HIGH, MAIN_1)
    expect(readAvcConfig(joined)).toMatchObject({
      profile: 100,
      constraints: 0,
      level: 30,
      width: 640,
      height: 360,
      parameterSets: { sps: 2, pps: 2 },
      lengthSize: 4,
      codec: 'avc1.64001e',
    })
    // Colours of profile High come last, wherever they were.
    expect([...joined.subarray(-4)]).toEqual([0xfd, 0xf8, 0xf8, 0])
    expect([...joinAvcConfigs(MAIN_1, HIGH).subarray(-4)]).toEqual([0xfd, 0xf8, 0xf8, 0])
  })

  test('has what both have once', () => {
    expect(readAvcConfig(joinAvcConfigs(HIGH, HIGH)).parameterSets).toEqual({ sps: 1, pps: 1 })
  })

  test('is refused where one id would mean two things', () => {
    expect(() => joinAvcConfigs(HIGH, MAIN)).toThrow('same id')
  })
})

describe('the id for a second encoder', () => {
  test.each([
    ['after id 0', HIGH, 1],
    ['before id 1', MAIN_1, 0],
    ['after both', joinAvcConfigs(HIGH, MAIN_1), 2],
  ])('%s', (_name, config, id) => {
    expect(freeParameterSetId(config)).toBe(id)
  })
})
