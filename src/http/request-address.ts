/** What a request is addressed to: its path, its query, and the base of the addresses it is answered with. */

import type { IncomingMessage } from 'node:http'
import { BlockList, isIPv6 } from 'node:net'
import { TLSSocket } from 'node:tls'
import { HeadwaterError } from '../lib/failure.ts'

/** A request target, taken apart. */
export type RequestTarget = {
  /** Percent-decoded, one trailing slash removed; begins with `/`. */
  readonly path: string
  /** As sent, without the `?`. */
  readonly search: string
  /** The target in origin form, still encoded: what a router expects. */
  readonly local: string
}

/**
 * Takes a request target apart. Throws `bad_request` for malformed percent-encoding, NUL, backslashes, encoded slashes
 * and the segments `.` and `..`: no address of ours has any of them, and nobody behind us must have to think of them.
 */
export function parseTarget(target: string): RequestTarget {
  // RFC 9112 §3.2.2: the absolute form must be accepted too.
  const local = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '')
  const question = local.indexOf('?')
  const encoded = question === -1 ? local : local.slice(0, question)
  const search = question === -1 ? '' : local.slice(question + 1)
  const path = decodePath(encoded === '' ? '/' : encoded)
  return { path: path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path, search, local }
}

function decodePath(encoded: string): string {
  if (!encoded.startsWith('/')) {
    throw new HeadwaterError('bad_request', 'The request target is no path.')
  }
  // Nearly every path; those with a token are long, and this is the one look at all of their letters.
  if (PLAIN_PATH.test(encoded)) return encoded
  if (/%2f|%5c/i.test(encoded)) {
    throw new HeadwaterError('bad_request', 'The path contains an encoded slash.')
  }
  let path: string
  try {
    path = decodeURIComponent(encoded)
  } catch {
    throw new HeadwaterError('bad_request', 'The path is not valid percent-encoded UTF-8.')
  }
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\u0000-\u001f\u007f\\]/.test(path)) {
    throw new HeadwaterError('bad_request', 'The path contains a character that no address has.')
  }
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) {
    throw new HeadwaterError('bad_request', 'The path contains `.` or `..`.')
  }
  return path
}

/** Without anything to decode, no segment that begins with a dot, and nothing that is refused below. */
const PLAIN_PATH = /^(?:\/(?!\.)[\w.~!$&'()*+,;=:@-]*)+$/

/** A host name, an IPv4 address or a bracketed IPv6 address, with or without a port. */
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/

/** Finds the public base address of a request. */
export type FindPublicUrl = (incoming: IncomingMessage) => string

/**
 * Makes the function that tells the base of the addresses handed out, without a trailing slash: the setting, else the
 * request's host. `X-Forwarded-Host` and `X-Forwarded-Proto` count only when a trusted proxy (address or CIDR range)
 * sends them. The function throws `bad_request` for a host that is none.
 */
export function createFindPublicUrl(settings: {
  readonly publicUrl: string | null
  readonly trustedProxies: readonly string[] | null
}): FindPublicUrl {
  const fixed = settings.publicUrl?.replace(/\/+$/, '')
  if (fixed !== undefined) return () => fixed
  const proxies = blockList(settings.trustedProxies ?? [])
  return (incoming) => {
    const trusted = proxies !== undefined && isListed(proxies, incoming.socket.remoteAddress ?? '')
    const forwardedHost = trusted ? firstOf(incoming.headers['x-forwarded-host']) : undefined
    const forwardedProto = trusted ? firstOf(incoming.headers['x-forwarded-proto']) : undefined
    const host = forwardedHost ?? incoming.headers.host ?? localHost(incoming)
    if (!HOST.test(host)) {
      throw new HeadwaterError('bad_request', 'The Host header is no host name with an optional port.')
    }
    const encrypted = forwardedProto === undefined ? isEncrypted(incoming) : forwardedProto === 'https'
    return `${encrypted ? 'https' : 'http'}://${host.toLowerCase()}`
  }
}

/** Addresses and CIDR ranges as a list; undefined for none. */
export function blockList(ranges: readonly string[]): BlockList | undefined {
  if (ranges.length === 0) return undefined
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return list
}

/** Whether an address is on the list, also one that is written as IPv4-mapped IPv6. */
export function isListed(list: BlockList, address: string): boolean {
  // A dual-stack socket shows IPv4 peers as ::ffff:192.0.2.1.
  const mapped = address.startsWith('::ffff:') ? address.slice(7) : address
  return list.check(mapped, isIPv6(mapped) ? 'ipv6' : 'ipv4')
}

/** The nearest proxy appends; the first entry is what the client asked for. */
function firstOf(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header[0] : header
  return text?.split(',')[0]?.trim() || undefined
}

/** HTTP/1.0 needs no Host header. */
function localHost(incoming: IncomingMessage): string {
  const { localAddress = '127.0.0.1', localPort = 0 } = incoming.socket
  return `${isIPv6(localAddress) ? `[${localAddress}]` : localAddress}:${localPort}`
}

function isEncrypted(incoming: IncomingMessage): boolean {
  return incoming.socket instanceof TLSSocket
}
