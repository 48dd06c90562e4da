/**
 * Which addresses the server may connect to on a stranger's word. Whoever may name an address to fetch could otherwise
 * reach what only this machine can: databases on loopback, routers, the metadata service of a cloud. Everything that the
 * IANA special-purpose registries (RFC 6890 and its updates) do not call globally reachable is refused, and so is
 * everything that is not understood.
 */

import { type IpPrefix, isInPrefix, parseIpAddress, parseIpv4 } from './ip-address.ts'

/** What a host in an address names. */
export type Host =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'name'; readonly name: string }

/** `allowPrivate`: addresses of this machine and of local networks are fine, never those of cloud metadata services. */
export type AddressRules = { readonly allowPrivate: boolean }

type Range = IpPrefix & {
  /** Completes "… is". */
  readonly what: string
  /** Opened by `allowPrivate`. */
  readonly local: boolean
}

/** IANA IPv4 Special-Purpose Address Registry, multicast and reserved space, and one metadata service outside of them. */
const IPV4_REFUSED: readonly Range[] = [
  range([0], 8, 'an unspecified address'),
  range([10], 8, 'a private address', true),
  range([100, 64], 10, 'an address of carrier-grade NAT', true),
  range([127], 8, 'a loopback address', true),
  // Cloud metadata services answer on 169.254.169.254.
  range([169, 254], 16, 'a link-local address'),
  range([172, 16], 12, 'a private address', true),
  range([192, 0, 0], 24, 'a reserved address'),
  range([192, 0, 2], 24, 'a documentation address'),
  range([192, 88, 99], 24, 'a 6to4 relay address'),
  range([192, 168], 16, 'a private address', true),
  range([198, 18], 15, 'a benchmarking address', true),
  range([198, 51, 100], 24, 'a documentation address'),
  range([203, 0, 113], 24, 'a documentation address'),
  // Azure's metadata and agent service.
  range([168, 63, 129, 16], 32, 'the address of a cloud metadata service'),
  // Alibaba's; within carrier-grade NAT, but never opened.
  range([100, 100, 100, 200], 32, 'the address of a cloud metadata service'),
  range([224], 4, 'a multicast address'),
  range([255, 255, 255, 255], 32, 'the broadcast address'),
  range([240], 4, 'a reserved address'),
]

const IPV6_REFUSED: readonly Range[] = [
  range(words(), 128, 'the unspecified address'),
  range(words(0, 0, 0, 0, 0, 0, 0, 1), 128, 'a loopback address', true),
  // Amazon's metadata service; within unique-local space, but never opened.
  range(words(0xfd00, 0xec2), 32, 'the address of a cloud metadata service'),
  range(words(0xfc00), 7, 'a unique-local address', true),
  range(words(0xfe80), 10, 'a link-local address'),
  range(words(0xfec0), 10, 'a site-local address', true),
  range(words(0xff00), 8, 'a multicast address'),
  // RFC 2928 and what was carved out of it: Teredo, benchmarking, ORCHID; no web server lives behind any of them.
  range(words(0x2001), 23, 'a tunnel or special-purpose address'),
  range(words(0x2001, 0xdb8), 32, 'a documentation address'),
  range(words(0x3fff), 20, 'a documentation address'),
]

/** RFC 4291 §2.4: all global unicast space that has been given out. */
const IPV6_GLOBAL = range(words(0x2000), 3, 'global')

/** IPv6 addresses that stand for an IPv4 one, and where in them it lies. What they stand for decides. */
const EMBEDDING: readonly (Range & { readonly at: number })[] = [
  // RFC 4291 §2.5.5.2
  { ...range(words(0, 0, 0, 0, 0, 0xffff), 96, 'IPv4-mapped'), at: 12 },
  // RFC 6052 §2.1; RFC 8215's 64:ff9b:1::/48 is for local use and stays refused.
  { ...range(words(0x64, 0xff9b), 96, 'NAT64'), at: 12 },
  // RFC 3056 §2
  { ...range(words(0x2002), 16, '6to4'), at: 2 },
]

/**
 * Why nothing may be fetched from `address` (canonical text, as a resolver or `readHost` gives it), as the end of a
 * sentence that begins "… is"; `undefined` when it may.
 */
export function refuseAddress(address: string, rules: AddressRules): string | undefined {
  const bytes = parseIpAddress(address)
  return bytes === undefined ? 'no address that is understood' : refuseBytes(bytes, rules)
}

/** Why nothing may be fetched from a host of that name, whatever it resolves to (RFC 6761 §6.3); `undefined` when it may. */
export function refuseName(name: string, rules: AddressRules): string | undefined {
  const isLocal = name === 'localhost' || name.endsWith('.localhost')
  return isLocal && !rules.allowPrivate ? 'a name of this machine' : undefined
}

/**
 * Reads a host in any notation that a connection could be opened with: names in any case and script and with dots at
 * their end, addresses in decimal, hexadecimal, octal or with parts left out, IPv6 with or without brackets. An address
 * comes out in canonical form. `undefined` for what is no host.
 */
export function readHost(text: string): Host | undefined {
  const bare = text.replace(/^\[(.*)\]$/s, '$1')
  const isIpv6 = bare.includes(':')
  if (isIpv6 ? !/^[0-9a-f:.]+$/i.test(bare) : !/^[^\s/?#@\\[\]]+$/.test(bare)) return undefined
  // WHATWG URL §3.5 is what knows all of those notations.
  const url = parseUrl(`http://${isIpv6 ? `[${bare}]` : bare}/`)
  const host = url?.hostname.replace(/\.+$/, '') ?? ''
  if (host === '' || url?.port !== '') return undefined
  if (host.startsWith('[')) return { kind: 'address', address: host.slice(1, -1) }
  return parseIpv4(host) === undefined ? { kind: 'name', name: host } : { kind: 'address', address: host }
}

function refuseBytes(bytes: readonly number[], rules: AddressRules): string | undefined {
  if (bytes.length === 4) return refusal(IPV4_REFUSED, bytes, rules)
  const embedding = EMBEDDING.find((candidate) => isInPrefix(candidate, bytes))
  if (embedding !== undefined) return refuseBytes(bytes.slice(embedding.at, embedding.at + 4), rules)
  const found = refusal(IPV6_REFUSED, bytes, rules)
  if (found !== undefined || isInPrefix(IPV6_GLOBAL, bytes)) return found
  const opened = IPV6_REFUSED.some((candidate) => isInPrefix(candidate, bytes))
  return opened ? undefined : 'no public address'
}

function refusal(
  ranges: readonly Range[],
  bytes: readonly number[],
  rules: AddressRules,
): string | undefined {
  return ranges.find((candidate) => isInPrefix(candidate, bytes) && !(candidate.local && rules.allowPrivate))
    ?.what
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

function toBytes(word: number): readonly number[] {
  return [word >> 8, word & 0xff]
}

/** The bytes of an IPv6 address whose first 16-bit words these are. */
function words(...values: readonly number[]): readonly number[] {
  return values.flatMap(toBytes)
}

function range(start: readonly number[], bits: number, what: string, local = false): Range {
  return { start, bits, what, local }
}
