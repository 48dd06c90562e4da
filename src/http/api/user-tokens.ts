/** `GET /user/tokens/verify`: whether a token is good; spec §1.1. */

import { z } from 'zod'
import { isFailure } from '../../lib/failure.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'
import { formatFailure } from '../envelope.ts'
import { tellFailure } from '../tell-failure.ts'
import type { SignIn } from '../sign-in.ts'

/** The number a bad token is told with here, and only here. */
const INVALID_TOKEN = 1000

/** The endpoints. */
export function userTokenEndpoints(deps: { readonly signIn: SignIn }): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/user/tokens/verify',
      summary: 'Whether the token is good',
      tag: 'Tokens',
      access: 'open',
      resultSchema: z.object({ id: z.string(), status: z.literal('active') }),
      handle: async ({ incoming, requestId }) => {
        try {
          const { tokenId } = await deps.signIn(incoming)
          return answerResult(
            { id: tokenId, status: 'active' },
            { messages: [{ code: 10000, message: 'This API Token is valid and active' }] },
          )
        } catch (error) {
          if (!isFailure(error, 'not_authenticated')) throw error
          const told = {
            ...tellFailure(error, requestId),
            number: INVALID_TOKEN,
            message: 'Invalid API Token',
          }
          return {
            status: told.status,
            headers: { ...told.headers, 'content-type': 'application/json', 'cache-control': 'no-store' },
            body: formatFailure(told),
          }
        }
      },
    }),
  ]
}
