/** Our own calls for API tokens, which the vendor keeps in its dashboard: `headwater token …` uses them. */

import { z } from 'zod'
import { type ApiToken, createApiToken, listApiTokens, revokeApiToken } from '../../core/access/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { formatTimestamp } from '../../lib/timestamp.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { tokenIsThere } from '../still-there.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'

const permission = z.enum(['read', 'write']).describe('Stream Read, or Stream Read and Write')
const tokenSchema = z.object({
  id: z.string(),
  name: z.string(),
  permission,
  created: z.iso.datetime(),
  revoked: z.iso.datetime().nullable(),
})

/** The endpoints. */
export function tokenEndpoints(deps: { readonly db: Db; readonly clock: Clock }): Endpoint[] {
  const shared = { tag: 'Tokens', access: 'account-or-operator' } as const
  return [
    endpoint({
      ...shared,
      method: 'GET',
      path: '/accounts/{account_id}/headwater/tokens',
      summary: 'API tokens of the account, revoked ones too',
      resultSchema: z.array(tokenSchema),
      handle: async ({ accountId }) => {
        const tokens = await listApiTokens(deps.db, accountId)
        return answerResult(tokens.map(presentToken))
      },
    }),
    endpoint({
      ...shared,
      method: 'POST',
      path: '/accounts/{account_id}/headwater/tokens',
      creates: tokenIsThere(deps.db),
      summary: 'Makes an API token; the answer alone shows it',
      bodySchema: z.object({
        name: z.string().min(1, 'must not be empty').max(100, 'may have at most 100 characters'),
        permission: permission.default('write'),
      }),
      resultSchema: z.object({ id: z.string(), name: z.string(), permission, token: z.string() }),
      handle: async ({ accountId, body }) => {
        const made = await createApiToken(deps.db, deps.clock, { accountId, ...body })
        return answerResult({ id: made.id, ...body, token: made.token })
      },
    }),
    endpoint({
      ...shared,
      method: 'DELETE',
      path: '/accounts/{account_id}/headwater/tokens/{token_id}',
      summary: 'Revokes an API token at once and for good',
      resultSchema: z.object({ id: z.string() }),
      handle: async ({ accountId, params }) => {
        const id = params.token_id ?? ''
        if (!/^[0-9a-f]{32}$/.test(id)) throw new HeadwaterError('not_found', 'There is no such API token.')
        await revokeApiToken(deps.db, deps.clock, accountId, id)
        return answerResult({ id })
      },
    }),
  ]
}

function presentToken(token: ApiToken): z.output<typeof tokenSchema> {
  return {
    id: token.id,
    name: token.name,
    permission: token.permission,
    created: formatTimestamp(token.createdUs),
    revoked: token.revokedUs === null ? null : formatTimestamp(token.revokedUs),
  }
}
