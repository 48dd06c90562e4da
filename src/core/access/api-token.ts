/**
 * API tokens of accounts. Only the SHA-256 of a token is stored: a token is long and random, so nobody can search for
 * it, and a copied database opens nothing.
 */

import { createHash } from 'node:crypto'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { requireAccount } from './account.ts'

/** Who is asking, and what they may do. `write` includes `read` (api.md §1.1). */
export type Principal = {
  readonly accountId: string
  readonly permission: 'read' | 'write'
  /** The token's id; `session` for a sign-in of the dashboard. */
  readonly tokenId: string
}

/** What is told of a token after it was made; the token itself is shown once. */
export type ApiToken = {
  readonly id: string
  readonly name: string
  readonly permission: 'read' | 'write'
  readonly createdUs: number
  readonly revokedUs: number | null
}

/** Random bytes of a token: 40 characters of base64url. */
const TOKEN_BYTES = 30
/** A token's verification is remembered this long, so that a revocation by another process is seen soon. */
const REMEMBER_MS = 5_000
/** Tokens remembered at most; beyond it the memory starts anew. */
const REMEMBER_COUNT = 1_000

type Remembered = { readonly principal: Principal; readonly untilMs: number }
const rememberedBy = new WeakMap<Db, Map<string, Remembered>>()

/**
 * Makes a token and answers it in clear, the only time. `secret` fixes it (settings, tests); making the same secret
 * again for the same account answers the token that exists. Throws `not_found` for an unknown account, and `conflict` when
 * the secret belongs to another account or was revoked.
 */
export async function createApiToken(
  db: Db,
  clock: Clock,
  token: { accountId: string; name: string; permission: 'read' | 'write'; secret?: string },
): Promise<{ id: string; token: string }> {
  const secret = token.secret ?? clock.newSecret(TOKEN_BYTES)
  const hash = hashSecret(secret)
  return db.transaction().execute(async (trx) => {
    await requireAccount(trx, token.accountId)
    const existing = await trx
      .selectFrom('api_tokens')
      .selectAll()
      .where('hash', '=', hash)
      .executeTakeFirst()
    if (existing) {
      if (existing.account_id !== token.accountId || existing.revoked_us !== null) {
        throw new HeadwaterError(
          'conflict',
          'This API token was revoked or belongs to another account; choose a different one.',
        )
      }
      return { id: existing.id, token: secret }
    }
    const id = clock.newUid()
    await trx
      .insertInto('api_tokens')
      .values({
        id,
        account_id: token.accountId,
        name: token.name,
        hash,
        permission: token.permission,
        created_us: clock.nowUs(),
        revoked_us: null,
      })
      .execute()
    return { id, token: secret }
  })
}

/**
 * The principal behind a token, or `undefined` for one that is unknown or revoked. With a `clock` the answer is
 * remembered for a few seconds in this process; a revocation in this process counts at once.
 */
export async function verifyApiToken(db: Db, token: string, clock?: Clock): Promise<Principal | undefined> {
  const hash = hashSecret(token)
  const remembered = rememberedBy.get(db)?.get(hash)
  if (clock && remembered && clock.monotonicMs() < remembered.untilMs) return remembered.principal
  // What was asked for before a revocation must not be remembered after it: revoking replaces the map.
  const memory = memoryOf(db)
  const row = await db
    .selectFrom('api_tokens')
    .select(['id', 'account_id', 'permission'])
    .where('hash', '=', hash)
    .where('revoked_us', 'is', null)
    .executeTakeFirst()
  if (!row) return undefined
  const principal: Principal = { accountId: row.account_id, permission: row.permission, tokenId: row.id }
  if (clock) {
    if (memory.size >= REMEMBER_COUNT) memory.clear()
    memory.set(hash, { principal, untilMs: clock.monotonicMs() + REMEMBER_MS })
  }
  return principal
}

/** Every token of an account, oldest first, the revoked ones too. */
export async function listApiTokens(db: Db, accountId: string): Promise<readonly ApiToken[]> {
  const rows = await db
    .selectFrom('api_tokens')
    .select(['id', 'name', 'permission', 'created_us', 'revoked_us'])
    .where('account_id', '=', accountId)
    .orderBy('created_us')
    .orderBy('id')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    permission: row.permission,
    createdUs: row.created_us,
    revokedUs: row.revoked_us,
  }))
}

/** Revokes a token for good; revoking it again changes nothing. Throws `not_found` when the account has no such token. */
export async function revokeApiToken(db: Db, clock: Clock, accountId: string, id: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('api_tokens')
      .select('revoked_us')
      .where('account_id', '=', accountId)
      .where('id', '=', id)
      .executeTakeFirst()
    if (!row) throw new HeadwaterError('not_found', `There is no API token ${id} in this account.`)
    if (row.revoked_us !== null) return
    await trx.updateTable('api_tokens').set({ revoked_us: clock.nowUs() }).where('id', '=', id).execute()
  })
  rememberedBy.set(db, new Map())
}

/** How a secret is kept: SHA-256, lower-case hexadecimal. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

function memoryOf(db: Db): Map<string, Remembered> {
  const memory = rememberedBy.get(db) ?? new Map<string, Remembered>()
  rememberedBy.set(db, memory)
  return memory
}
