/** Names to addresses, once per connection; what comes out still has to be checked. */

import { lookup, Resolver } from 'node:dns/promises'

/** Every address of `name`; rejects with node's error (`code`: `ENOTFOUND`, `ETIMEOUT` …). May be slow; the caller has a limit. */
export type ResolveName = (name: string, options: { signal: AbortSignal }) => Promise<readonly string[]>

/** Per try and name server, in milliseconds. */
const TRY_MS = 3_000
const TRIES = 2

/**
 * Asks the name servers directly. The system's own resolver would do it in the threads that write to the disk: four
 * names whose servers do not answer would keep every upload waiting. `servers` default to those of the system.
 */
export function askNameServers(servers?: readonly string[]): ResolveName {
  return async (name, { signal }) => {
    const resolver = new Resolver({ timeout: TRY_MS, tries: TRIES })
    if (servers !== undefined) resolver.setServers(servers)
    const cancel = () => resolver.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    try {
      const [ipv4, ipv6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
      const found = [ipv4, ipv6].flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
      if (found.length === 0 && ipv4.status === 'rejected') throw ipv4.reason
      return found
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }
}

/** Asks the system, which also knows the names of a local network (hosts file, search domains, mDNS). */
export const askSystem: ResolveName = async (name) => {
  const found = await lookup(name, { all: true })
  return found.map(({ address }) => address)
}
