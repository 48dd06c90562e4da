/** A signed token as text: JWS compact serialisation (RFC 7515 §7.1) with the claims of playback.md §6.1. */

import { HeadwaterError } from '../../lib/failure.ts'
import { type AccessRule, parseAccessRules } from './access-rules.ts'

/** Longer texts are no tokens: an address with one has to fit into a request's first lines. */
export const MOST_TOKEN_CHARACTERS = 8_192

/** What a token says, whoever wrote it. */
export type TokenClaims = {
  /** The key it is signed with: 32 lower-case hexadecimal characters. */
  readonly kid: string
  /** The video it opens: 32 lower-case hexadecimal characters. */
  readonly uid: string
  /** Seconds since 1970; from then on it opens nothing. */
  readonly expSeconds: number
  /** Seconds since 1970; before it opens nothing. Undefined = from ever. */
  readonly nbfSeconds: number | undefined
  readonly downloadable: boolean
  /** Whether downloads may give the untouched source. */
  readonly original: boolean
  readonly rules: readonly AccessRule[]
}

/** A token taken apart; nothing is verified yet. */
export type ParsedToken = {
  readonly claims: TokenClaims
  /** What the signature is of. */
  readonly signedText: string
  readonly signature: Uint8Array
}

/** Whether an id in an address is meant as a token: uids have no dots. */
export function isTokenLike(id: string): boolean {
  return id.includes('.')
}

/** Takes a token apart. Throws `playback_token_required` for everything that is none. */
export function parseToken(text: string): ParsedToken {
  if (text.length > MOST_TOKEN_CHARACTERS) {
    throw badToken(`has more than ${MOST_TOKEN_CHARACTERS} characters`)
  }
  const [header = '', payload = '', signature = '', ...rest] = text.split('.')
  if (rest.length > 0 || signature === '') throw badToken('is not three parts with dots between them')
  return {
    claims: readClaims(readObject(header), readObject(payload)),
    signedText: `${header}.${payload}`,
    signature: decode(signature),
  }
}

/** The refusal of a token; `sentence` goes on after "The token in the address". */
export function badToken(sentence: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError('playback_token_required', `The token in the address ${sentence}.`, { cause })
}

/** The refusal of a token that was good once. */
export function expiredToken(): HeadwaterError {
  return new HeadwaterError('playback_token_required', 'The token in the address has expired.', {
    facts: { expired: true },
  })
}

type Members = Readonly<Record<string, unknown>>

function readClaims(header: Members, payload: Members): TokenClaims {
  // RFC 8725 §3.1: which algorithm is used is for us to say, not for the token.
  if (header.alg !== 'RS256') throw badToken('is not signed with RS256')
  // RFC 7515 §4.1.11: what must be understood and is not makes the token invalid.
  if (header.crit !== undefined) throw badToken('has a header with `crit`, which is not understood')
  const { sub, downloadable, flags } = payload
  if (typeof sub !== 'string' || !UID.test(sub)) throw badToken('names no video in `sub`')
  const expSeconds = readTime(payload.exp)
  if (expSeconds === undefined) throw badToken('has no `exp` in seconds since 1970')
  const nbfSeconds = readTime(payload.nbf)
  if (nbfSeconds === undefined && payload.nbf !== undefined && payload.nbf !== null) {
    throw badToken('has an `nbf` that is not in seconds since 1970')
  }
  return {
    kid: readKeyId(header.kid, payload.kid),
    uid: sub,
    expSeconds,
    nbfSeconds,
    downloadable: downloadable === true,
    original: isMembers(flags) && flags.original === true,
    rules: readRules(payload.accessRules),
  }
}

/** In the header, in the payload, or the same in both. */
function readKeyId(header: unknown, payload: unknown): string {
  const given = [header, payload].filter((kid) => kid !== undefined && kid !== null)
  const [kid, other = kid] = given
  if (typeof kid !== 'string' || !UID.test(kid)) throw badToken('names no key in `kid`')
  if (other !== kid) throw badToken('names two different keys')
  return kid
}

/** Numbers, and numbers as texts: the vendor's own tokens have those. */
function readTime(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  return typeof value === 'string' && /^\d{1,15}(?:\.\d{1,9})?$/.test(value) ? Number(value) : undefined
}

function readRules(value: unknown): readonly AccessRule[] {
  try {
    return parseAccessRules(value)
  } catch (cause) {
    throw badToken('has access rules that are not understood', cause)
  }
}

function readObject(part: string): Members {
  let value: unknown
  try {
    value = JSON.parse(decode(part).toString('utf8'))
  } catch (cause) {
    throw badToken('holds no JSON', cause)
  }
  if (!isMembers(value)) throw badToken('holds no JSON object')
  return value
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** RFC 7515 §2: base64url without padding, and only one text for the same bytes. */
function decode(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  if (part === '' || bytes.toString('base64url') !== part) throw badToken('has a part that is not base64url')
  return bytes
}

/** Form of the ids of videos and keys. */
const UID = /^[0-9a-f]{32}$/
