/** IP addresses and CIDR ranges as bytes: four for IPv4, sixteen for IPv6. */

/** The first `bits` bits of `start` and everything that begins with them. */
export type IpPrefix = { readonly start: readonly number[]; readonly bits: number }

/**
 * The bytes of an address: four plain decimal numbers, or IPv6 in any notation without a zone. `undefined` for anything
 * else.
 */
export function parseIpAddress(text: string): readonly number[] | undefined {
  if (!text.includes(':')) return parseIpv4(text)
  // A zone (`fe80::1%eth0`) is not understood: only link-local addresses have one.
  if (text.length > LONGEST_IPV6 || !/^[0-9a-f:.]+$/i.test(text)) return undefined
  const canonical = URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1)
  if (canonical === undefined) return undefined
  const [head = '', tail = ''] = canonical.split('::')
  const [left, right] = [parseWords(head), parseWords(tail)]
  const zeros = Array.from({ length: 16 - left.length - right.length }, () => 0)
  return [...left, ...zeros, ...right]
}

/** Four decimal numbers and nothing else. */
export function parseIpv4(text: string): readonly number[] | undefined {
  if (!/^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/.test(text)) return undefined
  const bytes = text.split('.').map(Number)
  return bytes.every((byte) => byte <= 255) ? bytes : undefined
}

/**
 * An address or a CIDR range (RFC 4632 §3.1, RFC 4291 §2.3) as a prefix; bits beyond the prefix are ignored. `undefined`
 * for what is neither.
 */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const [address = '', length, ...rest] = text.split('/')
  const start = parseIpAddress(address)
  if (start === undefined || rest.length > 0) return undefined
  if (length === undefined) return { start, bits: start.length * 8 }
  if (!/^(?:0|[1-9]\d{0,2})$/.test(length) || Number(length) > start.length * 8) return undefined
  return { start, bits: Number(length) }
}

/** Whether `bytes` begin with the prefix. Both must be of the same family. */
export function isInPrefix({ start, bits }: IpPrefix, bytes: readonly number[]): boolean {
  for (let at = 0; at * 8 < bits; at += 1) {
    const shift = Math.max(0, 8 - (bits - at * 8))
    if ((start[at] ?? 0) >> shift !== (bytes[at] ?? 0) >> shift) return false
  }
  return true
}

/** An IPv4 address or range that is written as IPv6 (`::ffff:192.0.2.0/120`, RFC 4291 §2.5.5.2) as what it stands for. */
export function unmapIpv4(prefix: IpPrefix): IpPrefix {
  const isMapped =
    prefix.bits >= MAPPED.bits && prefix.start.length === 16 && isInPrefix(MAPPED, prefix.start)
  return isMapped ? { start: prefix.start.slice(12), bits: prefix.bits - MAPPED.bits } : prefix
}

/**
 * Who is behind an address, to count connections by: whoever has one IPv6 address has the 2^64 beside it (RFC 4291 §2.5.4).
 */
export function holderOfAddress(address: string | undefined): string {
  const bytes = address === undefined ? undefined : parseIpAddress(address.split('%', 1)[0] ?? '')
  if (bytes === undefined) return address ?? ''
  const { start } = unmapIpv4({ start: bytes, bits: bytes.length * 8 })
  return start
    .slice(0, 8)
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
}

function parseWords(text: string): readonly number[] {
  if (text === '') return []
  return text.split(':').flatMap((word) => {
    const value = Number.parseInt(word, 16)
    return [value >> 8, value & 0xff]
  })
}

const MAPPED: IpPrefix = { start: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0], bits: 96 }
/** Eight words, the last two as four decimal numbers. */
const LONGEST_IPV6 = 45
