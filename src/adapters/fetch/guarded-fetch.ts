/**
 * The fetcher over node's own HTTP client, which lets its caller hand in the addresses to connect to: they are resolved
 * and checked here, once, and no name is ever looked up again, so a name server that gives another answer a moment later
 * gains nothing. Every question has a connection of its own: none outlives its answer, and none is shared by two checks.
 */

import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestEncrypted } from 'node:https'
import { isIPv6, type LookupFunction } from 'node:net'
import { HeadwaterError } from '../../lib/failure.ts'
import { type AddressRules, readHost, refuseAddress, refuseName } from '../../lib/outgoing-address.ts'
import type { FetchedAnswer, Fetcher, FetchRequest } from '../../ports.ts'
import { fetchFailed, toFetchFailure } from './fetch-failure.ts'
import { readAnswerBody } from './answer-body.ts'
import { askNameServers, askSystem, type ResolveName } from './resolve-name.ts'

/** How long another machine may take. */
export type FetchLimits = {
  /** For its name, its address and the encryption together. */
  readonly connectMs: number
  /** From there to the end of its headers. */
  readonly headersMs: number
  /** Between two pieces of a body (uploads.md §6). */
  readonly stallMs: number
}

export type FetcherOptions = {
  /** Addresses of this machine and of local networks are fine. */
  readonly allowPrivate: boolean
  /** For tests. */
  readonly limits?: Partial<FetchLimits>
  readonly resolve?: ResolveName
  readonly refuse?: typeof refuseAddress
}

const LIMITS: FetchLimits = { connectMs: 20_000, headersMs: 60_000, stallMs: 60_000 }
const MOST_REDIRECTS = 5
/** Before the next of several addresses is tried as well (RFC 8305 §5); node's own 250 ms give up on far hosts. */
const NEXT_ADDRESS_MS = 2_000

/** Creates the fetcher. */
export function createFetcher(options: FetcherOptions): Fetcher {
  return new GuardedFetcher(options)
}

class GuardedFetcher implements Fetcher {
  readonly #rules: AddressRules
  readonly #limits: FetchLimits
  readonly #resolve: ResolveName
  readonly #refuse: typeof refuseAddress

  constructor(options: FetcherOptions) {
    this.#rules = { allowPrivate: options.allowPrivate }
    this.#limits = { ...LIMITS, ...options.limits }
    // Names of a local network are known to the system alone.
    this.#resolve = options.resolve ?? (options.allowPrivate ? askSystem : askNameServers())
    this.#refuse = options.refuse ?? refuseAddress
  }

  async fetch(request: FetchRequest, { signal }: { signal: AbortSignal }): Promise<FetchedAnswer> {
    let url = parseTarget(request.url)
    for (let hops = 0; ; hops += 1) {
      const answer = await this.#ask(url, request, signal)
      // What was sent to one address is not meant for another.
      const follows = request.method !== 'POST' && isRedirect(answer.status)
      const location = follows ? readUtf8(answer.headers.location) : undefined
      if (location === undefined) return answer
      answer.discard()
      if (hops === MOST_REDIRECTS) {
        throw fetchFailed(
          `The address leads from one redirect to the next, more than ${MOST_REDIRECTS} times, the last one at ${url.host}; give the address of the file itself.`,
          { mayPass: false },
        )
      }
      url = redirectTarget(url, location)
    }
  }

  async findAddresses(text: string, { signal }: { signal: AbortSignal }): Promise<readonly string[]> {
    const host = readHost(text)
    if (host === undefined) throw refused('The address has no host that can be understood.')
    if (host.kind === 'address') {
      const why = this.#refuse(host.address, this.#rules)
      if (why !== undefined) throw refused(`${host.address} is ${why}${REMEDY}`)
      return [host.address]
    }
    const why = refuseName(host.name, this.#rules)
    if (why !== undefined) throw refused(`${host.name} is ${why}${REMEDY}`)
    return this.#resolveChecked(host.name, signal)
  }

  async #resolveChecked(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const limit = AbortSignal.timeout(this.#limits.connectMs)
    const ended = AbortSignal.any([signal, limit])
    const addresses = await endedBy(ended, this.#resolve(name, { signal: ended })).catch((error: unknown) => {
      if (signal.aborted) throw signal.reason
      if (limit.aborted)
        throw fetchFailed(`The name ${name} could not be resolved in time.`, { mayPass: true })
      throw toFetchFailure(error, name)
    })
    if (addresses.length === 0)
      throw fetchFailed(`The name ${name} has no address; check it.`, { mayPass: false })
    for (const address of addresses) {
      const why = this.#refuse(address, this.#rules)
      // Which address it is would tell a stranger how the network behind this server is laid out.
      if (why !== undefined) throw refused(`${name} resolves to an address that is ${why}${REMEDY}`)
    }
    return addresses
  }

  async #ask(url: URL, request: FetchRequest, signal: AbortSignal): Promise<FetchedAnswer> {
    const addresses = await this.findAddresses(url.hostname, { signal })
    signal.throwIfAborted()
    try {
      const incoming = await this.#send(url, addresses, request, signal)
      return this.#present(url, incoming, request, signal)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw toFetchFailure(error, url.host)
    }
  }

  #send(
    url: URL,
    addresses: readonly string[],
    request: FetchRequest,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { connectMs, headersMs } = this.#limits
    const isEncrypted = url.protocol === 'https:'
    const options = {
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port,
      path: `${url.pathname}${url.search}`,
      method: request.method,
      auth: basicCredentials(url),
      headers: {
        ...request.headers,
        ...(request.body === undefined ? {} : { 'content-length': request.body.byteLength }),
        'user-agent': 'Headwater',
        accept: '*/*',
        'accept-encoding': 'identity',
      },
      agent: false,
      lookup: handOut(addresses),
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
      signal,
    }
    return new Promise((resolve, reject) => {
      const outgoing = isEncrypted ? requestEncrypted(options) : requestPlain(options)
      const late = (what: string) =>
        outgoing.destroy(fetchFailed(`${url.host} ${what}; try again when it does.`, { mayPass: true }))
      let timer = setTimeout(late, connectMs, `could not be connected to within ${connectMs / 1000} s`)
      outgoing.once('socket', (socket) => {
        socket.once(isEncrypted ? 'secureConnect' : 'connect', () => {
          clearTimeout(timer)
          timer = setTimeout(late, headersMs, `gave no answer within ${headersMs / 1000} s`)
        })
      })
      outgoing.once('response', (incoming) => {
        clearTimeout(timer)
        resolve(incoming)
      })
      const end = (error: Error) => {
        clearTimeout(timer)
        reject(error)
      }
      // After the answer has begun, its body tells of errors.
      outgoing.on('error', end)
      // A 101 is no response to node, and nothing but `close` would ever follow it.
      outgoing.once('upgrade', (_incoming, socket) => {
        socket.destroy()
        end(fetchFailed(`${url.host} changes to another protocol (status 101).`, { mayPass: false }))
      })
      outgoing.once('close', () => end(fetchFailed(`${url.host} cut the connection.`, { mayPass: true })))
      outgoing.end(request.body)
    })
  }

  #present(url: URL, incoming: IncomingMessage, request: FetchRequest, signal: AbortSignal): FetchedAnswer {
    const { stallMs } = this.#limits
    // The body tells of it to whoever reads it; until then it is nobody's.
    incoming.on('error', () => undefined)
    const single = Object.entries(incoming.headers).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value] as const] : [],
    )
    return {
      status: incoming.statusCode ?? 0,
      headers: Object.fromEntries(single),
      host: url.host,
      body: readAnswerBody(incoming, { host: url.host, stallMs, maxBytes: request.maxBytes, signal }),
      discard: () => {
        incoming.destroy()
      },
    }
  }
}

const REMEDY =
  ', and the server connects to none of those; give a public address, or let the server run with HEADWATER_ALLOW_PRIVATE_FETCH=true.'

function refused(sentence: string): HeadwaterError {
  return new HeadwaterError('fetch_refused', sentence)
}

/** Throws `fetch_refused` for what is no http or https address. */
function parseTarget(text: string, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined
  if (url === undefined)
    throw refused('The address cannot be understood; expected one such as https://example.com/video.mp4.')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refused(`Only http and https can be fetched, not ${url.protocol.slice(0, -1).slice(0, 32)}.`)
  }
  return url
}

/** RFC 9110 §15.4; a 300 or 304 leads nowhere by itself. */
function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308
}

/** Node gives headers as Latin-1; an address with letters beyond ASCII is UTF-8, as browsers take it. */
function readUtf8(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  const text = Buffer.from(header, 'latin1').toString('utf8')
  return text.includes('\ufffd') ? header : text
}

/** Credentials go on to the same origin only, unless the redirect names its own. */
function redirectTarget(from: URL, location: string): URL {
  const to = parseTarget(location, from)
  if (to.origin === from.origin && to.username === '' && to.password === '') {
    to.username = from.username
    to.password = from.password
  }
  return to
}

function basicCredentials({ username, password }: URL): string | undefined {
  return username === '' && password === '' ? undefined : `${decodeText(username)}:${decodeText(password)}`
}

function decodeText(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    // A lone percent sign is one.
    return encoded
  }
}

/** In place of a lookup: the addresses that were checked, whatever is asked for. */
function handOut(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
  return (_name, options, callback) => {
    const [first] = found
    if (options.all) callback(null, found)
    else callback(null, first?.address ?? '', first?.family)
  }
}

/** `work`, or the reason of `signal` as soon as it is aborted; the work's own end is then nobody's. */
function endedBy<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(signal.reason)
    signal.addEventListener('abort', end, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
  })
}
