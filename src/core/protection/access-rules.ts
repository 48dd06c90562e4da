/** Who may watch with a token: rules by address and country, the first that matches decides (playback.md §6.3). */

import { HeadwaterError } from '../../lib/failure.ts'
import { type IpPrefix, isInPrefix, parseIpAddress, parseIpPrefix, unmapIpv4 } from '../../lib/ip-address.ts'

/** What is known of whoever asks. */
export type Viewer = {
  /** IPv4 or IPv6; undefined where nobody trustworthy says it. */
  readonly address: string | undefined
  /** ISO 3166-1, two upper-case letters; undefined where it is not known. */
  readonly country: string | undefined
}

/** One rule, checked. */
export type AccessRule = { readonly action: 'allow' | 'block' } & (
  | { readonly type: 'any' }
  | { readonly type: 'ip.src'; readonly ranges: readonly IpPrefix[] }
  | { readonly type: 'ip.geoip.country'; readonly countries: ReadonlySet<string> }
)

/** Rules a token may have. */
const MOST_RULES = 5

/**
 * Reads the `accessRules` of a token or of a request for one; absent or null = none. Throws `bad_request` for more than
 * five, and for a rule that is not understood: read past, it would let in whom it was meant to keep out.
 */
export function parseAccessRules(value: unknown): readonly AccessRule[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw refuse('must be a list of rules')
  if (value.length > MOST_RULES) {
    throw refuse(`may have at most ${MOST_RULES} rules, this list has ${value.length}`)
  }
  return value.map(parseRule)
}

/** Whether the viewer may watch. Without a rule that matches, yes. */
export function isAllowed(rules: readonly AccessRule[], viewer: Viewer): boolean {
  const rule = rules.find((candidate) => matches(candidate, viewer))
  return rule?.action !== 'block'
}

function matches(rule: AccessRule, viewer: Viewer): boolean {
  if (rule.type === 'any') return true
  if (rule.type === 'ip.geoip.country') {
    return viewer.country !== undefined && rule.countries.has(viewer.country)
  }
  const bytes = viewer.address === undefined ? undefined : parseIpAddress(viewer.address)
  if (bytes === undefined) return false
  // A dual-stack socket shows IPv4 viewers as ::ffff:192.0.2.1.
  const { start } = unmapIpv4({ start: bytes, bits: bytes.length * 8 })
  return rule.ranges.some((range) => range.start.length === start.length && isInPrefix(range, start))
}

function parseRule(value: unknown, index: number): AccessRule {
  const place = `[${index}]`
  if (typeof value !== 'object' || value === null) throw refuse(`${place} must be an object`)
  const { type, action, ip, country } = value as Readonly<Record<string, unknown>>
  if (action !== 'allow' && action !== 'block') throw refuse(`${place}.action must be "allow" or "block"`)
  if (type === 'any') return { type, action }
  if (type === 'ip.src') {
    return { type, action, ranges: parseList(ip, `${place}.ip`, 'an IP address or CIDR range', parseRange) }
  }
  if (type === 'ip.geoip.country') {
    const codes = parseList(country, `${place}.country`, 'a country code of two letters', parseCountry)
    return { type, action, countries: new Set(codes) }
  }
  throw refuse(`${place}.type must be "any", "ip.src" or "ip.geoip.country"`)
}

function parseList<T>(
  value: unknown,
  place: string,
  what: string,
  parse: (text: string) => T | undefined,
): readonly T[] {
  if (!Array.isArray(value)) throw refuse(`${place} must be a list`)
  return value.map((entry: unknown) => {
    const parsed = typeof entry === 'string' ? parse(entry) : undefined
    if (parsed === undefined) throw refuse(`${place} has an entry that is not ${what}`)
    return parsed
  })
}

function parseRange(text: string): IpPrefix | undefined {
  const prefix = parseIpPrefix(text)
  return prefix && unmapIpv4(prefix)
}

/** A country code in upper case; undefined for what is none. */
export function parseCountry(text: string): string | undefined {
  return /^[a-z]{2}$/i.test(text) ? text.toUpperCase() : undefined
}

function refuse(sentence: string): HeadwaterError {
  const separator = sentence.startsWith('[') ? '' : ' '
  return new HeadwaterError('bad_request', `accessRules${separator}${sentence}.`, {
    facts: { field: 'accessRules' },
  })
}
