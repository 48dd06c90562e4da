/** How the text of an environment variable becomes a value. Each schema's own message is never shown: settings say what they expect. */

import { BlockList, isIP } from 'node:net'
import { z } from 'zod'

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
}

/** A whole number in `[min, max]`, written in decimal digits. */
export function wholeNumber(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,16}$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max)
}

/** A port, 0 for any free one; `off` becomes null. */
export const portOrOff = z.union([z.literal('off').transform(() => null), wholeNumber(0, 65_535)])

/** A number of bytes: `1073741824`, `1GiB`, `1.5 GB`. */
export const byteCount = z.string().transform((text, context) => {
  const match = /^(\d{1,16}(?:\.\d{1,6})?) ?([A-Za-z]{0,3})$/.exec(text)
  const unit = UNITS[match?.[2] ?? '']
  const bytes = match && unit ? Math.round(Number(match[1]) * unit) : Number.NaN
  if (Number.isSafeInteger(bytes)) return bytes
  context.addIssue('not a number of bytes')
  return z.NEVER
})

/** `true` or `false`. */
export const trueOrFalse = z.enum(['true', 'false']).transform((text) => text === 'true')

/** An absolute http(s) address without query and fragment; its trailing slashes are dropped. */
export const baseUrl = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const plain = url && !url.search && !url.hash && !url.username && !url.password
  if (plain && (url.protocol === 'http:' || url.protocol === 'https:')) return url.href.replace(/\/+$/, '')
  context.addIssue('not a base address')
  return z.NEVER
})

/** An absolute http(s) address, kept as it is written. */
export const webAddress = z.string().refine((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return (url?.protocol === 'http:' || url?.protocol === 'https:') && !url.username && !url.password
})

/** IP addresses, separated by commas. */
export const addressList = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .refine((parts) => parts.every((part) => isIP(part) !== 0))

const ICE_SERVER =
  /^(?<scheme>stuns?|turns?):(?:(?<user>[\w.~-]{1,256}):(?<password>[\w.~-]{1,256})@)?(?<rest>[\w.:[\]-]{1,255}(?:\?transport=(?:udp|tcp))?)$/

/** STUN and TURN servers, separated by commas: `stun:host:port`, `turn:user:password@host:port?transport=udp`. */
export const iceServers = z.string().transform((text, context) =>
  text.split(',').map((part) => {
    const { scheme, user, password, rest } = ICE_SERVER.exec(part.trim())?.groups ?? {}
    // RFC 9725 §4.6: TURN is of no use without them.
    if (scheme === undefined || (scheme.startsWith('turn') && user === undefined)) {
      context.addIssue('not a server')
      return z.NEVER
    }
    return { url: `${scheme}:${rest}`, username: user ?? null, credential: password ?? null }
  }),
)

/** Distinct words out of `words`, separated by commas; at least one. */
export function listOf<const W extends string>(words: readonly [W, ...W[]]) {
  return commaList.pipe(z.array(z.enum(words)).nonempty()).transform((list) => [...new Set(list)])
}

/** Addresses and CIDR ranges, separated by commas. */
export const addressRanges = z
  .string()
  .transform((text) => splitList(text))
  .refine((list) => list.length > 0 && list.every(isAddressRange))

const commaList = z.string().transform((text) => splitList(text))

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
}

function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  if (prefix === undefined) return true
  if (!/^\d{1,3}$/.test(prefix)) return false
  try {
    new BlockList().addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6')
    return true
  } catch {
    return false
  }
}
