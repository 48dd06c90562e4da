/**
 * What a request must look like before anybody asks what it wants. Node's parser refuses most of what two servers could
 * read differently; here is the rest of it, and the sizes. A refused request ends its connection: whoever sent it and we
 * may not agree where it ends.
 */

import type { IncomingMessage } from 'node:http'

/** Characters of a request target. The longest of ours hold a token of 8,192. */
export const MOST_TARGET_CHARACTERS = 12_288
/** Header lines of a request. Browsers behind two proxies send some thirty. */
export const MOST_HEADERS = 100
/** Bytes of the request line and headers together; node's parser counts them. */
export const MOST_HEADER_BYTES = 16_384

/** What may be answered to a request that is none, with the connection closed: status lines without the version. */
export const REFUSALS = [
  '400 Bad Request',
  '408 Request Timeout',
  '414 URI Too Long',
  '417 Expectation Failed',
  '431 Request Header Fields Too Large',
  '501 Not Implemented',
  '505 HTTP Version Not Supported',
] as const

/** One of them. */
export type Refusal = (typeof REFUSALS)[number]

/** Why a request is not acceptable; undefined for a proper one. */
export function refuseMessage(incoming: IncomingMessage): Refusal | undefined {
  const { headers, httpVersion, url = '' } = incoming
  // RFC 9110 §15.6.6. Node also takes 0.9, which has no headers at all, and 2.0 in the words of 1.1.
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return '505 HTTP Version Not Supported'
  if (url.length > MOST_TARGET_CHARACTERS) return '414 URI Too Long'
  if (incoming.rawHeaders.length / 2 > MOST_HEADERS) return '431 Request Header Fields Too Large'
  const coding = headers['transfer-encoding']
  if (coding !== undefined) {
    // RFC 9112 §6.1: a sender of 1.0 does not know what it says.
    if (httpVersion === '1.0') return '400 Bad Request'
    // Another coding would be ours to undo; any other spelling somebody else may take for none.
    if (coding.toLowerCase() !== 'chunked') return '501 Not Implemented'
  }
  if (!hasProperHost(incoming)) return '400 Bad Request'
  // RFC 9110 §10.1.1: there is one expectation.
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
    return '417 Expectation Failed'
  }
  return undefined
}

/** RFC 9112 §3.2: exactly one Host in HTTP/1.1, at most one in 1.0; and where the target names a host, the same. */
function hasProperHost({ rawHeaders, headers, httpVersion, url = '' }: IncomingMessage): boolean {
  const hosts = rawHeaders.filter((text, at) => at % 2 === 0 && text.length === 4 && /^host$/i.test(text))
  if (hosts.length > 1 || (hosts.length === 0 && httpVersion === '1.1')) return false
  const named = /^https?:\/\/([^/?#]*)/i.exec(url)?.[1]
  return named === undefined || named.toLowerCase() === headers.host?.toLowerCase()
}
