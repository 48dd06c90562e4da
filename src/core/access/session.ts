/**
 * Sign-ins of the dashboard. Whoever can use the command line or holds an API token gets a one-time code or a session;
 * the browser then holds the session's secret in a cookie, of which only the SHA-256 is stored.
 */

import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { hashSecret, type Principal } from './api-token.ts'

/** A session ends thirty days after the sign-in, whatever happened since. */
export const SESSION_SECONDS = 30 * 86_400
/** A one-time code that nobody used dies after ten minutes. */
const CODE_SECONDS = 600
/** Codes open at a time; beyond it the oldest dies. */
const CODE_COUNT = 1_000

/**
 * One-time sign-in codes. They live in memory on purpose: a restart kills them, and a copied database holds none.
 */
export class SignInCodes {
  readonly #clock: Clock
  readonly #open = new Map<string, { accountId: string; untilUs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A new code for the account, 43 characters, good once and for ten minutes. */
  issue(accountId: string): string {
    const nowUs = this.#clock.nowUs()
    for (const [hash, entry] of this.#open) {
      if (entry.untilUs <= nowUs || this.#open.size >= CODE_COUNT) this.#open.delete(hash)
    }
    const code = this.#clock.newSecret(32)
    this.#open.set(hashSecret(code), { accountId, untilUs: nowUs + CODE_SECONDS * 1_000_000 })
    return code
  }

  /** The account a code was made for; the code is used up. `undefined` when it is unknown, used or too old. */
  redeem(code: string): string | undefined {
    const hash = hashSecret(code)
    const entry = this.#open.get(hash)
    this.#open.delete(hash)
    return entry && entry.untilUs > this.#clock.nowUs() ? entry.accountId : undefined
  }
}

/** Begins a session and answers its secret (43 characters), the only time. Sessions that have ended are removed. */
export async function createSession(db: Db, clock: Clock, accountId: string): Promise<string> {
  const secret = clock.newSecret(32)
  const nowUs = clock.nowUs()
  await db.transaction().execute(async (trx) => {
    await trx.deleteFrom('sessions').where('expires_us', '<=', nowUs).execute()
    await trx
      .insertInto('sessions')
      .values({
        hash: hashSecret(secret),
        account_id: accountId,
        created_us: nowUs,
        expires_us: nowUs + SESSION_SECONDS * 1_000_000,
      })
      .execute()
  })
  return secret
}

/** Who holds this session, or `undefined` when it is unknown or has ended. A session may write. */
export async function verifySession(db: Db, clock: Clock, secret: string): Promise<Principal | undefined> {
  const row = await db
    .selectFrom('sessions')
    .select('account_id')
    .where('hash', '=', hashSecret(secret))
    .where('expires_us', '>', clock.nowUs())
    .executeTakeFirst()
  return row && { accountId: row.account_id, permission: 'write', tokenId: 'session' }
}

/** Ends a session; ending one that is unknown changes nothing. */
export async function endSession(db: Db, secret: string): Promise<void> {
  await db.deleteFrom('sessions').where('hash', '=', hashSecret(secret)).execute()
}
