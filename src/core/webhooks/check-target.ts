/** Which addresses may be called (webhooks.md §1). */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Clock, Fetcher } from '../../ports.ts'

const MOST_URL_CHARACTERS = 2_048
/** How long a request waits for a name server; what cannot be resolved now is checked by the first call. */
const RESOLVE_MS = 3_000

/**
 * Throws `bad_request` for what no call may be made to: no http or https address, one that is too long, one of this
 * machine or a local network. A name that does not resolve (yet) is accepted. `field` is how the request calls it.
 */
export async function checkTarget(
  deps: { readonly fetcher: Fetcher; readonly clock: Clock },
  text: string,
  field: string,
): Promise<void> {
  if (text.length > MOST_URL_CHARACTERS) {
    throw badTarget(field, `may have at most ${MOST_URL_CHARACTERS} characters, this one has ${text.length}`)
  }
  // `URL` would also take `http:example.com`, and `example.com:8080` for a scheme of its own.
  const url = /^https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) {
    throw badTarget(field, 'must be a whole http or https address such as https://example.com/webhook')
  }
  await checkHost(deps, url.hostname, field)
}

/**
 * Throws `bad_request` for a host that may not be connected to: one of this machine or a local network. A name that does
 * not resolve (yet) is accepted. `field` is how the request calls the address.
 */
export async function checkHost(
  deps: { readonly fetcher: Fetcher; readonly clock: Clock },
  host: string,
  field: string,
): Promise<void> {
  const ended = new AbortController()
  const late = new AbortController()
  void deps.clock.sleep(RESOLVE_MS, ended.signal).then(() => late.abort())
  try {
    await deps.fetcher.findAddresses(host, { signal: late.signal })
  } catch (error) {
    if (isFailure(error, 'fetch_refused')) throw badTarget(field, `cannot be called: ${error.message}`)
    if (!isFailure(error, 'fetch_failed') && !late.signal.aborted) throw error
  } finally {
    ended.abort()
  }
}

/** What is said of a wrong address does not repeat it: there may be a password in it. */
function badTarget(field: string, rule: string): HeadwaterError {
  return new HeadwaterError('bad_request', `${field} ${rule.replace(/\.$/, '')}.`, { facts: { field } })
}
