/** The keys that tokens are verified with, as records. Of the customer's keys only the public part is ever stored. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Db, Trx } from '../../tables.ts'

/** What is told of a key after it was made. */
export type SigningKey = { readonly id: string; readonly createdUs: number }

/** What tokens are verified with. */
export type VerifyingKey = { readonly accountId: string /** SPKI as PEM. */; readonly publicPem: string }

/** A key of the service itself; never listed. */
export type SealedKey = SigningKey & { /** As `lib/seal.ts` writes it. */ readonly sealedPem: string }

/** Keys an account may have (api.md §5.2), those of the service not counted. */
export const MOST_KEYS = 1_000

export type NewSigningKey = SigningKey & {
  readonly accountId: string
  readonly publicPem: string
  /** The private part of a key of the service; null for the customer's. */
  readonly sealedPem: string | null
}

/** Adds a key. Throws `bad_request` when it is the customer's and the account has as many as it may have. */
export async function insertSigningKey(trx: Trx, key: NewSigningKey): Promise<void> {
  if (key.sealedPem === null) await checkKeyCount(trx, key.accountId)
  await trx
    .insertInto('signing_keys')
    .values({
      id: key.id,
      account_id: key.accountId,
      public_pem: key.publicPem,
      sealed_pem: key.sealedPem,
      created_us: key.createdUs,
    })
    .execute()
}

/** Throws `bad_request` when the account has as many keys as it may have. */
export async function checkKeyCount(db: Db, accountId: string): Promise<void> {
  const { count } = await db
    .selectFrom('signing_keys')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('account_id', '=', accountId)
    .where('sealed_pem', 'is', null)
    .executeTakeFirstOrThrow()
  if (count < MOST_KEYS) return
  throw new HeadwaterError(
    'bad_request',
    `An account may have at most ${MOST_KEYS} signing keys; delete one first.`,
  )
}

/** The customer's keys, oldest first. */
export async function listSigningKeys(db: Db, accountId: string): Promise<readonly SigningKey[]> {
  const rows = await db
    .selectFrom('signing_keys')
    .select(['id', 'created_us'])
    .where('account_id', '=', accountId)
    .where('sealed_pem', 'is', null)
    .orderBy('created_us')
    .orderBy('id')
    .execute()
  return rows.map((row) => ({ id: row.id, createdUs: row.created_us }))
}

/** The service's own keys for the account, oldest first. */
export async function listSealedKeys(db: Db, accountId: string): Promise<readonly SealedKey[]> {
  const rows = await db
    .selectFrom('signing_keys')
    .select(['id', 'created_us', 'sealed_pem'])
    .where('account_id', '=', accountId)
    .where('sealed_pem', 'is not', null)
    .orderBy('created_us')
    .orderBy('id')
    .execute()
  return rows.map((row) => ({ id: row.id, createdUs: row.created_us, sealedPem: row.sealed_pem ?? '' }))
}

/** The key of that id, whoever it belongs to. */
export async function getVerifyingKey(db: Db, id: string): Promise<VerifyingKey | undefined> {
  const row = await db
    .selectFrom('signing_keys')
    .select(['account_id', 'public_pem'])
    .where('id', '=', id)
    .executeTakeFirst()
  return row && { accountId: row.account_id, publicPem: row.public_pem }
}

/**
 * Deletes one of the customer's keys; whatever it signed opens nothing any more. Throws `not_found` when the account has
 * no such key.
 */
export async function deleteSigningKey(db: Db, accountId: string, id: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('signing_keys')
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .where('sealed_pem', 'is', null)
    .executeTakeFirst()
  if (numDeletedRows > 0n) return
  throw new HeadwaterError('not_found', 'There is no such signing key in this account.')
}
