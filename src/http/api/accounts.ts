/**
 * Accounts: the vendor's view of the caller's own, and our own calls for whoever runs the installation. Those are the
 * operator's, who holds the token of the data folder (or `HEADWATER_API_TOKEN`); no other token sees more than its account.
 */

import { z } from 'zod'
import {
  type Account,
  changeAccount,
  createAccount,
  createApiToken,
  listAccounts,
  requireAccount,
} from '../../core/access/index.ts'
import { formatTimestamp } from '../../lib/timestamp.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'
import type { SignIn } from '../sign-in.ts'
import { alwaysThere } from '../still-there.ts'
import { queryInteger } from './query-fields.ts'

export type AccountDeps = { readonly db: Db; readonly clock: Clock; readonly signIn: SignIn }

const ownSchema = z.object({
  id: z.string(),
  name: z.string(),
  type: z.literal('standard'),
  created_on: z.iso.datetime(),
})

const accountSchema = z.object({
  id: z.string(),
  name: z.string(),
  storageMinutes: z.int().nullable().describe('Allocation; 0 = unlimited, null = HEADWATER_STORAGE_MINUTES'),
  created: z.iso.datetime(),
})

const storageMinutes = z
  .number()
  .nullable()
  .optional()
  .describe('Minutes of video the account may hold; 0 = unlimited, null = HEADWATER_STORAGE_MINUTES')

/** The endpoints. */
export function accountEndpoints(deps: AccountDeps): Endpoint[] {
  return [...ownAccount(deps), ...allAccounts(deps)]
}

function ownAccount(deps: AccountDeps): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/accounts',
      summary: 'The accounts that the credentials open: one',
      tag: 'Accounts',
      access: 'open',
      querySchema: z.object({ page: queryInteger(1, 1_000_000, 'is out of range').optional() }),
      resultSchema: z.array(ownSchema),
      handle: async ({ incoming, query }) => {
        const { accountId } = await deps.signIn(incoming)
        const own = presentOwn(await requireAccount(deps.db, accountId))
        // The SDK asks for page after page until one is empty.
        return answerResult((query.page ?? 1) === 1 ? [own] : [])
      },
    }),
    endpoint({
      method: 'GET',
      path: '/accounts/{account_id}',
      summary: 'The account of the credentials',
      tag: 'Accounts',
      access: 'account',
      resultSchema: ownSchema,
      handle: async ({ accountId }) => answerResult(presentOwn(await requireAccount(deps.db, accountId))),
    }),
  ]
}

function allAccounts({ db, clock }: AccountDeps): Endpoint[] {
  const shared = { tag: 'Accounts', access: 'operator' } as const
  return [
    endpoint({
      ...shared,
      method: 'GET',
      path: '/headwater/accounts',
      summary: 'Every account of the installation, oldest first; for the operator',
      resultSchema: z.array(accountSchema),
      handle: async () => answerResult((await listAccounts(db)).map(present)),
    }),
    endpoint({
      ...shared,
      method: 'POST',
      path: '/headwater/accounts',
      creates: alwaysThere,
      summary: 'Makes an account and its first token, which the answer alone shows; for the operator',
      bodySchema: z.object({ name: z.string(), storageMinutes }),
      resultSchema: accountSchema.extend({ token: z.string() }),
      handle: async ({ body }) => {
        const account = await createAccount(db, clock, body)
        const first = { accountId: account.id, name: 'first token', permission: 'write' } as const
        const { token } = await createApiToken(db, clock, first)
        return answerResult({ ...present(account), token })
      },
    }),
    endpoint({
      ...shared,
      method: 'PATCH',
      path: '/headwater/accounts/{account_id}',
      summary: 'Changes the name or the allocation of an account; for the operator',
      bodySchema: z.object({ name: z.string().optional(), storageMinutes }),
      resultSchema: accountSchema,
      handle: async ({ accountId, body }) => answerResult(present(await changeAccount(db, accountId, body))),
    }),
  ]
}

function presentOwn({ id, name, createdUs }: Account): z.output<typeof ownSchema> {
  return { id, name, type: 'standard', created_on: formatTimestamp(createdUs) }
}

function present({ id, name, storageMinutes, createdUs }: Account): z.output<typeof accountSchema> {
  return { id, name, storageMinutes, created: formatTimestamp(createdUs) }
}
