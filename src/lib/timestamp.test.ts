import { describe, expect, test } from 'vitest'
import { formatTimestamp, parseTimestamp } from './timestamp.ts'

describe('a timestamp', () => {
  test.each([
    [0, '1970-01-01T00:00:00.000000Z'],
    [1, '1970-01-01T00:00:00.000001Z'],
    [1_795_197_845_123_456, '2026-11-20T18:04:05.123456Z'],
    [1_795_197_845_123_000, '2026-11-20T18:04:05.123000Z'],
  ])('of %d µs is written %s and read back', (us, text) => {
    expect(formatTimestamp(us)).toBe(text)
    expect(parseTimestamp(text)).toBe(us)
  })

  test.each([
    ['2026-11-20T18:04:05Z', '2026-11-20T18:04:05.000000Z'],
    ['2026-11-20t18:04:05z', '2026-11-20T18:04:05.000000Z'],
    ['2026-11-20T18:04:05+02:00', '2026-11-20T16:04:05.000000Z'],
    ['2026-11-20T18:04:05.5-00:30', '2026-11-20T18:34:05.500000Z'],
    ['2026-11-20T18:04:05.123456789Z', '2026-11-20T18:04:05.123456Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000000Z'],
  ])('%s means %s', (text, meaning) => {
    const us = parseTimestamp(text)
    expect(us === undefined ? undefined : formatTimestamp(us)).toBe(meaning)
  })

  test.each([
    '',
    'yesterday',
    '2026-11-20',
    '2026-11-20T18:04:05',
    '2026-13-20T18:04:05Z',
    '2025-02-29T00:00:00Z',
    '2026-11-20T24:00:00Z',
    '2026-11-20T18:60:00Z',
    '2026-11-20T18:04:05+24:00',
    '1969-12-31T23:59:59Z',
    '1795197845',
  ])('%j is none', (text) => {
    expect(parseTimestamp(text)).toBeUndefined()
  })
})
