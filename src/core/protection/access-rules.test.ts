import { describe, expect, test } from 'vitest'
import { isAllowed, parseAccessRules, type Viewer } from './access-rules.ts'

const at = (address: string | undefined): Viewer => ({ address, country: undefined })
const inCountry = (country: string | undefined): Viewer => ({ address: '192.0.2.1', country })
const nobodyElse = { type: 'any', action: 'block' }

describe('rules by address', () => {
  test.each<[string, string | undefined, boolean]>([
    ['198.51.100.0/24', '198.51.100.255', true],
    ['198.51.100.0/24', '198.51.101.0', false],
    ['198.51.100.77/24', '198.51.100.1', true],
    ['198.51.100.7', '198.51.100.7', true],
    ['198.51.100.7', '198.51.100.8', false],
    ['198.51.100.128/25', '198.51.100.127', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/32', '2001:DB8:1::9', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '203.0.113.9', false],
    ['::/0', '::ffff:203.0.113.9', false],
    ['198.51.100.0/24', '::ffff:198.51.100.3', true],
    ['198.51.100.0/24', '::ffff:c633:6403', true],
    ['::ffff:198.51.100.0/120', '198.51.100.3', true],
    ['::ffff:198.51.100.0/120', '198.51.101.3', false],
    ['::ffff:198.51.100.3', '198.51.100.3', true],
    ['198.51.100.0/24', undefined, false],
    ['198.51.100.0/24', 'unknown', false],
    ['::/0', 'fe80::1%eth0', false],
  ])('%s fits %s: %s', (range, address, fits) => {
    const allow = parseAccessRules([{ type: 'ip.src', action: 'allow', ip: [range] }, nobodyElse])
    expect(isAllowed(allow, at(address))).toBe(fits)
    const block = parseAccessRules([{ type: 'ip.src', action: 'block', ip: ['192.0.2.255', range] }])
    expect(isAllowed(block, at(address))).toBe(!fits)
  })
})

describe('rules by country', () => {
  test.each<[string[], string | undefined, boolean]>([
    [['NO', 'FI'], 'NO', true],
    [['no', 'fi'], 'FI', true],
    [['NO', 'FI'], 'SE', false],
    [['NO', 'FI'], undefined, false],
    [[], 'NO', false],
  ])('%j fits %s: %s', (country, viewer, fits) => {
    const rules = parseAccessRules([{ type: 'ip.geoip.country', action: 'block', country }])
    expect(isAllowed(rules, inCountry(viewer))).toBe(!fits)
  })
})

describe('a list of rules', () => {
  test('is decided by the first that fits, and lets in whom none fits', () => {
    const rules = parseAccessRules([
      { type: 'ip.geoip.country', action: 'allow', country: ['NO'] },
      { type: 'ip.src', action: 'block', ip: ['192.0.2.0/24'] },
    ])
    expect(isAllowed(rules, { address: '192.0.2.1', country: 'NO' })).toBe(true)
    expect(isAllowed(rules, { address: '192.0.2.1', country: 'SE' })).toBe(false)
    expect(isAllowed(rules, { address: '192.0.3.1', country: 'SE' })).toBe(true)
    expect(isAllowed([], at(undefined))).toBe(true)
  })

  test.each([undefined, null, []])('%j is none', (value) => {
    expect(parseAccessRules(value)).toEqual([])
  })

  test.each<[unknown, RegExp]>([
    ['any', /^accessRules must be a list/],
    [{}, /must be a list/],
    [Array.from({ length: 6 }, () => nobodyElse), /at most 5 rules, this list has 6/],
    [['any'], /^accessRules\[0\] must be an object/],
    [[nobodyElse, null], /^accessRules\[1\] must be an object/],
    [[[]], /action must be/],
    [[{ type: 'any' }], /action must be "allow" or "block"/],
    [[{ type: 'any', action: 'Allow' }], /action must be/],
    [[{ action: 'allow' }], /type must be/],
    [[{ type: 'constructor', action: 'allow' }], /type must be/],
    [[{ type: 'ip.src', action: 'allow' }], /ip must be a list/],
    [[{ type: 'ip.src', action: 'allow', ip: '198.51.100.1' }], /ip must be a list/],
    [[{ type: 'ip.src', action: 'allow', ip: [1] }], /not an IP address/],
    [[{ type: 'ip.src', action: 'allow', ip: ['198.51.100.1/33'] }], /not an IP address/],
    [[{ type: 'ip.src', action: 'allow', ip: ['198.51.100.1/'] }], /not an IP address/],
    [[{ type: 'ip.src', action: 'allow', ip: ['198.51.100.1/08'] }], /not an IP address/],
    [[{ type: 'ip.src', action: 'allow', ip: ['198.51.100'] }], /not an IP address/],
    [[{ type: 'ip.src', action: 'allow', ip: ['198.051.100.1'] }], /not an IP address/],
    [[{ type: 'ip.src', action: 'allow', ip: ['example.com'] }], /not an IP address/],
    [[{ type: 'ip.src', action: 'allow', ip: ['fe80::1%eth0'] }], /not an IP address/],
    [[{ type: 'ip.src', action: 'allow', ip: ['1::2::3'] }], /not an IP address/],
    [[{ type: 'ip.geoip.country', action: 'block' }], /country must be a list/],
    [[{ type: 'ip.geoip.country', action: 'block', country: ['NOR'] }], /not a country code/],
    [[{ type: 'ip.geoip.country', action: 'block', country: [''] }], /not a country code/],
  ])('%j is refused', (value, sentence) => {
    expect(() => parseAccessRules(value)).toThrow(
      expect.objectContaining({
        code: 'bad_request',
        message: expect.stringMatching(sentence) as string,
        facts: { field: 'accessRules' },
      }),
    )
  })
})
