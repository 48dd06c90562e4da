/** What an origin's headers say about its file (RFC 9110 §8, §13, §14), as far as fetching it needs that. */

import { HeadwaterError } from '../../lib/failure.ts'

type Headers = Readonly<Record<string, string>>

/** Longest validator that is kept. */
const MOST_VALIDATOR_CHARACTERS = 512

/** `Content-Length`, or null. */
export function contentLength(headers: Headers): number | null {
  const text = headers['content-length'] ?? ''
  return /^\d{1,15}$/.test(text) ? Number(text) : null
}

/** `Content-Range` of a 206, as a half-open range; `totalBytes` is null for `*`. `undefined` when there is none that is understood. */
export function contentRange(
  headers: Headers,
): { readonly start: number; readonly end: number; readonly totalBytes: number | null } | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(headers['content-range'] ?? '')
  if (match === null) return undefined
  const [start, last, total] = [Number(match[1]), Number(match[2]), match[3]]
  const totalBytes = total === '*' ? null : Number(total)
  if (last < start || (totalBytes !== null && last >= totalBytes)) return undefined
  return { start, end: last + 1, totalBytes }
}

/** What `If-Range` may be asked with: a strong entity tag, else the date (RFC 9110 §13.1.5); null if there is neither. */
export function validatorOf(headers: Headers): string | null {
  const { etag = '', 'last-modified': date = '' } = headers
  if (/^"[\x21\x23-\x7e\x80-\xff]*"$/.test(etag) && etag.length <= MOST_VALIDATOR_CHARACTERS) return etag
  // `Date.parse` overlooks control characters, which no header may bring back.
  return /^[\x20-\x7e]{1,60} GMT$/.test(date) && !Number.isNaN(Date.parse(date)) ? date : null
}

/** Whether an answer is of the file that `validator` was told for. An answer that does not say is believed. */
export function isSameFile(headers: Headers, validator: string): boolean {
  const told = validator.startsWith('"') ? headers.etag : headers['last-modified']
  return told === undefined || told === validator
}

/** Throws for an answer whose bytes are not those of the file: nothing is decompressed, and nothing asked for that. */
export function checkEncoding(headers: Headers, host: string): void {
  const encoding = headers['content-encoding']?.toLowerCase() ?? ''
  if (!/\b(?:x-)?(?:gzip|deflate|br|zstd|compress)\b/.test(encoding)) return
  throw originFailure(
    `${host} sends the file compressed (Content-Encoding: ${encoding.slice(0, 40)}) although that was not asked for; let it send the file as it is.`,
    { mayPass: false },
  )
}

/** What a status that brings no file means for whoever gave the URL. */
export function statusFailure(status: number, host: string): HeadwaterError {
  const says = `${host} answered with status ${status}`
  if (status === 401 || status === 403) {
    return originFailure(
      `${says}: the file is not public, or its signed address has expired; give an address that may be read.`,
      { mayPass: false, status },
    )
  }
  if (status === 404 || status === 410) {
    return originFailure(`${says}: there is no such file; check the address.`, { mayPass: false, status })
  }
  const mayPass = status >= 500 || status === 408 || status === 425 || status === 429
  return originFailure(`${says} where the file was expected.`, { mayPass, status })
}

/** A failure of the origin; `mayPass`: another try may go better. */
export function originFailure(
  sentence: string,
  facts: { mayPass: boolean; status?: number },
): HeadwaterError {
  return new HeadwaterError('fetch_failed', sentence, { facts })
}
