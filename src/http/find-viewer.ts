/** Who watches: address and country, for the access rules of tokens (playback.md §6.3). */

import type { IncomingMessage } from 'node:http'
import { type BlockList, isIP } from 'node:net'
import { parseCountry, type Viewer } from '../core/protection/index.ts'
import { blockList, isListed } from './request-address.ts'

/** Finds the viewer of a request. */
export type FindViewer = (incoming: IncomingMessage) => Viewer

/**
 * Makes the function that tells the viewer: the peer, unless that is a trusted proxy (address or CIDR range). Then it is
 * the last entry of `X-Forwarded-For` that is no trusted proxy itself, since whatever is further left was written by the
 * viewer; and the country is what the proxy says.
 */
export function createFindViewer(settings: {
  readonly trustedProxies: readonly string[] | null
  /** In lower case. */
  readonly countryHeader: string
}): FindViewer {
  const proxies = blockList(settings.trustedProxies ?? [])
  return (incoming) => {
    // Without the zone that a link-local address has.
    const peer = incoming.socket.remoteAddress?.split('%', 1)[0]
    if (proxies === undefined || peer === undefined || !isListed(proxies, peer)) {
      return { address: peer, country: undefined }
    }
    const forwardedFor = textOf(incoming.headers['x-forwarded-for'])
    const country = textOf(incoming.headers[settings.countryHeader])
    return { address: findClient(forwardedFor, peer, proxies), country: readCountry(country ?? '') }
  }
}

function findClient(forwardedFor: string | undefined, peer: string, proxies: BlockList): string | undefined {
  let client: string | undefined = peer
  for (const hop of (forwardedFor ?? '').split(',').toReversed()) {
    if (hop.trim() === '') continue
    client = readHop(hop.trim())
    if (client === undefined || !isListed(proxies, client)) break
  }
  return client
}

/** `192.0.2.1` or `2001:db8::1`, with a port as some proxies write it: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function readHop(hop: string): string | undefined {
  const bare = /^\[(.*)\](?::\d+)?$/.exec(hop)?.[1] ?? hop.replace(/^([\d.]+):\d+$/, '$1')
  return isIP(bare) === 0 || bare.includes('%') ? undefined : bare
}

/** `XX` is what Cloudflare writes where it does not know; ISO 3166-1 leaves it to users. */
function readCountry(text: string): string | undefined {
  const country = parseCountry(text.trim())
  return country === 'XX' ? undefined : country
}

/** Of a header that came several times: all of it, in order. */
function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header
}
