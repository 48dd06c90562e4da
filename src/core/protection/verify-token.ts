/**
 * Whether a token opens what it says it opens. A signature is verified once: the key of an id never changes, so a text
 * that was good stays good. Everything that can change is looked at every time: the key's existence, the hour, and
 * (where the viewer is known) the rules.
 */

import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { BoundedCache } from '../../lib/bounded-cache.ts'
import { FreshLooks } from '../../lib/fresh-looks.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { getVerifyingKey, type VerifyingKey } from './signing-key-records.ts'
import { badToken, expiredToken, parseToken, type TokenClaims } from './token.ts'

/** A token that was verified just now. */
export type GoodToken = TokenClaims & {
  /** Whose key signed it. It opens videos of this account only. */
  readonly accountId: string
  /** Until it ends; more than 0. */
  readonly secondsLeft: number
}

type KnownKey = { readonly accountId: string; readonly key: KeyObject; readonly seenMs: number }
type Verified = { readonly claims: TokenClaims; readonly weight: number }

/** Verifies tokens for one process. */
export class Tokens {
  readonly #stored: FreshLooks<VerifyingKey | undefined>
  readonly #clock: Clock
  readonly #verified = new BoundedCache<string, Verified>({
    maxWeight: MOST_REMEMBERED_BYTES,
    weigh: ({ weight }) => weight,
  })
  readonly #keys = new BoundedCache<string, KnownKey>({ maxWeight: MOST_KEYS_REMEMBERED })

  constructor(deps: { readonly db: Db; readonly clock: Clock }) {
    this.#stored = new FreshLooks(deps, (id) => getVerifyingKey(deps.db, id))
    this.#clock = deps.clock
  }

  /**
   * What the token says. `recentEnough`: that its key was there a second ago will do. Throws `playback_token_required`
   * for one that is malformed, forged, expired, not valid yet, valid for too long, or signed with a key that is gone.
   */
  async verify(text: string, options: { readonly recentEnough?: boolean } = {}): Promise<GoodToken> {
    const kept = this.#verified.peek(text)
    const parsed = kept === undefined ? parseToken(text) : undefined
    const claims = kept?.claims ?? parsed?.claims
    const known = claims && (await this.#findKey(claims.kid, options.recentEnough === true))
    if (claims === undefined || known === undefined) {
      throw badToken('was signed with a key that does not exist (any more)')
    }
    if (parsed !== undefined) {
      const signed = Buffer.from(parsed.signedText)
      if (!verify('RSA-SHA256', signed, known.key, parsed.signature)) throw badToken('has a wrong signature')
      this.#verified.set(text, { claims, weight: weighToken(text, claims) })
    }
    return { ...claims, accountId: known.accountId, secondsLeft: this.#checkTimes(claims) }
  }

  /** Seconds left. */
  #checkTimes({ expSeconds, nbfSeconds }: TokenClaims): number {
    const nowSeconds = this.#clock.nowUs() / 1_000_000
    // RFC 7519 §4.1.4: on or after `exp` it must not be accepted.
    if (nowSeconds >= expSeconds) throw expiredToken()
    if (expSeconds > nowSeconds + MOST_SECONDS_LEFT) throw badToken('is valid for more than 24 hours')
    if (nbfSeconds !== undefined && nbfSeconds > nowSeconds + NOT_BEFORE_TOLERANCE_SECONDS) {
      throw badToken('is not valid yet')
    }
    return expSeconds - nowSeconds
  }

  async #findKey(id: string, recentEnough: boolean): Promise<KnownKey | undefined> {
    const nowMs = this.#clock.monotonicMs()
    const kept = this.#keys.peek(id)
    if (kept !== undefined && recentEnough && nowMs - kept.seenMs < RECENT_MS) return kept
    const found = await this.#stored.get(id)
    if (found === undefined) {
      this.#keys.delete(id)
      return undefined
    }
    const key = kept?.key ?? createPublicKey(found.publicPem)
    const known = { accountId: found.accountId, key, seenMs: nowMs }
    this.#keys.set(id, known)
    return known
  }
}

/** About how many bytes a token takes in memory: long lists of addresses take more than their text does. */
function weighToken(text: string, { rules }: TokenClaims): number {
  const entries = rules.reduce((sum, rule) => {
    if (rule.type === 'any') return sum
    return sum + (rule.type === 'ip.src' ? rule.ranges.length : rule.countries.size)
  }, 0)
  return text.length + EACH_BYTES + entries * EACH_ENTRY_BYTES
}

/** 24 hours, and a minute for clocks that differ. */
const MOST_SECONDS_LEFT = 86_460
const NOT_BEFORE_TOLERANCE_SECONDS = 60
const RECENT_MS = 1_000
/** About 10,000 tokens of the usual 700 characters. */
const MOST_REMEMBERED_BYTES = 16_000_000
/** What a kept token takes beside its text, and each address or country in its rules. */
const EACH_BYTES = 800
const EACH_ENTRY_BYTES = 300
const MOST_KEYS_REMEMBERED = 2_000
