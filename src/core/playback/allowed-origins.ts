/** Which web pages may play a video: host patterns against the requesting page's origin (playback.md §7). */

/** What a request says about the page it comes from; values as sent. */
export type RequestOrigin = {
  readonly origin: string | undefined
  readonly referer: string | undefined
  /** What our own player page says about the page that embeds it. */
  readonly parentOrigin: string | undefined
  /** Base of our own addresses. */
  readonly publicUrl: string
}

/**
 * The origin of the page that plays, normalised: `Origin`, else that of `Referer`; where that is our own player page,
 * the page around it. Undefined when nothing usable is said.
 */
export function playingOrigin(request: RequestOrigin): string | undefined {
  const requesting = originOf(request.origin ?? request.referer)
  if (requesting !== undefined && requesting === originOf(request.publicUrl))
    return originOf(request.parentOrigin)
  return requesting
}

/** Whether one of `patterns` (as `core/access` stores them) covers `origin`, e.g. `https://a.example.com`. */
export function isOriginCovered(origin: string, patterns: readonly string[]): boolean {
  const page = URL.parse(origin)
  return page !== null && patterns.some((pattern) => covers(pattern, page))
}

/** `example.com`: that host on the default port of either scheme; `*.example.com`: hosts below it; `host:port`; `*`. */
function covers(pattern: string, page: URL): boolean {
  if (pattern === '*') return true
  const parts = PATTERN.exec(pattern)
  if (!parts?.groups) return false
  const { wildcard, host = '', port = '' } = parts.groups
  if (!isPortCovered(port, page)) return false
  return wildcard === undefined ? page.hostname === host : page.hostname.endsWith(`.${host}`)
}

function isPortCovered(port: string, page: URL): boolean {
  // URL leaves a scheme's default port out.
  if (port === '') return page.port === ''
  return port === (page.port || (page.protocol === 'https:' ? '443' : '80'))
}

/** The origin of an address; undefined for `null`, other schemes and anything that is no address. */
function originOf(address: string | undefined): string | undefined {
  const url = address === undefined ? null : URL.parse(address)
  return url && (url.protocol === 'http:' || url.protocol === 'https:') ? url.origin : undefined
}

const PATTERN = /^(?<wildcard>\*\.)?(?<host>\[[0-9a-f:.]+\]|[^:]+)(?::(?<port>\d+))?$/
