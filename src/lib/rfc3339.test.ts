import { describe, expect, test } from 'vitest'
import { formatRfc3339, parseRfc3339 } from './rfc3339.ts'

describe('parseRfc3339', () => {
  test.each([
    ['1970-01-01T00:00:00Z', 0],
    ['1970-01-01T00:00:00.5Z', 500_000],
    ['1970-01-01T01:00:00+01:00', 0],
    ['1969-12-31T23:30:00-00:30', 0],
    ['2027-01-31T08:00:00Z', Date.UTC(2027, 0, 31, 8) * 1000],
    ['2026-11-20T18:04:05.123456789Z', Date.UTC(2026, 10, 20, 18, 4, 5) * 1000 + 123_456],
    ['2028-02-29t00:00:00z', Date.UTC(2028, 1, 29) * 1000],
    ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1) * 1000],
    ['0050-01-01T00:00:00Z', -60_589_296_000_000_000],
  ])('%s is %d µs', (text, timeUs) => {
    expect(parseRfc3339(text)).toBe(timeUs)
  })

  test.each([
    '',
    'tomorrow',
    '2027-01-31',
    '2027-01-31T08:00:00',
    '2027-02-29T08:00:00Z',
    '2027-13-01T08:00:00Z',
    '2027-01-01T24:00:00Z',
    '2027-01-01T08:60:00Z',
    '2027-01-01T08:00:00+24:00',
    '2027-01-01T08:00:00.Z',
    ' 2027-01-01T08:00:00Z',
  ])('refuses %j', (text) => {
    expect(parseRfc3339(text)).toBeUndefined()
  })
})

test('a formatted time reads back to the microsecond', () => {
  for (const timeUs of [0, 1, 999_999, 1_763_661_845_123_456, -1]) {
    expect(parseRfc3339(formatRfc3339(timeUs))).toBe(timeUs)
  }
  expect(formatRfc3339(1_763_661_845_000_007)).toBe('2025-11-20T18:04:05.000007Z')
})
