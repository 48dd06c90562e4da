/** Accounts of an installation: each has its own videos, tokens, keys, webhooks and limits, and sees nothing of the others. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'

export type Account = {
  /** 32 lower-case hexadecimal characters. */
  readonly id: string
  readonly name: string
  /** Minutes of video it may hold; 0 = unlimited, null = what the setting says. */
  readonly storageMinutes: number | null
  readonly createdUs: number
}

/** Accounts are numbered in eleven bits where names are searched; `migrations/0012-accounts-and-search.ts`. */
const MOST_ACCOUNTS = 2_000
const MOST_NAME_CHARACTERS = 100
const MOST_STORAGE_MINUTES = 1_000_000_000

/** Makes an account. Throws `bad_request` for a bad name or allocation, or when there are 2,000. */
export async function createAccount(
  db: Db,
  clock: Clock,
  given: { readonly name: string; readonly storageMinutes?: number | null },
): Promise<Account> {
  const account: Account = {
    id: clock.newUid(),
    name: checkName(given.name),
    storageMinutes: checkStorageMinutes(given.storageMinutes ?? null),
    createdUs: clock.nowUs(),
  }
  await db.transaction().execute(async (trx) => {
    const { count } = await trx
      .selectFrom('accounts')
      .select((select) => select.fn.countAll<number | string>().as('count'))
      .executeTakeFirstOrThrow()
    // PostgreSQL gives counts as text.
    if (Number(count) >= MOST_ACCOUNTS) {
      throw new HeadwaterError('bad_request', `An installation has at most ${MOST_ACCOUNTS} accounts.`)
    }
    await trx.insertInto('accounts').values(toRow(account)).execute()
  })
  return account
}

/** Sees to it that there is an account of this id; one that exists stays as it is. */
export async function keepAccount(
  db: Db,
  clock: Clock,
  given: { readonly id: string; readonly name: string },
): Promise<void> {
  if (await accountExists(db, given.id)) return
  await db
    .insertInto('accounts')
    .values(toRow({ ...given, storageMinutes: null, createdUs: clock.nowUs() }))
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

/** Changes what is given. Throws `not_found`, and `bad_request` for a bad name or allocation. */
export async function changeAccount(
  db: Db,
  id: string,
  given: { readonly name?: string | undefined; readonly storageMinutes?: number | null | undefined },
): Promise<Account> {
  return db.transaction().execute(async (trx) => {
    const account = await requireAccount(trx, id)
    const changed: Account = {
      ...account,
      name: given.name === undefined ? account.name : checkName(given.name),
      storageMinutes:
        given.storageMinutes === undefined
          ? account.storageMinutes
          : checkStorageMinutes(given.storageMinutes),
    }
    const { name, storage_minutes } = toRow(changed)
    await trx.updateTable('accounts').set({ name, storage_minutes }).where('id', '=', id).execute()
    return changed
  })
}

/** Every account, oldest first. */
export async function listAccounts(db: Db): Promise<readonly Account[]> {
  const rows = await db.selectFrom('accounts').selectAll().orderBy('created_us').orderBy('id').execute()
  return rows.map(fromRow)
}

/** The account; throws `not_found`. */
export async function requireAccount(db: Db, id: string): Promise<Account> {
  const row = await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new HeadwaterError('not_found', 'There is no such account.')
  return fromRow(row)
}

/** Whether there is such an account. Tells 404 (no such account) from 403 (not yours). */
export async function accountExists(db: Db, id: string): Promise<boolean> {
  return (await db.selectFrom('accounts').select('id').where('id', '=', id).executeTakeFirst()) !== undefined
}

function toRow({ id, name, storageMinutes, createdUs }: Account) {
  return { id, name, storage_minutes: storageMinutes, created_us: createdUs }
}

function fromRow(row: ReturnType<typeof toRow>): Account {
  return { id: row.id, name: row.name, storageMinutes: row.storage_minutes, createdUs: row.created_us }
}

function checkName(name: string): string {
  const characters = Array.from(name.trim()).length
  if (characters >= 1 && characters <= MOST_NAME_CHARACTERS) return name.trim()
  throw new HeadwaterError(
    'bad_request',
    `The name of an account has 1 to ${MOST_NAME_CHARACTERS} characters, this one has ${characters}.`,
    { facts: { field: 'name' } },
  )
}

function checkStorageMinutes(minutes: number | null): number | null {
  if (minutes === null) return null
  if (Number.isInteger(minutes) && minutes >= 0 && minutes <= MOST_STORAGE_MINUTES) return minutes
  throw new HeadwaterError(
    'bad_request',
    `storageMinutes must be a whole number from 0 (unlimited) to ${MOST_STORAGE_MINUTES}, or null, not ${minutes}.`,
    { facts: { field: 'storageMinutes' } },
  )
}
