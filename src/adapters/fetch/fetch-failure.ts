/** What goes wrong on the way to another machine, in sentences for the person who gave the address. */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'

/** The failure of something that may pass (`mayPass`) or will not. */
export function fetchFailed(
  sentence: string,
  options: { mayPass: boolean; cause?: unknown },
): HeadwaterError {
  const { mayPass, cause } = options
  return new HeadwaterError('fetch_failed', sentence, { facts: { mayPass }, cause })
}

/** Node's codes, and what they mean for `host`. */
const SENTENCES: Readonly<Record<string, (host: string) => string>> = {
  ENOTFOUND: (host) => `The name ${host} does not exist; check the address.`,
  ENODATA: (host) => `The name ${host} has no address; check it.`,
  EAI_AGAIN: (host) => `The name ${host} could not be resolved: its name server did not answer.`,
  ETIMEOUT: (host) => `The name ${host} could not be resolved: its name server did not answer.`,
  ECONNREFUSED: (host) => `${host} refused the connection; is its server running, and is the port right?`,
  ECONNRESET: (host) => `${host} cut the connection.`,
  EPIPE: (host) => `${host} cut the connection.`,
  ETIMEDOUT: (host) => `${host} did not answer in time.`,
  EHOSTUNREACH: (host) => `${host} cannot be reached from this server.`,
  ENETUNREACH: (host) => `${host} cannot be reached from this server.`,
}

/** What another try will not change: certificates and answers that are no HTTP. */
const LASTING = /^(?:CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HPE_|ENODATA$|EPROTO$)/

/** `error` of a connection to `host` as one of ours; what is ours already stays as it is. */
export function toFetchFailure(error: unknown, host: string): HeadwaterError {
  if (isFailure(error)) return error
  const code = codeOf(error)
  const mayPass = !LASTING.test(code)
  const sentence = SENTENCES[code]?.(host) ?? otherSentence(code, host)
  return fetchFailed(sentence, { mayPass, cause: error })
}

function otherSentence(code: string, host: string): string {
  if (code.startsWith('HPE_')) return `${host} sent an answer that is no valid HTTP (${code}).`
  if (LASTING.test(code))
    return `No trusted encrypted connection to ${host} is possible (${code}); check its certificate.`
  return `The connection to ${host} failed (${code}).`
}

/** When several addresses were tried, the first one's. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'unknown'
}
