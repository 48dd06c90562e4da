/** `Upload-Metadata` (tus 1.0.0 creation, with the vendor's keys of uploads.md §2.3) → typed fields of the new video. */

import { HeadwaterError } from '../../lib/failure.ts'
import { parseTimestamp } from '../../lib/timestamp.ts'
import { checkAllowedOrigins } from '../access/index.ts'
import {
  checkMaxDurationSeconds,
  checkMeta,
  checkScheduledDeletion,
  checkThumbnailTimestampPct,
  checkUploadExpiry,
  type JsonObject,
} from '../videos/index.ts'

/** What a creation request says about its video. Absent members were not given. */
export type UploadFields = {
  readonly meta: JsonObject
  readonly requireSignedUrls: boolean
  readonly allowedOrigins: readonly string[]
  /** 0–1. */
  readonly thumbnailTimestampPct: number
  readonly watermark?: string
  readonly scheduledDeletionUs?: number
  /** 1–36,000. */
  readonly maxDurationSeconds?: number
  readonly expiryUs?: number
}

/** Longest header value that is read (uploads.md §2.3). */
const MOST_HEADER_BYTES = 8_192

/**
 * Reads the header of a creation request. Keys are matched in any letter case; keys that mean nothing here go into
 * `meta` with their own spelling. Throws `bad_request` (syntax, duplicate key, a value out of range) or
 * `scheduled_deletion_out_of_range`.
 */
export function parseUploadMetadata(header: string | undefined, options: { nowUs: number }): UploadFields {
  const pairs = splitPairs(header)
  const meta: [string, string][] = []
  const known = new Map<string, string>()
  for (const { key, value } of pairs) {
    const lower = key.toLowerCase()
    if (lower === 'name') meta.push(['name', value])
    else if (KNOWN_KEYS.has(lower)) known.set(lower, value)
    else meta.push([key, value])
  }
  const fileName = pairs.find((pair) => pair.key.toLowerCase() === 'filename')
  if (fileName && !meta.some(([key]) => key === 'name')) meta.unshift(['name', fileName.value])

  const pct = known.get('thumbnailtimestamppct')
  const origins = known.get('allowedorigins')
  const deletion = known.get('scheduleddeletion')
  const duration = known.get('maxdurationseconds')
  const expiry = known.get('expiry')
  return {
    // fromEntries defines own properties, so a key such as __proto__ stays an ordinary one.
    meta: checkMeta(Object.fromEntries(meta)),
    // Presence decides, whatever the value: a slip must not leave a video open.
    requireSignedUrls: known.has('requiresignedurls'),
    allowedOrigins: origins === undefined ? [] : checkAllowedOrigins(readOrigins(origins)),
    thumbnailTimestampPct:
      pct === undefined ? 0 : checkThumbnailTimestampPct(readNumber('thumbnailtimestamppct', pct)),
    watermark: known.get('watermark'),
    scheduledDeletionUs:
      deletion === undefined
        ? undefined
        : (checkScheduledDeletion(readTime('scheduleddeletion', deletion), options.nowUs) ?? undefined),
    maxDurationSeconds:
      duration === undefined
        ? undefined
        : checkMaxDurationSeconds(readNumber('maxDurationSeconds', duration)),
    expiryUs: expiry === undefined ? undefined : checkUploadExpiry(readTime('expiry', expiry), options.nowUs),
  }
}

/**
 * The header as it was sent; undefined when there is none in truth: go-tus sends it empty, and the vendor's relay sample
 * passes on one that the browser never sent (uploads.md §2.2).
 */
export function givenMetadata(header: string | undefined): string | undefined {
  const text = (header ?? '').trim()
  return text === '' || text === 'null' || text === 'undefined' ? undefined : text
}

/** Refuses a header that no `Upload-Metadata` can be; for uploads whose metadata has no effect. Throws `bad_request`. */
export function checkMetadataSyntax(header: string | undefined): void {
  splitPairs(header)
}

const KNOWN_KEYS = new Set([
  'requiresignedurls',
  'allowedorigins',
  'thumbnailtimestamppct',
  'watermark',
  'scheduleddeletion',
  'maxdurationseconds',
  'expiry',
])

type Pair = { readonly key: string; readonly value: string }

function splitPairs(header: string | undefined): readonly Pair[] {
  const text = givenMetadata(header)
  if (text === undefined) return []
  if (text.length > MOST_HEADER_BYTES) {
    throw bad(`Upload-Metadata may have at most ${MOST_HEADER_BYTES} bytes, this one has ${text.length}.`)
  }
  // HEAD tells it as it was sent, and a header cannot hold anything else (RFC 9110 §5.5).
  if (/[^\t\x20-\x7e]/.test(text)) throw noPairs(text)
  const seen = new Set<string>()
  // Older versions of go-tus end the list with a comma.
  return text
    .replace(/,$/, '')
    .split(',')
    .map((written) => {
      const pair = written.trim()
      const space = pair.indexOf(' ')
      const key = space < 0 ? pair : pair.slice(0, space)
      // tus-js-client writes an empty value as key and space.
      const value = space < 0 ? '' : pair.slice(space + 1)
      if (!/^[\x21-\x7e]+$/.test(key)) throw noPairs(written)
      if (seen.has(key.toLowerCase())) throw bad(`Upload-Metadata names the key ${quote(key)} twice.`)
      seen.add(key.toLowerCase())
      return { key, value: decodeText(key, value) }
    })
}

function decodeText(key: string, base64: string): string {
  const bytes = Buffer.from(base64, 'base64')
  // Node reads Base64 leniently; only what it would write back itself is Base64 (RFC 4648 §3.5).
  if (bytes.toString('base64') !== base64) {
    throw bad(
      `Upload-Metadata: the value of ${quote(key)} must be Base64 with padding, not ${quote(base64)}.`,
    )
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw bad(`Upload-Metadata: the value of ${quote(key)} must be UTF-8 text.`, cause)
  }
}

/** The vendor's sample lists origins with commas; its guide speaks of an array of strings. */
function readOrigins(value: string): readonly string[] {
  const text = value.trim()
  if (text === '') return []
  if (!text.startsWith('[')) return text.split(',')
  try {
    const list: unknown = JSON.parse(text)
    if (Array.isArray(list) && list.every((entry) => typeof entry === 'string')) return list
  } catch {
    // Told below, like an array of something else.
  }
  throw bad(`Upload-Metadata: allowedorigins must be hosts separated by commas or a JSON array of texts.`)
}

function readNumber(key: string, value: string): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(value)) return Number(value)
  throw bad(`Upload-Metadata: ${key} must be a number, not ${quote(value)}.`)
}

function readTime(key: string, value: string): number {
  const timeUs = parseTimestamp(value)
  if (timeUs !== undefined) return timeUs
  throw bad(
    `Upload-Metadata: ${key} must be an RFC 3339 time such as 2027-01-31T08:00:00Z, not ${quote(value)}.`,
  )
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}

function noPairs(found: string): HeadwaterError {
  return bad(
    `Upload-Metadata holds pairs of a key and a Base64 value in ASCII, separated by commas; found ${quote(found)}.`,
  )
}

function bad(sentence: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError('bad_request', sentence, { cause })
}
